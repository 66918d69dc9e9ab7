#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares what trace says crossed the devices with what tcpdump captured there.

    witness.py devices JSON FOLDER   FOLDER holds NAMESPACE.DEVICE.in.pcap and .out.pcap files; for
                                     each, the same packets, as a multiset, must be in the journeys:
                                     "receive" hops are in, "dev_xmit" hops are out
    witness.py same JSON JSON        two runs of the same programs have the same journeys, but for
                                     times, ids and the ports that the kernel chose; of TCP without
                                     the segments that only acknowledge, which come with time
    witness.py clean JSON            all arrived, but for retransmissions of what had come already

What leaves by lo is left out: libpcap shows packets there once, as they come in.

Only IP packets between the lab's addresses, or over lo, count: ND, MLD and the like come when they
want. TOPO_PREFIX is taken away from the names of namespaces.
"""
import collections
import ipaddress
import json
import os
import struct
import sys

LAB = [ipaddress.ip_network(text) for text in ("10.0.0.0/16", "127.0.0.0/8", "fd00::/48", "::1/128")]
UDP, TCP, ICMP, ICMPV6, FRAGMENT = 17, 6, 1, 58, 44
CHOSEN_PORTS = 32768  # from here on the kernel chooses (ip_local_port_range)

Packet = collections.namedtuple("Packet", "src dst proto sport dport icmp_type icmp_code tcp ip_id offset length ttl")
Segment = collections.namedtuple("Segment", "flags seq ack window")
TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")  # RFC 9293


def is_of_lab(packet):
    return all(any(ipaddress.ip_address(address) in network for network in LAB)
               for address in (packet.src, packet.dst))


def text_of(packet):
    where = f"{packet.src} > {packet.dst} proto {packet.proto}"
    if packet.sport is not None:
        where += f" ports {packet.sport} > {packet.dport}"
    if packet.tcp is not None:
        where += f" {'+'.join(packet.tcp.flags)} seq {packet.tcp.seq} ack {packet.tcp.ack} window {packet.tcp.window}"
    if packet.icmp_type is not None:
        where += f" type {packet.icmp_type} code {packet.icmp_code}"
    return f"{where} id {packet.ip_id} offset {packet.offset} length {packet.length} ttl {packet.ttl}"


# ---- tcpdump ----

def pcap_frames(path):
    """The frames of a pcap file of Ethernet (lo pretends to be)."""
    data = open(path, "rb").read()
    magic, link = struct.unpack("<I16xI", data[:24])
    if magic not in (0xa1b2c3d4, 0xa1b23c4d) or link != 1:
        raise SystemExit(f"{path}: not a pcap file of Ethernet frames: magic {magic:#x}, link type {link}")
    at = 24
    while at < len(data):
        captured, = struct.unpack("<8xI4x", data[at:at + 16])
        yield data[at + 16:at + 16 + captured]
        at += 16 + captured


def parse_frame(frame):
    """A Packet, or None for what is not IP. RFC 791, RFC 8200."""
    ethertype, = struct.unpack("!12xH", frame[:14])
    data = frame[14:]
    if ethertype == 0x0800:
        head = (data[0] & 15) * 4
        length, ip_id, flags, ttl, proto = struct.unpack("!2xHHHBB", data[:10])
        offset = (flags & 0x1fff) * 8
        src, dst = (str(ipaddress.ip_address(data[at:at + 4])) for at in (12, 16))
    elif ethertype == 0x86dd:
        head, offset, ip_id = 40, 0, 0
        payload, proto, ttl = struct.unpack("!4xHBB", data[:8])
        length = payload + 40
        src, dst = (str(ipaddress.ip_address(data[at:at + 16])) for at in (8, 24))
        while proto in (0, 43, 60, FRAGMENT):
            following, size = data[head], 8
            if proto == FRAGMENT:
                flags, ip_id = struct.unpack("!2xHI", data[head:head + 8])
                offset = flags & 0xfff8
            else:
                size = (data[head + 1] + 1) * 8
            head += size
            proto = following
            if offset:
                break
    else:
        return None
    sport = dport = icmp_type = icmp_code = tcp = None
    if not offset and proto in (UDP, TCP):
        sport, dport = struct.unpack("!HH", data[head:head + 4])
        if proto == TCP:
            seq, ack, bits, window = struct.unpack("!IIxBH", data[head + 4:head + 16])
            tcp = Segment(tuple(name for i, name in enumerate(TCP_FLAGS) if bits & 1 << i), seq, ack, window)
    elif not offset and proto in (ICMP, ICMPV6):
        icmp_type, icmp_code = data[head], data[head + 1]
    return Packet(src, dst, proto, sport, dport, icmp_type, icmp_code, tcp, ip_id, offset, length, ttl)


def read_captures(folder):
    """{(namespace, device, direction): Counter of packets}"""
    seen = {}
    for name in sorted(os.listdir(folder)):
        if name.endswith(".pcap"):
            netns, device, direction, _ = name.split(".")
            packets = (parse_frame(frame) for frame in pcap_frames(os.path.join(folder, name)))
            seen[netns, device, direction] = collections.Counter(
                packet for packet in packets if packet and is_of_lab(packet))
    return seen


# ---- trace ----

def read_journeys(path):
    text = open(path, encoding="utf-8").read().replace(os.environ.get("TOPO_PREFIX") or "\0", "")
    records = [json.loads(line) for line in text.splitlines()]
    journeys = {record["id"]: record for record in records if record["type"] == "journey"}
    for record in records:  # what came of one after it had been told
        journey = journeys.get(record.get("journey")) if record["type"] in ("read", "unread") else None
        if journey and record["type"] == "read":
            journey["read"] = record
        elif journey:
            journey["unread_at_close"] = True
    return [journey for journey in journeys.values() if journey["packet"]["version"]]


def packet_of(journey):
    """The packet as it was at its birth."""
    packet = journey["packet"]
    icmp, tcp = packet.get("icmp", {}), packet.get("tcp")
    return Packet(packet["src"], packet["dst"], packet["proto_number"], packet.get("sport"), packet.get("dport"),
                  icmp.get("type"), icmp.get("code"),
                  Segment(tuple(tcp["flags"]), tcp["seq"], tcp["ack"], tcp["window"]) if tcp else None, packet["ip_id"],
                  packet.get("fragment", {}).get("offset", 0), packet["length"], packet["ttl"])


def crossings(journey):
    """((namespace, device, direction), packet) for each device that it crossed."""
    packet = packet_of(journey)
    received_in = None
    for hop in journey["hops"]:
        if hop["stage"] == "receive":
            received_in = hop["netns"]
            yield (hop["netns"], hop["dev"], "in"), packet
        elif hop["stage"] == "dev_xmit":
            if received_in == hop["netns"]:
                packet = packet._replace(ttl=packet.ttl - 1)  # forwarded
            yield (hop["netns"], hop["dev"], "out"), packet


def line_of(journey):
    stages = " ".join(f'{hop["netns"]}/{hop["dev"]}:{hop["stage"]}' for hop in journey["hops"] if hop["kind"] == "stage")
    return f'#{journey["id"]} {text_of(packet_of(journey))}: {stages}: {journey["fate"]["kind"]} {journey["fate"]["reason"]}'


def alike(packet, other):
    return sum(a == b for a, b in zip(packet, other)) + (packet.ip_id == other.ip_id)


def command_devices(path, folder):
    captured = read_captures(folder)
    journeys = [journey for journey in read_journeys(path) if is_of_lab(packet_of(journey))]
    traced = collections.defaultdict(collections.Counter)
    for journey in journeys:
        for place, packet in crossings(journey):
            traced[place][packet] += 1
    bad = 0
    for place in sorted(set(captured) | set(traced)):
        if place[1:] == ("lo", "out"):
            continue
        tcpdump, trace = captured.get(place, collections.Counter()), traced[place]
        for packet in sorted(set(tcpdump) | set(trace), key=str):
            if tcpdump[packet] == trace[packet]:
                continue
            bad += 1
            print(f'{place[0]} {place[1]} {place[2]}: tcpdump {tcpdump[packet]}, trace {trace[packet]}: {text_of(packet)}')
            if bad <= 10:
                for journey in sorted(journeys, key=lambda one: alike(packet_of(one), packet))[-2:]:
                    print("    near:", line_of(journey))
    total = sum(sum(counter.values()) for counter in captured.values())
    print(f"{total} packets captured at {len(captured)} places, {len(journeys)} journeys, {bad} differences")
    empty = [" ".join(place) for place, counter in captured.items() if not counter]
    if empty:
        print("tcpdump saw nothing at:", ", ".join(empty))
    return 1 if bad or empty else 0


# ---- two runs ----

def known_port(port):
    return "*" if port is not None and port >= CHOSEN_PORTS else port


def only_acknowledges(journey):
    return journey["packet"].get("tcp", {}).get("flags") == ["ACK"] and not journey["packet"]["payload"]


def segment_shape(journey, by_id):
    """What must be the same in another run. Who processes a segment, and when, is another question."""
    packet, segment, cause, told = (journey[key] for key in ("packet", "segment", "cause", "told"))
    parent = by_id.get(cause.get("journey"))
    words = [
        f'{packet["src"]} > {packet["dst"]} ports {known_port(packet["sport"])} > {known_port(packet["dport"])}',
        f'{"+".join(packet["tcp"]["flags"])} seq {segment.get("rel_seq")} ack {segment.get("rel_ack")} {packet["payload"]} B',
        " ".join(f'{hop["netns"]}/{hop["dev"]}:{hop["stage"]}' for hop in journey["hops"]
                 if hop["stage"] in ("dev_queue", "dev_xmit", "backlog", "receive")),
        f'{journey["fate"]["kind"]} {journey["fate"]["reason"]}',
        f'by {cause["kind"]} {cause.get("call", "")} {(cause.get("task") or {}).get("comm", "")}',
        f'of {"+".join(parent["packet"]["tcp"]["flags"])}' if parent else "",
        f'retransmission {segment["retransmission"]}' if segment["retransmission"] else "",
        segment["rst_reason"],
        f'told {told["kind"]} {told.get("errno", "")} {told.get("call", "")}',
        f'read {journey["read"]["copied"]} by {journey["read"]["task"]["comm"]}' if journey["read"] else "",
    ]
    return ", ".join(word for word in words if word)


def shape_of(journey, by_id):
    """What must be the same in another run."""
    if journey["packet"].get("tcp"):
        return segment_shape(journey, by_id)
    packet = packet_of(journey)
    cause = journey["cause"]
    parent = by_id.get(cause.get("journey"))
    told = journey["told"]
    words = [
        text_of(packet._replace(ip_id="*", sport=known_port(packet.sport), dport=known_port(packet.dport))),
        # whether a reader slept and had to be woken is a matter of time
        " ".join(f'{hop["netns"]}/{hop["dev"]}:{hop["stage"]}' for hop in journey["hops"]
                 if hop["by"] == "tracepoint" and hop["stage"] not in ("wakeup", "running")),
        f'{journey["fate"]["kind"]} {journey["fate"]["reason"]} {journey["fate"]["function"]} in {journey["fate"]["netns"]}',
        f'by {cause["kind"]} {cause.get("call", "")} {(cause.get("task") or {}).get("comm", "")}',
        f'of {parent["packet"]["src"]} > {parent["packet"]["dst"]}' if parent else "",
        f'caused {len(journey["caused"])}',
        f'told {told["kind"]} {told.get("errno", "")} {told.get("call", "")}',
        f'read {journey["read"]["copied"]} by {journey["read"]["task"]["comm"]}' if journey["read"] else "",
        "unread" if journey["unread_at_close"] else "",
        journey["no_icmp"],
    ]
    return ", ".join(word for word in words if word)


def shapes(path):
    journeys = read_journeys(path)
    by_id = {journey["id"]: journey for journey in journeys}
    return collections.Counter(shape_of(journey, by_id) for journey in journeys
                               if is_of_lab(packet_of(journey)) and not only_acknowledges(journey))


def command_same(first, second):
    counts = shapes(first), shapes(second)
    different = [shape for shape in sorted(set(counts[0]) | set(counts[1])) if counts[0][shape] != counts[1][shape]]
    for shape in different:
        print(f"{counts[0][shape]} in the first, {counts[1][shape]} in the second: {shape}")
    print(f"{sum(counts[0].values())} and {sum(counts[1].values())} journeys, {len(different)} differences")
    return 1 if different or not counts[0] else 0


def came_before(journey):
    """On a busy machine TCP sends again what was only late."""
    return journey["fate"]["reason"] in ("TCP_OLD_DATA", "TCP_OLD_SEQUENCE") and journey["segment"]["retransmission"]


def command_clean(path):
    journeys = [journey for journey in read_journeys(path) if is_of_lab(packet_of(journey))]
    bad = [journey for journey in journeys if journey["fate"]["kind"] in ("dropped", "refused", "unknown")
           and not came_before(journey)]
    for journey in bad:
        print(line_of(journey), journey["fate"]["function"])
    print(f"{len(journeys)} journeys, {len(bad)} did not arrive")
    return 1 if bad or not journeys else 0


def main():
    command, *files = sys.argv[1:]
    commands = {"devices": command_devices, "same": command_same, "clean": command_clean}
    if command in commands:
        return commands[command](*files)
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
