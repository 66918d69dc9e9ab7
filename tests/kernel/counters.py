#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random UDP traffic in the lab two_clients, and the kernel's counters beside trace's journeys.

    counters.py traffic SEED [limited] >COUNTED   makes it; prints what each counter rose by
    counters.py compare COUNTED JSON              for each namespace, a line of what the counters say
                                                  and one of what the journeys say

TOPO_PREFIX is that of the lab. SEED decides all: who sends to whom, over which IP version, to a socket
that is read, to one whose buffer is full, to a closed port or (not when limited) too far for its TTL,
connected or not. The same seed is the same traffic.

Each counter is compared with the journeys that stand for it one to one. NO_SOCKET is TCP's reason too
and a raw socket can send ICMP, so the journeys are counted by protocol and nothing else runs in the lab.
"""
import collections
import ctypes
import errno
import json
import os
import random
import socket
import sys
import time

PREFIX = os.environ.get("TOPO_PREFIX", "")
NAMES = ("ns_client1", "ns_server", "ns_client2")
ADDRESSES = {
    "ns_client1": ("10.0.1.2", "fd00:0:0:1::2"),
    "ns_server": ("10.0.1.1", "fd00:0:0:1::1"),
    "ns_client2": ("10.0.2.2", "fd00:0:0:2::2"),
}
LOOPBACK = ("127.0.0.1", "::1")
COUNTERS = (
    "UdpNoPorts", "UdpRcvbufErrors", "IcmpOutDestUnreachs", "IcmpOutTimeExcds",
    "Udp6NoPorts", "Udp6RcvbufErrors", "Icmp6OutDestUnreachs", "Icmp6OutTimeExcds",
    "IcmpOutRateLimit", "Icmp6OutRateLimit",
)
READ, FULL, CLOSED = 9000, 9001, 9002  # ports
CLONE_NEWNET = 0x40000000
LIMIT = 30  # seconds that any one wait may take

libc = ctypes.CDLL(None, use_errno=True)


def enter(name):
    with open(f"/run/netns/{PREFIX}{name}", encoding="ascii") as ns:
        if libc.setns(ns.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")


def counters_of(name):
    enter(name)
    found = {}
    lines = open("/proc/self/net/snmp", encoding="ascii").read().splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        protocol = names.partition(":")[0]
        found.update({protocol + n: int(v) for n, v in zip(names.split()[1:], values.split()[1:])})
    for line in open("/proc/self/net/snmp6", encoding="ascii"):
        found[line.split()[0]] = int(line.split()[1])
    # The limit of a peer and that of the whole namespace; which one it was is chance.
    for six in ("", "6"):
        found[f"Icmp{six}OutRateLimit"] = sum(
            found.get(f"Icmp{six}OutRateLimit{which}", 0) for which in ("Host", "Global"))
    return {counter: found.get(counter, 0) for counter in COUNTERS}


def counters():
    return {name: counters_of(name) for name in NAMES}


def udp(name, six):
    enter(name)
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    if six:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return sock


def bound(name, six, port, rcvbuf=0):
    sock = udp(name, six)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.bind(("::" if six else "0.0.0.0", port))
    sock.setblocking(False)
    return sock


def send(sock, size):
    """One datagram; an error that an earlier one brought is taken first (it is told only once)."""
    try:
        sock.send(b"x" * size)
    except OSError as error:
        if error.errno not in (errno.ECONNREFUSED, errno.EHOSTUNREACH):
            raise
        send(sock, size)


def one(rng, kinds):
    """One random way to send one or several datagrams: the port, how many, and how."""
    port = rng.choice(kinds)
    six = rng.random() < 0.5
    source = rng.choice(NAMES)
    target = rng.choice(NAMES)
    ttl = 0
    if port == "ttl":
        source, target = rng.choice((NAMES[::2], NAMES[::-2]))
        port, ttl = rng.choice((READ, CLOSED)), 1
    address = LOOPBACK[six] if source == target and rng.random() < 0.5 else ADDRESSES[target][six]
    count = rng.randrange(1, 8)
    size = rng.randrange(0, 1200)
    connected = rng.random() < 0.5
    return source, six, address, port, ttl, count, size, connected


def traffic(seed, limited):
    rng = random.Random(seed)
    readers, held = [], []
    for name in NAMES:
        for six in (False, True):
            readers.append(bound(name, six, READ))
            held.append(bound(name, six, FULL, 4096))
    before = counters()
    sent = read = closed = 0
    kinds = (READ, FULL, FULL, CLOSED) + (() if limited else ("ttl",))
    for _ in range(60):
        source, six, address, port, ttl, count, size, connected = one(rng, kinds)
        with udp(source, six) as sock:
            if ttl and six:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
            elif ttl:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            if connected:
                sock.connect((address, port))
            for _ in range(count):
                if connected:
                    send(sock, size)
                else:
                    sock.sendto(b"x" * size, (address, port))
                sent += 1
                closed += port == CLOSED and not ttl
                if port == READ and not ttl:
                    read += receive(readers)
    after = settled(before, closed)
    print(json.dumps({name: {c: after[name][c] - before[name][c] for c in COUNTERS}
                      for name in NAMES}))
    print(f"seed {seed}: {sent} datagrams, {read} read, {closed} to closed ports", file=sys.stderr)


def receive(readers):
    """Waits for the one datagram that must come."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        for sock in readers:
            try:
                sock.recv(2000)
                return 1
            except BlockingIOError:
                pass
    raise SystemExit("a datagram did not come")


