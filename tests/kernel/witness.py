#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares what trace says crossed the devices with what tcpdump captured there.

    witness.py devices JSON FOLDER   FOLDER holds NAMESPACE.DEVICE.in.pcap and .out.pcap files; for
                                     each, the same packets, as a multiset, must be in the journeys:
                                     "receive" hops are in, "dev_xmit" hops are out
    witness.py whole JSON FOLDER     the same of every packet between the two marks (witness_lib.sh), ARP, ND and
                                     MLD too; and each is in one journey: that has a fate, begins where its
                                     sender lives (FOLDER/addresses), and enters a device when it left
                                     the one at the other end (FOLDER/links)
    witness.py same JSON JSON        two runs of the same programs have the same journeys, but for
                                     times, ids and the ports that the kernel chose; of TCP without
                                     the segments that only acknowledge, which come with time,
                                     and retransmissions of what had come already
    witness.py clean JSON            all arrived, but for retransmissions of what had come already

What leaves by lo is left out: libpcap shows packets there once, as they come in.

But for "whole", only IP packets between the lab's addresses, or over lo, count: ND, MLD and the like come
when they want. TOPO_PREFIX is taken away from the names of namespaces.
"""
import collections
import ipaddress
import json
import os
import re
import struct
import sys

LAB = [ipaddress.ip_network(text) for text in ("10.0.0.0/16", "127.0.0.0/8", "fd00::/48", "::1/128")]
UDP, TCP, ICMP, ICMPV6, FRAGMENT = 17, 6, 1, 58, 44
ARP = "ARP"
CHOSEN_PORTS = 32768  # from here on the kernel chooses (ip_local_port_range)

SWITCH = "_bridge"  # what is forwarded there loses no TTL
MARKS = {1001: "begin", 1002: "end"}  # bytes of echo requests and replies

Packet = collections.namedtuple("Packet", "src dst proto sport dport icmp_type icmp_code tcp ip_id offset length ttl")
Segment = collections.namedtuple("Segment", "flags seq ack window")
TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")  # RFC 9293


def is_of_lab(packet):
    return all(any(ipaddress.ip_address(address) in network for network in LAB)
               for address in (packet.src, packet.dst))


def text_of(packet):
    where = f"{packet.src} > {packet.dst} proto {packet.proto}"
    if packet.proto == ARP:
        return f"{where} {'request' if packet.icmp_type == 1 else 'reply'}"
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
    """A Packet, or None for what is neither IP nor ARP. RFC 791, RFC 8200, RFC 826."""
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
    elif ethertype == 0x0806:
        op, src, dst = struct.unpack("!6xH6x4s6x4s", data[:28])
        return Packet(*(str(ipaddress.ip_address(address)) for address in (src, dst)), ARP, None, None, op, None,
                      None, 0, 0, 28, None)
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


def captures(folder):
    """((namespace, device, direction), packets in order)"""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".pcap"):
            netns, device, direction, _ = name.split(".")
            packets = (parse_frame(frame) for frame in pcap_frames(os.path.join(folder, name)))
            yield (netns, device, direction), [packet for packet in packets if packet]


def read_captures(folder):
    """{(namespace, device, direction): Counter of packets}"""
    return {place: collections.Counter(packet for packet in packets if is_of_lab(packet))
            for place, packets in captures(folder)}


# ---- trace ----

def read_all_journeys(path):
    text = open(path, encoding="utf-8").read().replace(os.environ.get("TOPO_PREFIX") or "\0", "")
    records = [json.loads(line) for line in text.splitlines()]
    journeys = {record["id"]: record for record in records if record["type"] == "journey"}
    for record in records:  # what came of one after it had been told
        journey = journeys.get(record.get("journey")) if record["type"] in ("read", "unread") else None
        if journey and record["type"] == "read":
            journey["read"] = record
        elif journey:
            journey["unread_at_close"] = True
    return list(journeys.values())


def read_journeys(path):
    return [journey for journey in read_all_journeys(path) if journey["packet"]["version"]]


def packet_of(journey):
    """The packet as it was at its birth."""
    packet = journey["packet"]
    icmp, tcp = packet.get("icmp", {}), packet.get("tcp")
    if packet.get("proto") == ARP:
        return Packet(packet["src"], packet["dst"], ARP, None, None, packet["arp_op"], None, None, 0, 0,
                      packet["length"], None)
    return Packet(packet["src"], packet["dst"], packet["proto_number"], packet.get("sport"), packet.get("dport"),
                  icmp.get("type"), icmp.get("code"),
                  Segment(tuple(tcp["flags"]), tcp["seq"], tcp["ack"], tcp["window"]) if tcp else None, packet["ip_id"],
                  packet.get("fragment", {}).get("offset", 0), packet["length"], packet["ttl"])


TRANSLATED = re.compile(r"\bnow (?:(from|to) (\S+)|(\S+) → (\S+?))(?:$|;)")


def translated(packet, text):
    """As it is after a translation of addresses that trace tells of."""
    found = TRANSLATED.search(text)
    if not found:
        return packet
    way, end, src, dst = found.groups()
    for names, words in ((("src", "sport"), end if way == "from" else src), (("dst", "dport"), end if way == "to" else dst)):
        if words:
            address, _, port = words.rpartition(":") if packet.sport is not None else (words, "", None)
            packet = packet._replace(**{names[0]: address.strip("[]"), names[1]: int(port) if port else None})
    return packet


def timed_crossings(journey):
    """((namespace, device, direction), packet, time) for each device that it crossed."""
    packet = packet_of(journey)
    received_in = None
    for hop in journey["hops"]:
        packet = translated(packet, hop["text"])
        if hop["stage"] == "receive":
            received_in = hop["netns"]
            yield (hop["netns"], hop["dev"], "in"), packet, hop["time"]
        elif hop["stage"] == "dev_xmit":
            if received_in == hop["netns"] and packet.ttl and not hop["netns"].endswith(SWITCH):
                packet = packet._replace(ttl=packet.ttl - 1)  # forwarded
            yield (hop["netns"], hop["dev"], "out"), packet, hop["time"]


def crossings(journey):
    for place, packet, _ in timed_crossings(journey):
        yield place, packet


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


# ---- all of them ----

def mark_of(packet):
    head = {ICMP: 28, ICMPV6: 48}.get(packet.proto)
    return MARKS.get(packet.length - head) if head and packet.icmp_type in (0, 8, 128, 129) else None


def between_marks(packets, mark=mark_of):
    """Those between the last that marks the begin and the first that marks the end, in order; None without both."""
    marks = [mark(packet) for packet in packets]
    if "begin" not in marks or "end" not in marks:
        return None
    return packets[len(marks) - marks[::-1].index("begin"):marks.index("end")]


def by_place(journeys, homes):
    """{place: [(time, packet, journey)...]} in order of time, of what a tap sees"""
    places = collections.defaultdict(list)
    for journey in journeys:
        for place, packet, time in () if is_of_nothing(journey) or is_looped(journey, homes) else timed_crossings(journey):
            places[place].append((time, packet, journey))
    for crossed in places.values():
        crossed.sort(key=lambda one: one[0])
    return places


def lines_of(folder, name):
    path = os.path.join(folder, name)
    return [line.split() for line in open(path, encoding="utf-8")] if os.path.exists(path) else []


def is_of_nothing(journey):
    """Neither IP nor ARP, or its headers are not known."""
    return not journey["packet"]["version"] and journey["packet"].get("proto") != ARP


def is_looped(journey, homes):
    """The copy that a machine gets of what it sends to all, or to a group it is in. Taps are not given it
    (PACKET_LOOPBACK, packet_rcv())."""
    src, dst = (journey["packet"].get(end) for end in ("src", "dst"))
    place = next((place for place, _, _ in timed_crossings(journey)), None)
    return (place and place[2] == "in" and place[0] in homes.get(src, ()) and
            (ipaddress.ip_address(dst).is_multicast or dst.endswith(".255")))


def is_provoked(journey):
    """A rule that rejects makes an answer that bears another's address."""
    packet = journey["packet"]
    return journey["cause"]["kind"] == "journey" and (
        "quoted" in packet.get("icmp", {}) or "RST" in packet.get("tcp", {}).get("flags", ()))


