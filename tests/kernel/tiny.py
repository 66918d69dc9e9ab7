#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Holds what a trace without room says against what one with room says of the same packets.

    tiny.py TRUTH TINY [lie]    both as `trace --json -vv` wrote them; prints counts; 1: something is wrong

The same packet: the same address in the kernel, the same headers, born at nearly the same time (both have a
probe at the same place, one runs after the other). Each journey that TINY calls complete has the fate that it
has in TRUTH, in the same namespace, for the same reason. Of each other it says that events were lost, or it has
not even headers; and only such a one may be without a fate. lie: tells a wrong fate of one complete journey,
which must be found out.
"""
import collections
import json
import sys

NEAR = 5_000_000  # ns
HEADERS = ("version", "proto", "src", "dst", "sport", "dport", "length", "ip_id")


def load(path):
    journeys, summary = [], None
    for line in open(path, encoding="utf-8"):
        record = json.loads(line)
        if record["type"] == "journey":
            journeys.append(record)
        elif record["type"] == "summary":
            summary = record
    if not summary:
        raise SystemExit(f"{path} is cut short")
    return journeys, summary


def key(journey):
    packet = journey["packet"]
    tcp, icmp = packet.get("tcp", {}), packet.get("icmp", {})
    return (journey["skb"], *(packet.get(name) for name in HEADERS), packet.get("fragment", {}).get("offset"),
            tcp.get("seq"), tcp.get("ack"), str(tcp.get("flags")), icmp.get("type"), icmp.get("echo_seq"))


def fate(journey):
    return tuple(journey["fate"][name] for name in ("kind", "reason", "netns"))


def main():
    (truth, whole), (tiny, part) = load(sys.argv[1]), load(sys.argv[2])
    if whole["lost"] or whole["misses"]:
        raise SystemExit(f'inconclusive: the truth has losses: {whole["losses"]}')
    if "lie" in sys.argv[3:]:
        liar = next(j for j in tiny if j["complete"] and j["fate"]["kind"] == "queued")
        liar["fate"]["kind"] = "consumed"
    known = collections.defaultdict(list)
    for journey in truth:
        known[key(journey)].append(journey)
    seen, wrong = collections.Counter(), []
    for journey in tiny:
        seen["complete" if journey["complete"] else "incomplete", journey["fate"]["kind"]] += 1
        if not journey["complete"]:
            if not journey["lost"] and journey["packet"]["version"]:
                wrong.append(("incomplete, and nothing says why", journey, None))
            if journey["lost"] and journey["fate"]["kind"] == "underway":
                wrong.append(("under way, by what was not lost", journey, None))
            continue
        same = min(known[key(journey)], key=lambda other: abs(other["born"] - journey["born"]), default=None)
        if not same or abs(same["born"] - journey["born"]) > NEAR:
            wrong.append(("there was no such packet", journey, None))
        elif not same["complete"]:
            seen["nobody knows", ""] += 1
        elif fate(same) != fate(journey):
            wrong.append((f"{fate(journey)} should be {fate(same)}", journey, same))
    print(f'truth: {len(truth)} journeys; tiny: {len(tiny)}')
    for (what, kind), n in sorted(seen.items()):
        print(n, what, kind)
    print("losses:", part["losses"])
    if wrong:
        for why, journey, same in wrong[:3]:
            print(f'#{journey["id"]}: {why}: {json.dumps(journey["packet"])}')
            for told in filter(None, (journey, same)):
                print("   ", told["lost"], told["fate"]["why"],
                      *(f'{hop["netns"]}/{hop["dev"]}:{hop["stage"]}+{hop["time"] - told["born"]}'
                        for hop in told["hops"] if hop["by"] == "tracepoint"))
        raise SystemExit(f"{len(wrong)} of {len(tiny)} journeys are told wrongly")


main()
