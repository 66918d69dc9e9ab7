# SPDX-License-Identifier: BSD-2-Clause
"""Damaged recordings: cmd_cut.py TRACE RECORDING SCRATCH

Cuts RECORDING at record boundaries and at random bytes, and changes random bytes of it. trace read
must not crash; of a cut it says so in one line and ends with 1. Prints what was wrong; exit status 1.
"""
import random
import subprocess
import sys

trace, path, scratch = sys.argv[1:]
with open(path, "rb") as f:
    whole = f.read()
seed = random.SystemRandom().randrange(1 << 32)
chance = random.Random(seed)
wrong = 0


def read(data):
    with open(scratch, "wb") as f:
        f.write(data)
    view = chance.choice(["--list", "--tree", "-f", "--json", "--json-hops", "-fvv"])
    return subprocess.run([trace, "read", scratch, view], capture_output=True, timeout=60), view


def complain(what, view, done):
    global wrong
    wrong += 1
    if wrong <= 5:
        print(f"{what} {view}: exit {done.returncode}, {done.stderr[:300]}")


# struct hs_hdr of bpf/abi.h: the size of a record is 16 bits at 4.
bounds = [0]
while bounds[-1] < len(whole):
    bounds.append(bounds[-1] + int.from_bytes(whole[bounds[-1] + 4:bounds[-1] + 6], sys.byteorder))
if bounds.pop() != len(whole) or len(bounds) < 20:
    print(f"{path}: {len(bounds)} records, {len(whole)} bytes: not as expected")
    sys.exit(1)
# A recording holds what else was sent on this machine: of a long one, some of its boundaries.
if len(bounds) > 150:
    bounds = bounds[:60] + sorted(chance.sample(bounds[60:], 90))
cuts = bounds + [chance.randrange(len(whole)) for _ in range(50)]
for cut in cuts:
    done, view = read(whole[:cut])
    short = b"cut short" if cut >= bounds[1] else b"not a recording"
    if done.returncode != 1 or done.stderr.count(b"\n") != 1 or short not in done.stderr:
        complain(f"cut at {cut}", view, done)
for _ in range(100):
    damaged = bytearray(whole)
    for _ in range(chance.choice([1, 1, 3, 30])):
        damaged[chance.randrange(len(whole))] = chance.randrange(256)
    done, view = read(damaged)
    if done.returncode not in (0, 1) or done.stderr.count(b"\n") > 1:
        complain("damaged", view, done)
        with open(f"{scratch}.bad{wrong}", "wb") as f:
            f.write(damaged)
print(f"{len(cuts)} cuts and 100 changes, {wrong} wrong (seed {seed})")
sys.exit(wrong > 0)