def broken(journey, homes, peers):
    """What says that it is not one packet, and no other's, from its begin to its end."""
    places = [place for place, _, _ in timed_crossings(journey)]
    if journey["fate"]["kind"] in ("unknown", "underway"):
        yield "no fate"
    if not journey["complete"]:
        yield "incomplete"
    if is_of_nothing(journey):
        return
    if not places:
        return
    if places[0][2] == "in" and not is_looped(journey, homes):
        yield "no birth"
    src = journey["packet"].get("src")
    if src in homes and places[0][0] not in homes[src] and not journey.get("duplicate_of") and not is_provoked(journey):
        yield f"it begins in {places[0][0]}, and {src} lives in {' '.join(homes[src])}"
    for place, following in zip(places, places[1:] + [None]):
        there = peers.get(place[:2])
        if place[2] == "out" and there and following != (*there, "in"):
            yield f"it left by {place[0]}/{place[1]}, and then did not enter {'/'.join(there)}"
        if place[2] == "out" and not there and place[1] == "lo" and following != (*place[:2], "in"):
            yield f"it left by {place[0]}/lo, and then did not enter it"
    for before, place in zip([None] + places, places):
        there = peers.get(place[:2])
        if place[2] == "in" and there and before and before != (*there, "out"):
            yield f"it entered {place[0]}/{place[1]}, and before did not leave {'/'.join(there)}"


