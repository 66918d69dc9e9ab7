#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random traffic of all kinds in the lab two_clients, and docs/COUNTERS.md beside the kernel's counters.

    counters_doc.py traffic SEED >COUNTED    makes it; prints what each counter of the namespaces rose by
    counters_doc.py compare COUNTED REC ROSE
                                             for each counter that the page has events for and each
                                             namespace: how many of these the recording holds. Says where
                                             that is another number, and exits 1 then; or 3, where there are
                                             less events everywhere. Adds the names of those that rose to the
                                             file ROSE.
    counters_doc.py seen ROSE                each counter that the page calls seen by the test was, and no
                                             other one
    counters_doc.py complete                 each counter of this kernel is on the page, and the page is in order

TOPO_PREFIX is that of the lab, TRACE the program. SEED decides what is sent, in which order, over which IP
version, from where to where. What has to wait for a timer runs beside the rest.

The page is a table: counters, events, seen by (test; reading; nothing), and a note. Events are steps of
trace --expect between backquotes, NS standing for the namespace; several are added up. So are several
counters in one row. "since 6.10" after "seen by": older kernels do not show these events.
"""
import collections
import ctypes
import fcntl
import fnmatch
import functools
import ipaddress
import json
import os
import random
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from counters import ADDRESSES, LIMIT, LOOPBACK, NAMES, PREFIX, enter  # noqa: E402
from inet import checksum  # noqa: E402
from tcp_counters import Script, alive_in  # noqa: E402

PAGE = "docs/COUNTERS.md"
TRACE = os.environ.get("TRACE", "./trace")
READ, FULL, FILTERED, SHUT, DEAF, CLOSED = 9000, 9001, 9002, 9003, 9004, 9009  # ports
FAR = (("10.8.0.2", "fd00:0:0:8::2"), ("10.8.0.3", "fd00:0:0:8::3"))  # behind a way with an MTU of 1300
NOWHERE = ("10.77.0.1", "fd00:77::1")  # ns_server has no route there
LOST = 0x04  # the TOS (traffic class) of packets that whoever receives them drops: counters_doc.t
IP_TTL, IP_MTU_DISCOVER, IP_MINTTL, PROBE = 2, 10, 21, 3  # linux/in.h
IPV6_UNICAST_HOPS, IPV6_MTU_DISCOVER, IPV6_TCLASS = 16, 23, 67  # linux/in6.h
SO_ATTACH_FILTER = 26
TCP_LINGER2, TCP_INFO, TCP_USER_TIMEOUT = 8, 11, 18
SIOCOUTQ, SIOCGIFHWADDR = 0x5411, 0x8927

DEVICES = {  # from where to where: the device, and that which the frame arrives at
    ("ns_client1", "ns_server"): ("veth_c1", "veth_srv_c1"),
    ("ns_server", "ns_client1"): ("veth_srv_c1", "veth_c1"),
    ("ns_client2", "ns_server"): ("veth_c2", "veth_srv_c2"),
    ("ns_server", "ns_client2"): ("veth_srv_c2", "veth_c2"),
}


# Names of counters that this page is about, mostly.
BAD = re.compile("Err|Drop|Fail|Rst|Reset|Retrans|Overflow|Discard|NoPort|NoRoute|Unreach|Excd|Prob|Abort|Timeout|Reject|"
                 "Prune|Loss|Lost|Bad|Trunc|TooBig")


# ---- counters ----

def counters_here():
    found = {}
    for file in ("snmp", "netstat"):
        with open(f"/proc/thread-self/net/{file}", encoding="ascii") as text:
            lines = text.read().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            protocol = names.partition(":")[0]
            found.update({protocol + n: int(v) for n, v in zip(names.split()[1:], values.split()[1:])})
    try:
        with open("/proc/thread-self/net/snmp6", encoding="ascii") as text:
            found.update({line.split()[0]: int(line.split()[1]) for line in text})
    except FileNotFoundError:
        pass
    return found


def counters():
    found = {}
    for name in NAMES:
        enter(name)
        found[name] = counters_here()
    return found


def fragments_wait():
    """Whether somebody keeps fragments."""
    for name in NAMES:
        enter(name)
        for file in ("sockstat", "sockstat6"):
            with open(f"/proc/thread-self/net/{file}", encoding="ascii") as text:
                if re.search(r"^FRAG6?: inuse [1-9]", text.read(), re.MULTILINE):
                    return True
    return False


# ---- packets made by hand ----

def ip4(source, target, proto, payload, **header):
    """An IPv4 packet; what is in header is as it should not be."""
    options = header.get("options", b"")
    start = struct.pack("!BBHHHBBH", header.get("version", 4) << 4 | header.get("ihl", 5 + len(options) // 4), 0,
                        header.get("length", 20 + len(options) + len(payload)), header.get("id", 0),
                        header.get("fragment", 0), header.get("ttl", 64), proto, 0)
    start += ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed + options
    total = checksum(start) ^ header.get("damage", 0)
    return start[:10] + struct.pack("!H", total) + start[12:] + payload


def ip6(source, target, proto, payload, **header):
    start = struct.pack("!IHBB", header.get("version", 6) << 28, header.get("length", len(payload)), proto,
                        header.get("ttl", 64))
    return start + ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed + payload


def summed(source, target, proto, data, at, damage=0):
    """With its checksum, which is at that place, or a wrong one."""
    source, target = ipaddress.ip_address(source), ipaddress.ip_address(target)
    pseudo = source.packed + target.packed + struct.pack("!II", len(data), proto)
    if (source.version, proto) == (4, 1):
        pseudo = b""
    total = checksum(pseudo + data) ^ damage
    return data[:at] + struct.pack("!H", total or 0xFFFF) + data[at + 2:]


def udp_data(source, target, port, size, damage=0, length=None):
    data = struct.pack("!HHHH", READ, port, 8 + size if length is None else length, 0) + b"x" * size
    return summed(source, target, 17, data, 6, damage)


def tcp_data(source, target, sport, dport, flags, seq=1000, damage=0, doff=5):
    data = struct.pack("!HHIIBBHHH", sport, dport, seq, 1, doff << 4, flags, 1000, 0, 0)
    return summed(source, target, 6, data, 16, damage)


def ip(six):
    return ip6 if six else ip4


# ---- kinds of traffic ----

class Kinds:
    kept = []

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.id = self.rng.randrange(1, 30000)

    def six(self):
        return self.rng.random() < 0.5

    def port(self):
        """Of a sender that is nobody, below those that the kernel gives out."""
        return self.rng.randrange(1024, 9000)

    def neighbours(self):
        """A random link, from one end to the other."""
        return self.rng.choice(tuple(DEVICES))

    def ends(self, six):
        """Namespaces and addresses of two that are neighbours."""
        source, target = self.neighbours()
        device = DEVICES[source, target]
        network = 0 if device[0].endswith("1") else 1
        server = (("10.0.1.1", "fd00:0:0:1::1"), ("10.0.2.1", "fd00:0:0:2::1"))[network][six]
        client = ADDRESSES[("ns_client1", "ns_client2")[network]][six]
        return source, target, *((server, client) if source == "ns_server" else (client, server))

    def inject(self, six, source, target, packet):
        """The packet, by a frame that is right."""
        device, other = DEVICES[source, target]
        enter(target)
        with socket.socket() as sock:
            mac = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("256s", other.encode()))[18:24]
        enter(source)
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as sock:
            sock.sendto(packet, (device, 0x86DD if six else 0x0800, 0, 0, mac))

    def udp(self, name, six):
        enter(name)
        return socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)

    def sender(self, name, six):
        """Still there when an error comes back."""
        self.kept.append(self.udp(name, six))
        return self.kept[-1]

    # -- UDP --

    def datagrams(self):
        """To a socket that is full, to one with a filter, to a closed port."""
        six = self.six()
        source, target = self.rng.choice(NAMES), self.rng.choice(NAMES)
        address = LOOPBACK[six] if source == target and self.six() else ADDRESSES[target][six]
        port = self.rng.choice((FULL, FULL, FILTERED, CLOSED))
        sock = self.sender(source, six)
        for _ in range(self.rng.randrange(1, 8)):
            sock.sendto(b"x" * self.rng.randrange(1200), (address, port))

    def damaged_udp(self):
        """A wrong checksum, or a wrong length. A short datagram is looked at at once, a long one when read."""
        six = self.six()
        source, target, src, dst = self.ends(six)
        size = self.rng.choice((0, 10, 40, 400))
        port = self.rng.choice((READ, READ, CLOSED))
        wrong = {"damage": self.rng.randrange(1, 0xFFFE)}
        if self.rng.random() < 0.3:
            wrong = {"length": self.rng.choice((3, size + 20))}
        self.inject(six, source, target, ip(six)(src, dst, 17, udp_data(src, dst, port, size, **wrong)))

    def far(self):
        """Too far for its TTL, too long for the way, or to where no route leads."""
        six = self.six()
        kind = self.rng.choice(("ttl", "mtu", "nowhere"))
        source = "ns_client1" if kind == "mtu" else self.rng.choice(NAMES[::2])
        other = NAMES[2 if source == NAMES[0] else 0]
        address = {"ttl": ADDRESSES[other], "mtu": self.rng.choice(FAR), "nowhere": NOWHERE}[kind][six]
        level = socket.IPPROTO_IPV6 if six else socket.IPPROTO_IP
        sock = self.sender(source, six)
        if kind == "ttl":
            sock.setsockopt(level, IPV6_UNICAST_HOPS if six else IP_TTL, 1)
        sock.setsockopt(level, IPV6_MTU_DISCOVER if six else IP_MTU_DISCOVER, PROBE)
        for _ in range(self.rng.randrange(1, 4)):
            sock.sendto(b"x" * (1400 if kind == "mtu" else 100), (address, CLOSED))

    # -- IP --

    def damaged_ip(self):
        six = self.six()
        source, target, src, dst = self.ends(six)
        wrong = self.rng.choice(({"version": 5}, {"length": 2000}, {"ihl": 3}, {"damage": 1}, {"length": 10}))
        if six:
            wrong = self.rng.choice(({"version": 5}, {"length": 2000}))
        self.inject(six, source, target, ip(six)(src, dst, 17, udp_data(src, dst, READ, 50), **wrong))

    def bad_option(self):
        """An option of IPv4 that is longer than the header: the sender is told, by a parameter problem."""
        source, target, src, dst = self.ends(False)
        self.inject(False, source, target,
                  ip4(src, dst, 17, udp_data(src, dst, READ, 50), options=bytes((7, 40, 4, 0))))

    def unknown_protocol(self):
        six = self.six()
        source, target, src, dst = self.ends(six)
        self.inject(six, source, target, ip(six)(src, dst, 253, b"x" * 30))

    def fragments(self):
        """One alone, so that its datagram never becomes whole, or two that overlap."""
        six = self.six()
        source, target, src, dst = self.ends(six)
        self.id += 1
        whole = udp_data(src, dst, READ, 1592)
        parts = self.rng.choice((((0, 800, 1),), ((800, 1600, 0),), ((0, 800, 1), (400, 1200, 1))))
        for begin, end, more in parts:
            data = whole[begin:end]
            if six:
                header = struct.pack("!BBHI", 17, 0, begin | more, self.id)
                packet = ip6(src, dst, 44, header + data)
            else:
                packet = ip4(src, dst, 17, data, id=self.id, fragment=begin // 8 | more << 13)
            self.inject(six, source, target, packet)

    # -- ICMP --

    def damaged_icmp(self):
        """A wrong checksum, or a type that does not exist."""
        six = self.six()
        source, target, src, dst = self.ends(six)
        data = struct.pack("!BBHI", 1 if six else 3, 1, 0, 0) + ip(six)(dst, src, 17, udp_data(dst, src, 1, 20))
        self.inject(six, source, target,
                  ip(six)(src, dst, 58 if six else 1,
                          summed(src, dst, 58 if six else 1, data, 2, self.rng.randrange(1, 0xFFFE))))

    def quoting(self):
        """An ICMP error about a packet that nobody sent."""
        six = self.six()
        source, target, src, dst = self.ends(six)
        kind, code = self.rng.choice(((1, 4), (2, 0), (3, 0), (4, 0)) if six else ((3, 3), (4, 0), (11, 0), (12, 0)))
        # No MTU that would change anything: it would hold for what is sent later, too.
        data = struct.pack("!BBHI", kind, code, 0, 1500 if (six, kind) == (True, 2) else 0)
        data += ip(six)(dst, src, 17, udp_data(dst, src, 1, 20))
        number = 58 if six else 1
        self.inject(six, source, target, ip(six)(src, dst, number, summed(src, dst, number, data, 2)))

    # -- TCP --

    def tcp(self, name, six):
        enter(name)
        sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(LIMIT)
        return sock

    def tos(self, sock, six, value):
        sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_TCLASS) if six else (socket.IPPROTO_IP, socket.IP_TOS)), value)

    def listener(self, name, six, backlog=5):
        sock = self.tcp(name, six)
        if six:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("::" if six else "0.0.0.0", 0))
        sock.listen(backlog)
        return sock

    def damaged_tcp(self):
        six = self.six()
        source, target, src, dst = self.ends(six)
        wrong = self.rng.choice(({"damage": 77}, {"doff": 3}))
        self.inject(six, source, target, ip(six)(src, dst, 6, tcp_data(src, dst, self.port(), 22, 2, **wrong)))

    def stray(self):
        """A segment that no connection knows."""
        six = self.six()
        source, target, src, dst = self.ends(six)
        flags = self.rng.choice((0x10, 0x12, 0x11, 0x02))
        self.inject(six, source, target, ip(six)(src, dst, 6, tcp_data(src, dst, self.port(), 22, flags)))

    def connection(self, options=()):
        """Two sockets that are connected, and the rest."""
        six = self.six()
        source, target, src, dst = self.ends(six)
        with self.listener(target, six) as listener:
            client = self.tcp(source, six)
            client.bind((src, 0))
            client.connect((dst, listener.getsockname()[1]))
            server, _ = listener.accept()
        server.settimeout(LIMIT)
        for sock in client, server:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return six, source, target, src, dst, client, server

    def syn_inside(self):
        """A SYN for a connection that stands, not from its end."""
        six, source, target, src, dst, client, server = self.connection()
        packet = tcp_data(src, dst, client.getsockname()[1], client.getpeername()[1], 2, seq=self.rng.randrange(1 << 32))
        self.inject(six, source, target, ip(six)(src, dst, 6, packet))
        self.abort(client, server)

    def reset_inside(self):
        """An RST whose number is wrong."""
        six, source, target, src, dst, client, server = self.connection()
        client.send(b"x")
        server.recv(1)
        packet = tcp_data(src, dst, client.getsockname()[1], client.getpeername()[1], 4, seq=self.rng.randrange(1 << 32))
        self.inject(six, source, target, ip(six)(src, dst, 6, packet))
        self.abort(client, server)

    def linger2(self):
        """Closed by who has no patience for the other one's end."""
        *_, client, server = self.connection()
        closer, other = self.rng.sample((client, server), 2)
        closer.setsockopt(socket.IPPROTO_TCP, TCP_LINGER2, -1)
        closer.shutdown(socket.SHUT_WR)
        if other.recv(1):
            raise SystemExit("no end came")
        self.until(lambda: closer.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 1)[0] == 5, "no FIN_WAIT2")
        closer.close()
        other.close()

    def deaf(self):
        """To a socket that takes only what was not forwarded, by a TTL that no packet has."""
        source, target, src, dst = self.ends(False)
        self.inject(False, source, target, ip4(src, dst, 6, tcp_data(src, dst, self.port(), DEAF, 0x12)))

    def abort(self, client, server):
        """Nothing more with numbers: trace has seen wrong ones."""
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        try:
            server.recv(1)
        except ConnectionResetError:
            pass
        server.close()

    def finish(self, client, server):
        for sock in self.rng.sample((client, server), 2):
            sock.shutdown(socket.SHUT_WR)
        for sock in client, server:
            while sock.recv(1000):
                pass
            sock.close()

    def until(self, condition, what):
        deadline = time.monotonic() + LIMIT
        while not condition():
            if time.monotonic() > deadline:
                raise SystemExit(what)
            time.sleep(0.005)

    def resent(self, sock):
        return struct.unpack_from("I", sock.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 192), 100)[0]

    def unacknowledged(self, sock):
        return struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, b"\0" * 4))[0]

    # -- TCP that waits for a timer --

    def lost_data(self):
        """One segment is lost, once or twice, and a few more may follow it."""
        six, *_, client, server = self.connection()
        times, more = self.rng.randrange(1, 3), self.rng.choice((0, 0, 2, 5))
        client.send(b"x")
        server.recv(1)
        self.tos(client, six, LOST)
        client.send(b"x" * 100)
        if times == 1:
            self.tos(client, six, 0)
            for _ in range(more):
                client.send(b"x" * 100)
        else:
            self.until(lambda: self.resent(client) >= times - 1, "nothing is sent again")
            self.tos(client, six, 0)
        self.until(lambda: not self.unacknowledged(client), "it does not arrive")
        length = 100 + (more if times == 1 else 0) * 100
        while length:
            length -= len(server.recv(length))
        self.finish(client, server)

    def lost_syn(self):
        six = self.six()
        source, target, src, dst = self.ends(six)
        with self.listener(target, six) as listener, self.tcp(source, six) as client:
            first = client if self.six() else listener
            self.tos(first, six, LOST)
            client.setblocking(False)
            client.connect_ex((dst, listener.getsockname()[1]))
            if first is listener:  # its SYN+ACK
                self.until(lambda: self.half_open(target, listener.getsockname()[1]), "the SYN does not arrive")
            self.tos(first, six, 0)
            if not select.select([], [client], [], LIMIT)[1]:
                raise SystemExit("no connection")
            client.settimeout(LIMIT)
            server, _ = listener.accept()
            server.settimeout(LIMIT)
            self.tos(server, six, 0)
            self.finish(client, server)

    def half_open(self, name, port):
        enter(name)
        for file in ("tcp", "tcp6"):
            with open(f"/proc/thread-self/net/{file}", encoding="ascii") as text:
                if re.search(rf":{port:04X} [0-9A-F:]* 03 ", text.read()):
                    return True
        return False

    def given_up(self):
        """What is never acknowledged: TCP_USER_TIMEOUT ends the connection, or the SYN."""
        if self.six():
            six, *_, client, server = self.connection()
            client.send(b"x")
            server.recv(1)
            client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 300)
            self.tos(client, six, LOST)
            client.send(b"x" * 100)
        else:
            six = self.six()
            source, target, src, dst = self.ends(six)
            server = self.listener(target, six)
            client = self.tcp(source, six)
            client.setsockopt(socket.IPPROTO_TCP, TCP_USER_TIMEOUT, 500)
            self.tos(client, six, LOST)
            client.setblocking(False)
            client.connect_ex((dst, server.getsockname()[1]))
        poll = select.poll()
        poll.register(client, select.POLLERR)
        if not poll.poll(LIMIT * 1000):
            raise SystemExit("it is not given up")
        client.close()
        # Its end knows nothing of that.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()

    def full_queue(self):
        """More clients than the accept queue holds; some are refused, and one of these tries again."""
        six = self.six()
        source, target, src, dst = self.ends(six)
        backlog = self.rng.randrange(3)
        pairs = []
        with self.listener(target, six, backlog) as listener:
            before = self.refused(target)
            port = listener.getsockname()[1]
            for i in range(backlog + self.rng.randrange(2, 5)):
                pairs.append(self.tcp(source, six))
                pairs[-1].setblocking(False)
                pairs[-1].connect_ex((dst, port))
                if i <= backlog:  # else some might wait for others half open, which is another refusal
                    self.until(functools.partial(self.waits, target, port, i + 1), "no connection")
            self.until(lambda: self.refused(target) > before, "nobody is refused")
            # Of those that were refused one comes again; several at once would race for the place that is free.
            for client in pairs[backlog + 2:]:
                client.close()
            clients = {client.getsockname()[1]: client for client in pairs[:backlog + 2]}
            for _ in clients:
                server, (_, port, *_) = listener.accept()
                server.settimeout(LIMIT)
                clients[port].settimeout(LIMIT)
                self.finish(clients[port], server)

    def waits(self, name, port, number):
        """Whether so many wait for accept()."""
        enter(name)
        for file in ("tcp", "tcp6"):
            with open(f"/proc/thread-self/net/{file}", encoding="ascii") as text:
                if re.search(rf":{port:04X} [0-9A-F:]* 0A [0-9A-F]*:{number:08X} ", text.read()):
                    return True
        return False

    def refused(self, name):
        enter(name)
        return counters_here()["TcpExtListenOverflows"]

    def endings(self):
        script = Script(self.rng.random(), False)
        for _ in range(3):
            self.rng.choice((script.closed, script.unread, script.abortive, script.gone, script.clean))()