def settled(before, closed):
    """The counters, when each datagram to a closed port is in them and nothing moves."""
    deadline = time.monotonic() + LIMIT
    same, last = 0, None
    while time.monotonic() < deadline:
        now = counters()
        rose = sum(now[name][counter] - before[name][counter]
                   for name in NAMES for counter in ("UdpNoPorts", "Udp6NoPorts"))
        same = same + 1 if now == last and rose == closed else 0
        if same == 5:
            return now
        last = now
        time.sleep(0.01)
    raise SystemExit("the counters do not come to rest")


def journeys(path):
    """What the counters should say."""
    said = {name: collections.Counter() for name in NAMES}
    records = [json.loads(line) for line in open(path, encoding="utf-8")]
    by_id = {record["id"]: record for record in records if record["type"] == "journey"}

    def where(label):
        return said.get(label.removeprefix(PREFIX), collections.Counter())

    for j in by_id.values():
        packet, fate = j["packet"], j["fate"]
        six = "6" if packet["version"] == 6 else ""
        if packet.get("proto") == "UDP" and fate["kind"] == "dropped":
            counter = {"NO_SOCKET": "NoPorts", "SOCKET_RCVBUFF": "RcvbufErrors"}.get(fate["reason"])
            if counter:
                where(fate["netns"])[f"Udp{six}{counter}"] += 1
        error = packet.get("icmp", {})
        if error.get("error"):
            unreachable, exceeded = (1, 3) if six else (3, 11)
            counter = {unreachable: "DestUnreachs", exceeded: "TimeExcds"}.get(error["type"])
            if counter:
                where(j["hops"][0]["netns"])[f"Icmp{six}Out{counter}"] += 1
    for record in records:
        if record["type"] == "no_icmp" and "rate limit" in record["why"]:
            j = by_id[record["journey"]]
            six = "6" if j["packet"]["version"] == 6 else ""
            where(j["fate"]["netns"])[f"Icmp{six}OutRateLimit"] += 1
    return said


def line(values):
    return " ".join(f"{counter}={values[counter]}" for counter in COUNTERS)


def main():
    command, *args = sys.argv[1:]
    if command == "traffic":
        traffic(int(args[0]), "limited" in args)
    elif command == "compare":
        counted = json.load(open(args[0], encoding="ascii"))
        said = journeys(args[1])
        for name in NAMES:
            print(f"{name} {line(counted[name])}")
            print(f"{name} {line(said[name])}")
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
