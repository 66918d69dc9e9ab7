#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the backends of trace say of the same traffic, held against each other.

    backends.py granted DOCTOR            names of the backends that this kernel grants, a line each
    backends.py refused DOCTOR            why none is granted, in the doctor's words
    backends.py same BASE OTHER HOW       journeys and fates of two traces (files of trace --json) are the same; unless
                                          HOW is "exactly", OTHER may know whose receive buffer was full and BASE not
    backends.py stages JSON PORT N        the answer from that port shows N distinct timed stages, in causal
                                          order, none twice
    backends.py inferred DOCTOR BACKEND STACKS FUNCTIONS PORT
                                          what stacks infer, functions time: the same stages in the same places
"""
import json
import os
import sys
from collections import Counter


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def journeys(path):
    return [record for record in load(path) if record["type"] == "journey"]


def granted(doctor):
    return [name for name, key in (("fentry", "fentry"), ("kprobe.multi", "kprobe_multi"), ("kprobe", "kprobe"))
            if doctor[key]["works"]]


# Ports of servers in the tests; the other end has one that the kernel chose.
def is_server(port):
    return port is not None and 8000 <= port < 10000


def role(port):
    return port if is_server(port) else "client" if port is not None else None


def flags(packet):
    return (packet.get("tcp") or {}).get("flags")


def key(journey):
    """What a journey was and what became of it, without what differs from run to run."""
    packet, fate = journey["packet"], journey["fate"]
    icmp = packet.get("icmp") or {}
    return json.dumps([
        packet.get("proto"), packet.get("src"), packet.get("dst"), role(packet.get("sport")),
        role(packet.get("dport")), packet.get("payload"), icmp.get("type"), icmp.get("code"),
        flags(packet), fate["kind"], fate["reason"], fate["netns"], fate["dev"],
        bool(fate["socket"]), bool(journey["read"]), journey["told"]["kind"], journey["cause"]["kind"],
        journey["cause"]["text"], journey["complete"]])


KIND, SOCKET = 9, 13  # of that list


def is_steady(journey):
    """When an ACK is sent alone is a matter of time, and so is what a timer sends again."""
    if (journey.get("segment") or {}).get("retransmission"):
        return False
    return flags(journey["packet"]) != ["ACK"] or journey["packet"].get("payload")


def excuse(fewer, more):
    """Forget the drops that differ in this only, that the second tells whose receive buffer was full."""
    for what, n in list(fewer.items()):
        fields = json.loads(what)
        if fields[KIND] == "dropped" and not fields[SOCKET]:
            fields[SOCKET] = True
            told = json.dumps(fields)
            n = min(n, more[told])
            fewer[what] -= n
            more[told] -= n


def same(base, other, how):
    counts = [Counter(key(j) for j in journeys(path) if is_steady(j)) for path in (base, other)]
    only = [counts[0] - counts[1], counts[1] - counts[0]]
    if how != "exactly":
        excuse(*only)
    wrong = False
    for sign, difference in zip(("only the first", "only the second"), only):
        for what, n in (+difference).items():
            print(f"{sign}, {n} x: {what}")
            wrong = True
    if not counts[0]:
        print("no journeys")
        wrong = True
    return wrong


def place(hop):
    return f'{hop["netns"]}/{hop["dev"]}'


def find(path, port):
    """The answer of the server at that port: both its socket and its packet were asked for anew."""
    found = [j for j in journeys(path) if j["packet"].get("sport") == port and j["packet"].get("proto") == "UDP"]
    if len(found) != 1:
        raise SystemExit(f"{len(found)} answers from port {port} in {path}")
    return found[0]


# Outward, then inward: what must come before what, wherever both are there.
ORDER = """udp_send route_out skb_alloc udp_xmit local_out ip_out postrouting neighbour dev_queue dev_xmit
veth_xmit peer backlog cpu_queue softirq receive ip_in prerouting route_in ip_local local_in protocol udp_in
sock_lookup udp_queue sock_buffer sock_queue wakeup running recv_call dequeue copy skb_free""".split()


def stages(path, port, least):
    hops = [hop for hop in find(path, port)["hops"] if hop["by"] != "stack"]
    names = [hop["stage"] for hop in hops]
    wrong = []
    if [hop["time"] for hop in hops] != sorted(hop["time"] for hop in hops):
        wrong.append("times go back")
    for what, n in Counter((hop["stage"], place(hop), hop["text"]) for hop in hops).items():
        if n > 1:
            wrong.append(f"{n} times {what}")
    ordered = [name for name in names if name in ORDER]
    if ordered != sorted(ordered, key=ORDER.index):
        wrong.append("not in causal order")
    if len(set(names)) < least:
        wrong.append(f"only {len(set(names))} distinct stages")
    for line in wrong:
        print(line)
    print(" ".join(f'{hop["stage"]}({hop["by"]})' for hop in hops))
    return bool(wrong)


def is_in_reach(backend, function):
    """Before 5.11 the types of modules are not described, so fentry cannot be there."""
    return function["backend"] and (backend != "fentry" or not function["module"]
                                    or os.path.exists(f'/sys/kernel/btf/{function["module"]}'))


def stands_in(hop):
    """Debian's 6.18 and 7.3 have ip_rcv_finish() inlined into ip_rcv(), beside a copy of its own for netfilter, so
    that the probe on it sees nothing and the stack has only what it calls."""
    return hop["function"] == "ip_rcv_finish_core"


def inferred(doctor, backend, stacks, functions, port):
    """Each stage that the stack of a tracepoint tells is timed where its function is probed."""
    probed = {stage["name"].lower() for stage in doctor["stages"]
              if any(is_in_reach(backend, function) for function in stage["functions"])}
    # Of a copy (.isra.0) the compiler may have changed the arguments: it is not certain where the packet is.
    told = [hop for hop in find(stacks, port)["hops"] if hop["by"] == "stack" and "." not in hop["function"]]
    timed = find(functions, port)["hops"]
    wrong = [f'from a stack in a trace by functions: {hop["stage"]}' for hop in timed
             if hop["by"] == "stack" and hop["stage"] in probed]
    wanted = [(hop["stage"], place(hop)) for hop in told
              if hop["stage"] in probed and not stands_in(hop)]
    rest = [(hop["stage"], place(hop)) for hop in timed if hop["by"] != "stack"]
    for want in wanted:
        if want not in rest:
            wrong.append(f"not timed, or not in its turn: {want}")
        else:
            rest = rest[rest.index(want) + 1:]
    if len(wanted) < 8:
        wrong.append(f"stacks tell only {len(wanted)} stages")
    for line in wrong:
        print(line)
    print("stacks:", " ".join(f'{hop["stage"]}({hop["function"]})' for hop in told))
    return bool(wrong)


def main():
    command, *args = sys.argv[1:]
    if command in ("granted", "refused"):
        with open(args[0], encoding="utf-8") as file:
            doctor = json.load(file)
        if command == "granted":
            for name in granted(doctor):
                print(name)
        else:
            print(", ".join(f'{name}: {doctor[name]["errno"]} {doctor[name]["why"] or ""}'.strip()
                            for name in ("fentry", "kprobe_multi", "kprobe")))
        return 0
    if command == "same":
        return same(*args)
    if command == "stages":
        return stages(args[0], int(args[1]), int(args[2]))
    if command == "inferred":
        with open(args[0], encoding="utf-8") as file:
            return inferred(json.load(file), *args[1:4], int(args[4]))
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