QUICK = ("datagrams datagrams damaged_udp damaged_udp far far damaged_ip bad_option unknown_protocol damaged_icmp "
         "quoting quoting damaged_tcp stray syn_inside reset_inside linger2 deaf endings").split()
SLOW = "fragments fragments lost_data lost_data lost_syn given_up full_queue".split()


def hold(made):
    """Sockets that take what comes, or do not."""
    drop_all = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0), 8)  # BPF_RET | BPF_K, 0
    kept, readers = [], []
    for name in NAMES:
        for six in (False, True):
            for port in (READ, FULL, FILTERED):
                sock = made.udp(name, six)
                if six:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                if port == FULL:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                if port == FILTERED:
                    program = struct.pack("HP", 1, ctypes.addressof(drop_all))
                    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)
                sock.bind(("::" if six else "0.0.0.0", port))
                sock.setblocking(False)
                kept.append(sock)
                if port == READ:
                    readers.append(sock)
        deaf = made.tcp(name, False)
        deaf.setsockopt(socket.IPPROTO_IP, IP_MINTTL, 255)
        deaf.bind(("0.0.0.0", DEAF))
        deaf.listen(1)
        kept.append(deaf)
    return kept, readers


def empty(readers):
    for sock in readers:
        try:
            while True:
                sock.recv(2000)
        except BlockingIOError:
            pass