def command_whole(path, folder):
    homes, peers = collections.defaultdict(set), {}
    for netns, address in lines_of(folder, "addresses"):
        homes[address].add(netns)
    for one, other in lines_of(folder, "links"):
        one, other = tuple(one.split("/")), tuple(other.split("/"))
        peers[one], peers[other] = other, one
    problems, total, members = [], 0, set()
    journeys = read_all_journeys(path)
    traced = by_place(journeys, homes)
    for place, packets in captures(folder):
        packets = between_marks(packets)
        crossed = between_marks(traced[place], lambda one: mark_of(one[1]))
        where = " ".join(place)
        if packets is None or crossed is None:
            problems.append(f"{where}: no marks in what {'tcpdump' if packets is None else 'trace'} saw")
            continue
        saw, told = collections.Counter(packets), collections.Counter(packet for _, packet, _ in crossed)
        total += len(packets)
        members |= {journey["id"] for _, _, journey in crossed}
        for packet in sorted(set(saw) | set(told), key=str):
            if saw[packet] != told[packet]:
                problems.append(f"{where}: tcpdump {saw[packet]}, trace {told[packet]}: {text_of(packet)}")
                problems += [f"    near: {line_of(journey)}" for journey in
                             sorted(journeys, key=lambda one: alike(packet_of(one), packet))[-2:]]
        entered = collections.Counter((journey["id"], time) for time, _, journey in crossed)
        problems += [f"{where}: twice at one time: #{number}" for (number, _), n in entered.items() if n > 1]
    for journey in journeys:
        problems += [f"{problem}: {line_of(journey)}" for problem in broken(journey, homes, peers)]
    seen = collections.Counter(packet_of(journey).proto for journey in journeys if journey["id"] in members)
    print(*problems[:40], sep="\n")
    print(f"{total} packets captured between the marks, in {len(members)} journeys of {len(journeys)}: "
          f"{', '.join(f'{n} of {proto}' for proto, n in seen.most_common())}; {len(problems)} problems")
    return 1 if problems or not total else 0


# ---- two runs ----

def known_port(port):
    return "*" if port is not None and port >= CHOSEN_PORTS else port


def only_acknowledges(journey):
    return journey["packet"].get("tcp", {}).get("flags") == ["ACK"] and not journey["packet"]["payload"]


def came_before(journey):
    """On a busy machine TCP sends again what was only late."""
    return journey["fate"]["reason"] in ("TCP_OLD_DATA", "TCP_OLD_SEQUENCE") and journey["segment"]["retransmission"]


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
                               if is_of_lab(packet_of(journey)) and not only_acknowledges(journey) and not came_before(journey))


def command_same(first, second):
    counts = shapes(first), shapes(second)
    different = [shape for shape in sorted(set(counts[0]) | set(counts[1])) if counts[0][shape] != counts[1][shape]]
    for shape in different:
        print(f"{counts[0][shape]} in the first, {counts[1][shape]} in the second: {shape}")
    print(f"{sum(counts[0].values())} and {sum(counts[1].values())} journeys, {len(different)} differences")
    return 1 if different or not counts[0] else 0


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
    commands = {"devices": command_devices, "whole": command_whole, "same": command_same, "clean": command_clean}
    if command in commands:
        return commands[command](*files)
    raise SystemExit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
