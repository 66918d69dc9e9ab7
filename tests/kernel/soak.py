#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Judges the journeys of tests/kernel/traffic.py as `trace --json` tells them, by the rules of ORDER and LINKS.

    trace --json ... | soak.py judge PREFIX      prints what is impossible, and counts; 1: there is something
    soak.py grow PID FILE                        each second a line there: s since its start, RssAnon in
                                                 KiB (the rings are mapped besides); until PID ends
    soak.py bounded FILE WARMUP KIB              of the time after WARMUP s, the least in its second half is
                                                 not more than KIB above the least in its first: what
                                                 other traffic on the machine takes is given back
"""
import collections
import json
import sys
import time

# What a packet may meet next, by what it met last; of stages that tracepoints tell. Nothing: its end.
ORDER = {
    # before its birth (drop: it died before it was queued to a device; backlog: it loops back to its sender)
    "": "dev_queue dev_xmit backlog route_out neighbour drop icmp_error",
    "route_out": "route_out dev_queue dev_xmit backlog neighbour drop",
    "neighbour": "drop icmp_error dev_queue",
    # on its way out
    "dev_queue": "qdisc_enqueue dev_xmit drop consume",
    "qdisc_enqueue": "qdisc_dequeue dev_xmit drop",
    "qdisc_dequeue": "dev_xmit drop",
    # a link's other end (LINKS), or the device below
    "dev_xmit": "backlog receive dev_queue drop consume",
    # on its way in: up from a port to its bridge, on through another port, to a socket
    "backlog": "receive drop",
    "receive": "receive route_in dev_queue sock_queue sock_error icmp_error neighbour drop consume",
    "route_in": "route_in dev_queue sock_queue sock_error icmp_error drop consume",
    "icmp_error": "drop consume",
    "sock_error": "wakeup running drop consume",
    # ICMP to a raw socket, and to the socket that it is about
    "sock_queue": "sock_error wakeup running sock_queue consume drop",
    "wakeup": "running consume sock_error",
    "running": "sock_error consume",
    "drop": "",
    "consume": "",
}
# Of what only a stack tells: on the way in, each after those before it, within one namespace.
INWARD = ["softirq", "ip_in", "prerouting", "ip_local", "reassembly", "local_in", "udp_in", "udp_queue"]
# A packet leaves a namespace by one end, and is next seen at the other.
LINKS = {
    "ns_client/veth_c": "ns_bridge/veth_br_c", "ns_bridge/veth_br_c": "ns_client/veth_c",
    "ns_server/veth_s": "ns_bridge/veth_br_s", "ns_bridge/veth_br_s": "ns_server/veth_s",
    "ns_third/veth_t": "ns_bridge/veth_br_t", "ns_bridge/veth_br_t": "ns_third/veth_t",
}
# Whose addresses these are: there a packet of a known sender begins, and one to it is queued.
OWNER = {"10.0.1.2": "ns_client", "fd00:0:0:1::2": "ns_client", "10.0.1.1": "ns_server",
         "fd00:0:0:1::1": "ns_server", "10.0.1.3": "ns_third", "fd00:0:0:1::3": "ns_third",
         "fd00::1:0:0:0:2": "ns_client", "fd00::1:0:0:0:1": "ns_server", "fd00::1:0:0:0:3": "ns_third"}
# The last stages that a fate may follow. Of TCP, silence after it was received is a fate too.
ENDS = {
    "queued": "sock_queue wakeup running consume sock_error receive route_in drop",
    "dropped": "drop",
    "refused": "consume drop receive route_in",
    "consumed": "consume receive route_in sock_error",
    "merged": "consume receive route_in",
    "unknown": None,
    "underway": None,
}
STALE = 2_000_000_000  # ns between two stages, the last not being a socket's queue: another packet's


class Judge:
    def __init__(self, prefix):
        self.prefix = prefix
        self.sockets = {}
        self.seen = collections.Counter()
        self.wrong = collections.Counter()
        self.excused = collections.Counter()  # of incomplete ones, when events are lost

    def fail(self, journey, why):
        counts = self.wrong if journey["complete"] else self.excused
        counts[why] += 1
        if counts[why] <= 2:
            hops = " ".join(f'{h["netns"]}/{h["dev"]}:{h["stage"]}+{h["time"] - journey["born"]}'
                            for h in journey["hops"] if h["by"] == "tracepoint")
            print(f'#{journey["id"]}{"" if journey["complete"] else " (incomplete)"}: {why}\n    {hops.replace(self.prefix, "")}\n    '
                  f'{json.dumps(journey["packet"])}\n    {json.dumps(journey["fate"])}', flush=True)

    def place(self, hop):
        return f'{hop["netns"].removeprefix(self.prefix)}/{hop["dev"]}'

    def order(self, journey, hops):
        last, before = "", None
        for hop in hops:
            stage = hop["stage"]
            first = before is None and not journey["complete"]
            if not first and stage not in ORDER[last].split():
                self.fail(journey, f"{stage} after {last or 'nothing'}")
            if before:
                gap = hop["time"] - before["time"]
                if gap < 0:
                    self.fail(journey, f"{stage} is told before {last}, which was earlier")
                if gap > STALE and last not in ("sock_queue", "wakeup", "running"):
                    self.fail(journey, f"{stage} long after {last}")
                self.crossing(journey, before, hop)
            last, before = stage, hop

    def crossing(self, journey, before, hop):
        there, here = self.place(before), self.place(hop)
        if before["netns"] != hop["netns"]:
            if before["stage"] != "dev_xmit" or LINKS.get(there) != here:
                self.fail(journey, f'{before["stage"]} at {there}, then {hop["stage"]} at {here}')
        elif before["stage"] == "dev_xmit" and hop["stage"] in ("backlog", "receive"):
            self.fail(journey, f"received where it was sent, at {here}")

    def inward(self, journey):
        netns, rank = None, -1
        for hop in journey["hops"]:
            if hop["netns"] != netns or hop["stage"] in ("receive", "dev_queue"):
                netns, rank = hop["netns"], -1
            if hop["by"] == "stack" and hop["stage"] in INWARD:
                if INWARD.index(hop["stage"]) < rank:
                    self.fail(journey, f'{hop["stage"]} after {INWARD[rank]}')
                rank = INWARD.index(hop["stage"])

    def ends(self, journey, hops):
        fate, last = journey["fate"], hops[-1]["stage"] if hops else ""
        allowed = ENDS.get(fate["kind"], "")
        if allowed is not None and last not in allowed.split():
            self.fail(journey, f'{fate["kind"]} after {last}')
        for hop in hops:
            # An RST is taken, and then its socket's program is told.
            if hop["stage"] != "sock_error" and hop["time"] > fate["time"] > 0 and fate["kind"] in ("dropped", "refused", "consumed", "merged"):
                self.fail(journey, f'{hop["stage"]} after it was {fate["kind"]}')

    def identity(self, journey, hops):
        packet, fate, read = journey["packet"], journey["fate"], journey["read"]
        src, dst = OWNER.get(packet.get("src")), OWNER.get(packet.get("dst"))
        begins = hops[0]["netns"].removeprefix(self.prefix) if hops else ""
        # What a bridge floods is born there, as a copy of what it received.
        flooded = begins == "ns_bridge" and journey.get("duplicate_of")
        if journey["complete"] and src and begins and begins != src and not flooded:
            self.fail(journey, f'a packet of {src} begins in {begins}')
        ended = fate["netns"].removeprefix(self.prefix)
        if dst and fate["kind"] in ("queued", "refused", "merged") and ended != dst:
            self.fail(journey, f'a packet to {dst} is {fate["kind"]} in {ended}')
        if dst and fate["kind"] == "dropped" and ended != dst:
            self.fail(journey, f'dropped on its way, {fate["reason"]} in {ended}')
        if read and packet.get("proto") == "UDP" and "fragment" not in packet and "dport" in packet \
                and read["ret"] != packet["payload"]:
            self.fail(journey, "a datagram of another length was read")

    def journey(self, journey):
        # Wakeups tell of a reader, not of the packet.
        hops = [hop for hop in journey["hops"] if hop["by"] == "tracepoint"]
        self.seen["complete" if journey["complete"] else "incomplete", journey["fate"]["kind"]] += 1
        self.order(journey, hops)
        self.inward(journey)
        self.ends(journey, hops)
        self.identity(journey, hops)
        # This traffic has no other packets for which nobody waits.
        if journey["fate"]["kind"] == "dropped" and journey["fate"]["reason"].startswith("PACKET_SOCK"):
            self.fail(journey, "dropped by a tap, which gets clones only")


def judge(prefix):
    judged, summary = Judge(prefix), None
    for line in sys.stdin:
        record = json.loads(line)
        if record["type"] == "journey":
            judged.journey(record)
        elif record["type"] == "summary":
            summary = record
    for key, n in sorted(judged.seen.items()):
        print(n, *key)
    if not summary:
        raise SystemExit("no summary: the trace was cut short")
    if not summary["lost"] + summary["misses"]:
        judged.wrong += judged.excused
    print(f"{sum(judged.excused.values())} times excused by losses" if judged.excused else "nothing to excuse")
    print({key: summary[key] for key in ("packets", "shown", "events", "lost", "misses", "unknown", "flows")}, flush=True)
    if judged.wrong:
        raise SystemExit("\n".join(f"{n} times: {why}" for why, n in judged.wrong.most_common()))
    if not summary["shown"]:
        raise SystemExit("there are no journeys")


def rss(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("RssAnon:"):
                return int(line.split()[1])
    return 0


def grow(pid, path):
    begun = time.monotonic()
    with open(path, "w", encoding="ascii") as out:
        while True:
            try:
                kib = rss(pid)
            except (FileNotFoundError, ProcessLookupError):
                return
            if not kib:
                return  # it is a zombie
            print(f"{time.monotonic() - begun:.1f} {kib}", file=out, flush=True)
            time.sleep(1)


def bounded(path, warmup, most):
    samples = [(float(s), int(kib)) for s, kib in (line.split() for line in open(path, encoding="ascii"))]
    warmup = max(warmup, samples[-1][0] / 3)  # a slow machine takes longer for the same
    late = [(s, kib) for s, kib in samples if s >= warmup]
    middle = (warmup + samples[-1][0]) / 2
    halves = [[kib for s, kib in late if (s >= middle) == second] for second in (False, True)]
    if not all(halves):
        raise SystemExit(f"only {len(samples)} samples, {len(late)} of them after {warmup} s")
    print(f"RssAnon {samples[0][1]} KiB at first; after {warmup:.0f} s {min(halves[0])} to {max(halves[0])}, after "
          f"{middle:.0f} s {min(halves[1])} to {max(halves[1])}; {samples[-1][1]} at the end, {samples[-1][0]:.0f} s")
    if min(halves[1]) > min(halves[0]) + most:
        raise SystemExit(f"that is {min(halves[1]) - min(halves[0])} KiB more, and {most} are allowed")


if __name__ == "__main__":
    command, *args = sys.argv[1:]
    if command == "judge":
        judge(*args)
    elif command == "grow":
        grow(int(args[0]), args[1])
    elif command == "bounded":
        bounded(args[0], float(args[1]), int(args[2]))
    else:
        raise SystemExit(__doc__)