def settled(readers):
    """The counters, when nothing is left that could move them."""
    deadline = time.monotonic() + LIMIT
    last, same = None, 0
    while time.monotonic() < deadline:
        empty(readers)
        now = counters()
        alive = [sock for name in NAMES for sock in alive_in(name)]
        same = same + 1 if now == last and not alive and not fragments_wait() else 0
        if same == 3:
            return now
        last = now
        time.sleep(0.01)
    raise SystemExit(f"the counters do not come to rest; connections: {alive}")


def forwarding(on):
    enter("ns_server")
    for file in ("ipv4/ip_forward", "ipv6/conf/all/forwarding"):
        with open(f"/proc/sys/net/{file}", "w", encoding="ascii") as setting:
            setting.write("01"[on])


def traffic(seed):
    rng = random.Random(seed)
    made = Kinds(rng.random())
    kept, readers = hold(made)
    before = counters()
    failed, done = [], collections.Counter()

    def run(kind, number):
        try:
            getattr(Kinds(number), kind)()
        except BaseException as error:
            failed.append(f"{kind}: {error!r}")

    slow = rng.sample(SLOW, 4)
    threads = [threading.Thread(target=run, args=(kind, rng.random())) for kind in slow]
    for thread in threads:
        thread.start()
    quick = [rng.choice(QUICK) for _ in range(30)]
    for kind in quick:
        run(kind, rng.random())
        empty(readers)
    for thread in threads:
        while thread.is_alive():
            thread.join(0.1)
            empty(readers)
    done.update(slow + quick)
    if rng.random() < 0.5:
        forwarding(False)
        for _ in range(3):
            run("far", rng.random())
        forwarding(True)
        done["far, no forwarding"] += 3
    if failed:
        raise SystemExit("\n".join(failed))
    after = settled(readers)
    json.dump({name: {c: n - before[name].get(c, 0) for c, n in after[name].items()} for name in NAMES}, sys.stdout)
    print(f"seed {seed}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(done.items())), file=sys.stderr)
    del kept


# ---- the page ----

Row = collections.namedtuple("Row", "counters events by since")


def page():
    """The rows, and the patterns of counters of another kind."""
    rows, others, section = [], [], ""
    with open(PAGE, encoding="utf-8") as text:
        for line in text:
            if line.startswith("## "):
                section = line[3:].strip()
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            if section == "Counters of another kind" and not line.startswith("#"):
                others += re.findall(r"`([^`]+)`", line)
            elif len(cells) == 4 and cells[0].startswith("`"):
                names, events, by, _ = cells
                by, _, since = by.partition(", since ")
                rows.append(Row(re.findall(r"`([^`]+)`", names),
                                [event.replace("\\|", "|") for event in re.findall(r"`([^`]+)`", events)], by, since))
    return rows, others


def older(since):
    """Whether this kernel is."""
    release = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    return since and release < tuple(int(part) for part in since.split("."))


def events_of(rows, recording):
    """How many: by row, namespace, event."""
    asked = [(i, name, event) for i, row in enumerate(rows) for name in NAMES for event in row.events]
    # Steps are counted one by one; so many in one text would be one search.
    words = [TRACE, "read", recording, "--json"]
    for _, name, event in asked:
        words += ["--expect", re.sub(r"\bNS\b", PREFIX + name, event) + " x0+"]
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    judged = [record for record in map(json.loads, result.stdout.splitlines()) if record["type"] == "expect"]
    if len(judged) != len(asked):
        raise SystemExit(f"trace read: {result.stderr.decode()}")
    found = collections.Counter()
    for (i, name, _), record in zip(asked, judged):
        if record["inconclusive"]:
            raise SystemExit(f"events were lost: {record['inconclusive']}")
        found[i, name] += record["steps"][0]["count"]
    return found


def seen(rose):
    """Which rows were of any use."""
    with open(rose, encoding="ascii") as text:
        names = set(text.read().split())
    wrong = 0
    for row in page()[0]:
        was = row.counters[0] in names
        if row.events and not older(row.since) and was != (row.by == "test"):
            wrong += 1
            print(f"{row.counters[0]}: {PAGE} says that it is seen by {row.by}, and it {'rose' if was else 'never rose'}")
    print(f"{len(names)} rows rose")
    sys.exit(bool(wrong))


def complete():
    rows, others = page()
    wrong = []
    here = counters_here()
    patterns = [name for row in rows for name in row.counters]
    for row in rows:
        if bool(row.events) != (row.by in ("test", "reading")):
            wrong.append(f"{row.counters[0]}: seen by {row.by or 'what?'}, with {len(row.events)} events")
    for name in sorted({name for name in patterns if patterns.count(name) > 1}):
        wrong.append(f"{name} is there twice")
    for name in here:
        listed = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        other = [pattern for pattern in others if fnmatch.fnmatchcase(name, pattern)]
        if not listed and not other:
            wrong.append(f"{name} is a counter of this kernel, and {PAGE} does not say what it counts")
        if listed and other:
            wrong.append(f"{name} has a row, and {' '.join(other)} says that it is of another kind")
        if not listed and BAD.search(name) and name not in others:
            wrong.append(f"{name} sounds as if it counted losses: it needs a row, or its whole name among the others")
    print("\n".join(wrong) or f"{len(rows)} rows, {len(here)} counters")
    sys.exit(bool(wrong))


def compare(counted, recording, rose):
    with open(counted, encoding="ascii") as text:
        counts = json.load(text)
    rows = [row for row in page()[0] if row.events and not older(row.since)]
    found = events_of(rows, recording)
    less = more = 0
    with open(rose, "a", encoding="ascii") as seen:
        for i, row in enumerate(rows):
            for name in NAMES:
                there = [counts[name][c] for c in row.counters if c in counts[name]]
                if not there:
                    continue  # a counter that this kernel does not have
                if sum(there):
                    print(row.counters[0], file=seen)
                less += sum(there) > found[i, name]
                more += sum(there) < found[i, name]
                if sum(there) != found[i, name]:
                    print(f"{name} {' + '.join(row.counters)}: the kernel counted {sum(there)}, "
                          f"events: {found[i, name]}: {'; '.join(row.events)}")
    sys.exit(1 if more else 3 if less else 0)


def main():
    command, *args = sys.argv[1:]
    if command == "traffic":
        traffic(int(args[0]))
    elif command == "compare":
        compare(*args)
    elif command == "seen":
        seen(*args)
    elif command == "complete":
        complete()
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
