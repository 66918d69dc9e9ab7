#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares a recording of `trace -w` with what bench/count counted at the same time.

    loss.py quiet RECORDING COUNTS        are there two quiet moments, all losses between them?
    loss.py equal RECORDING COUNTS        written + lost = counted between them
    loss.py end RECORDING JSON            END record, sequence numbers and summary agree
    loss.py fates JSON OPEN CLOSED [SOME] no complete journey of UDP to the port OPEN was anything
                                          but queued, none to CLOSED anything but dropped for
                                          NO_SOCKET; SOME: there are complete and incomplete ones

What can be compared exactly, and how. trace and count are attached one after the other, and the rest
of the machine goes on meanwhile, frees carry no namespace, and a lost record says nothing of what it
was. But each record of an event has a number of its CPU, taken before room is looked for. So on each
CPU, all that trace had to record between two moments, written or lost, is the difference between the
numbers around the first moment and those around the second. count keeps its counts by CPU and slot of
time; the moments are edges of its slots at which no CPU had an event for MARGIN on either side, and
around which no number is missing. What either could not see, because a program is skipped when it
interrupts itself, the kernel counts: it is added on both sides.

A recording is records one after the other (bpf/abi.h), each beginning with struct hs_hdr: type, stage,
flags, frames (a byte each), size, CPU (two bytes), sequence number, context (four), time (eight).
"""
import bisect
import collections
import itertools
import json
import struct
import sys

HDR = struct.Struct("=BBBBHHIIQ")
UNNUMBERED = 1 << 3  # HS_F_LISTED
FIRST_OF_USER, START, TICK, LOSS, END = 32, 32, 33, 34, 40
MARGIN = 20000  # ns

# (type, stage) of a record: the tracepoint that wrote it
PROBES = {
    (1, 9): "net_dev_queue", (2, 9): "net_dev_queue", (1, 10): "net_dev_start_xmit",
    (1, 11): "netif_rx", (2, 11): "netif_rx",
    (1, 12): "netif_receive_skb", (2, 12): "netif_receive_skb",
    (3, 24): "kfree_skb", (3, 25): "consume_skb", (4, 19): "icmp_send",
    (5, 21): "sk_data_ready", (5, 23): "inet_sk_error_report",
    (6, 22): "sock_recv_length", (6, 0): "sock_send_length",
}

Event = collections.namedtuple("Event", "cpu seq time probe")


class Recording:
    def __init__(self, path):
        data = open(path, "rb").read()
        self.events = collections.defaultdict(list)  # by CPU, in the order of time
        self.misses = self.reserve = 0
        offset = 0
        while offset < len(data):
            kind, stage, flags, _, size, cpu, seq, _, time = HDR.unpack_from(data, offset)
            body = offset + HDR.size
            if kind == START:
                self.start = time
            elif kind == TICK:
                self.stop = time  # the last one was before the probes were detached
            elif kind == LOSS:
                self.reserve, self.misses = struct.unpack_from("=QQ", data, body)
            elif kind == END:
                self.generated, self.lost = struct.unpack_from("=QQ", data, body)
            elif kind < FIRST_OF_USER and not flags & UNNUMBERED:
                self.events[cpu].append(Event(cpu, seq, time, PROBES[kind, stage]))
            offset += size
        for events in self.events.values():
            events.sort(key=lambda e: (e.time, e.seq))
        self.numbers = {cpu: Numbers(events) for cpu, events in self.events.items()}

    def written(self):
        return sum(len(events) for events in self.events.values())

    def missing(self):
        """Numbers that no record has, before the last one of each CPU."""
        return sum(max(e.seq for e in events) + 1 - len(events) for events in self.events.values())


class Numbers:
    """How many events a CPU had by some moment."""

    def __init__(self, events):
        self.times = [e.time for e in events]
        self.before = list(itertools.accumulate((e.seq for e in events), max))
        self.after = list(itertools.accumulate((e.seq for e in reversed(events)), min))[::-1]

    def at(self, moment):
        """None where a number near that moment is missing."""
        i = bisect.bisect_left(self.times, moment)
        number = self.before[i - 1] + 1 if i else 0
        return number if i < len(self.after) and self.after[i] == number else None


class Counts:
    def __init__(self, path):
        text = open(path, encoding="ascii").read()
        data = json.loads(text.partition("\n")[2])  # the first line says that it counts
        self.length, self.start, self.kinds = data["slot_ns"], data["start"], data["kinds"]
        self.late, self.misses = data["late"], data["misses"]
        self.slots = data["slots"]
        self.first = {(cpu, slot): first for cpu, slot, first, _, _ in self.slots}
        self.last = {(cpu, slot): last for cpu, slot, _, last, _ in self.slots}
        self.cpus = {cpu for cpu, *_ in self.slots}

    def edge(self, slot):
        """The moment at which a slot begins, None when it is not quiet."""
        moment = self.start + slot * self.length
        quiet = all(
            moment - self.last.get((cpu, slot - 1), 0) >= MARGIN
            and self.first.get((cpu, slot), moment + MARGIN) - moment >= MARGIN
            for cpu in self.cpus
        )
        return moment if quiet else None

    def between(self, first, end):
        sums = collections.Counter()
        for _, slot, _, _, counts in self.slots:
            if first <= slot < end:
                sums.update(dict(zip(self.kinds, counts)))
        return +sums


def moments(rec, counts):
    """The first and the last slot whose beginnings are such moments, with their numbers."""
    found = []
    for slot in range((rec.start + MARGIN - counts.start) // counts.length + 1,
                      (rec.stop - MARGIN - counts.start) // counts.length + 1):
        moment = counts.edge(slot)
        if moment is None:
            continue
        numbers = {cpu: rec.numbers[cpu].at(moment) if cpu in rec.numbers else None
                   for cpu in counts.cpus | rec.numbers.keys()}
        if None not in numbers.values():
            found.append((slot, moment, numbers))
    return (found[0], found[-1]) if len(found) > 1 else None


def window(rec, counts):
    found = moments(rec, counts)
    if not found:
        raise SystemExit("no quiet moment")
    (first, since, low), (end, until, high) = found
    generated = sum(high.values()) - sum(low.values())
    inside = [e for events in rec.events.values() for e in events if since <= e.time < until]
    return generated, inside, counts.between(first, end)


def quiet(rec, counts):
    generated, inside, _ = window(rec, counts)
    if counts.late:
        raise SystemExit("count had too few slots")
    if generated - len(inside) != rec.lost:
        raise SystemExit(f"{generated - len(inside)} lost there, {rec.lost} in all")


def equal(rec, counts):
    generated, inside, counted = window(rec, counts)
    written = collections.Counter(e.probe for e in inside)
    lost = generated - len(inside)
    print(f"{len(inside)} written + {lost} lost, {counted.total()} counted"
          + (f"; skipped: {rec.misses} and {counts.misses}" if rec.misses + counts.misses else ""))
    if generated + rec.misses != counted.total() + counts.misses:
        raise SystemExit(f"not equal: {dict(written)} and {dict(counted)}")
    if not lost + rec.misses + counts.misses and written != counted:
        raise SystemExit(f"not alike: {dict(written)} and {dict(counted)}")


def end(rec, summary):
    print(f"{rec.generated} generated, {rec.lost} lost")
    for what, value, wanted in (
        ("written + lost", rec.written() + rec.lost, rec.generated),
        ("missing numbers", rec.missing(), rec.lost),
        ("lost in the last loss record", rec.reserve, rec.lost),
        ("lost in the summary", summary["lost"], rec.lost),
    ):
        if value != wanted:
            raise SystemExit(f"{what}: {value}, should be {wanted}")


def fates(records, open_port, closed_port, some):
    wanted = {open_port: ("queued", ""), closed_port: ("dropped", "NO_SOCKET")}
    seen = collections.Counter()
    wrong = []
    for j in records:
        if j["type"] != "journey" or j["packet"].get("dport") not in wanted:
            continue
        fate = j["fate"]["kind"], j["fate"]["reason"]
        seen[j["packet"]["dport"], j["complete"], *fate] += 1
        if j["complete"] and fate != wanted[j["packet"]["dport"]]:
            wrong.append(j)
    for key, n in sorted(seen.items()):
        print(n, *key)
    if wrong:
        raise SystemExit(f"{len(wrong)} complete journeys are wrong, the first: {json.dumps(wrong[0])}")
    if some and {complete for _, complete, *_ in seen} != {True, False}:
        raise SystemExit("there should be complete and incomplete ones")


def main():
    command, *args = sys.argv[1:]
    if command in ("quiet", "equal"):
        {"quiet": quiet, "equal": equal}[command](Recording(args[0]), Counts(args[1]))
    elif command == "end":
        end(Recording(args[0]), [json.loads(line) for line in open(args[1], encoding="utf-8")][-1])
    elif command == "fates":
        fates([json.loads(line) for line in open(args[0], encoding="utf-8")], int(args[1]),
              int(args[2]), len(args) > 3)
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
