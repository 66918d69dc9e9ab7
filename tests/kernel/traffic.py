#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mixed traffic between the namespaces of topo/bridge.sh and one more port of its bridge, ns_third.

    traffic.py PREFIX SECONDS ROUNDS[,ROUNDS] [PROCESSES]

Each process (1) makes ROUNDS rounds a second (0: as many as it can; "0,5": by turns) for SECONDS, of short TCP connections that
end in every way, datagrams whole and in fragments, to open and to closed ports, multicast, broadcast and pings,
over IPv4 and IPv6, while taps (AF_PACKET) hold clones of what crosses the bridge. It prints "ready" when all
sockets of its servers exist, begins at a line of its input, and tells at the end as JSON how many of each it made.
What it sends, it receives itself and compares: wrong bytes end it. Addresses are given again as soon as may be:
few local ports, TIME_WAIT that is reused, connections that end by an RST.
"""
import collections
import contextlib
import ctypes
import json
import os
import random
import select
import signal
import socket
import struct
import sys
import time

CLONE_NEWNET = 0x40000000
GROUP, GROUP6 = "239.1.1.1", "ff15::1:1"
CLIENT, SERVER = {4: "10.0.1.2", 6: "fd00:0:0:1::2"}, {4: "10.0.1.1", 6: "fd00:0:0:1::1"}
WAIT = 20  # seconds for what must come
PHASE = 0.5  # seconds, of several rates
# Ports of process N: these, and 100 * N.
TCP, UDP, MANY, CLOSED = 9000, 9001, 9002, 9003


class Namespace:
    libc = ctypes.CDLL(None, use_errno=True)

    def __init__(self, name):
        self.file = os.open(f"/run/netns/{name}", os.O_RDONLY)

    def enter(self):
        if self.libc.setns(self.file, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")

    def socket(self, version, kind, protocol=0):
        self.enter()
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        return socket.socket(family, kind, protocol)

    def tap(self, device):
        self.enter()
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        tap.bind((device, 0))
        tap.setblocking(False)
        return tap


def receive(sock, n, flags=0):
    if not select.select([sock], [], [], WAIT)[0]:
        raise SystemExit(f"nothing came within {WAIT} s to {sock}")
    return sock.recv(n, flags)


def receive_all(sock, n):
    data = b""
    while len(data) < n:
        more = receive(sock, n - len(data))
        if not more:
            raise SystemExit(f"{len(data)} of {n} bytes")
        data += more
    return data


def same(got, wanted, what):
    if got != wanted:
        raise SystemExit(f"{what}: {len(got)} bytes, should be {len(wanted)}, or others")


class Traffic:
    def __init__(self, prefix, number):
        self.random = random.Random(number)
        self.made = collections.Counter()
        self.port = 100 * number
        self.client, self.server, self.bridge, self.third = (
            Namespace(f"{prefix}ns_{name}") for name in ("client", "server", "bridge", "third"))
        self.listeners = {v: self.bound(self.server, v, socket.SOCK_STREAM, TCP) for v in (4, 6)}
        for listener in self.listeners.values():
            listener.listen(16)
        self.echo = {v: self.bound(self.server, v, socket.SOCK_DGRAM, UDP) for v in (4, 6)}
        self.talk = {v: self.client.socket(v, socket.SOCK_DGRAM) for v in (4, 6)}
        self.many = {(ns, v): self.bound(ns, v, socket.SOCK_DGRAM, MANY)
                     for ns in (self.server, self.third) for v in (4, 6)}
        for (ns, v), sock in self.many.items():
            self.join(ns, sock, v)
        self.ping_sock = self.client.socket(4, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.taps = [self.bridge.tap("br0"), self.server.tap("veth_s"), self.client.tap("veth_c")]
        self.talk[4].setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.client.enter()
        self.talk[6].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, socket.if_nametoindex("veth_c"))
        self.talk[4].setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(CLIENT[4]))

    def bound(self, ns, version, kind, port):
        sock = ns.socket(version, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if version == 6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(("", port + self.port))
        return sock

    def join(self, ns, sock, version):
        ns.enter()
        index = socket.if_nametoindex("veth_s" if ns is self.server else "veth_t")
        if version == 4:
            group = struct.pack("4s4si", socket.inet_aton(GROUP), socket.inet_aton("0.0.0.0"), index)
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, group)
        else:
            group = struct.pack("16si", socket.inet_pton(socket.AF_INET6, GROUP6), index)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)

    def bytes(self, least, most):
        return self.random.randbytes(self.random.randint(least, most))

    def version(self):
        return self.random.choice((4, 6))

    def connection(self):
        v = self.version()
        there = self.client.socket(v, socket.SOCK_STREAM)
        with contextlib.closing(there):
            there.settimeout(WAIT)
            try:
                there.connect((SERVER[v], TCP + self.port))
            except OSError:  # no port is left
                self.made["no port"] += 1
                return
            here = self.listeners[v].accept()[0]
            with contextlib.closing(here):
                request, answer = self.bytes(1, 4000), self.bytes(1, 4000)
                there.sendall(request)
                same(receive_all(here, len(request)), request, "a request")
                here.sendall(answer)
                same(receive_all(there, len(answer)), answer, "an answer")
                self.made["tcp"] += 1
                first, second = self.random.choice(((there, here), (here, there)))
                how = self.random.randrange(4)
                if how == 0:  # by an RST, after which the ports are free at once
                    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                elif how == 1:
                    first.shutdown(socket.SHUT_WR)
                    same(receive(second, 1), b"", "the end")
                elif how == 2:  # with bytes unread
                    second.sendall(b"unread")
                    select.select([first], [], [], WAIT)
                first.close()

    def refused(self):
        v = self.version()
        with contextlib.closing(self.client.socket(v, socket.SOCK_STREAM)) as sock:
            with contextlib.suppress(OSError):
                sock.connect((SERVER[v], CLOSED + self.port))
            self.made["tcp refused"] += 1

    def datagram(self, least=1, most=1400):
        v, data = self.version(), self.bytes(least, most)
        self.talk[v].sendto(data, (SERVER[v], UDP + self.port))
        same(receive(self.echo[v], 65536), data, "a datagram")
        self.made["udp" if len(data) <= 1400 else "udp in fragments"] += 1

    def fragments(self):
        self.datagram(2000, 9000)

    def unheard(self):
        v = self.version()
        with contextlib.closing(self.client.socket(v, socket.SOCK_DGRAM)) as sock:
            sock.connect((SERVER[v], CLOSED + self.port))
            sock.send(self.bytes(1, 100))
            self.made["udp refused"] += 1

    def many_times(self, address, version, receivers):
        data = self.bytes(1, 1400)
        self.talk[version].sendto(data, (address, MANY + self.port))
        for ns in receivers:
            same(receive(self.many[ns, version], 65536), data, "to many")

    def multicast(self):
        v = self.version()
        self.many_times(GROUP if v == 4 else GROUP6, v, (self.server, self.third))
        self.made["multicast"] += 1

    def broadcast(self):
        self.many_times("10.0.1.255", 4, (self.server, self.third))
        self.made["broadcast"] += 1

    def ping(self):
        ident, number = os.getpid() & 0xffff, self.made["ping"] & 0xffff
        body = self.bytes(8, 1000)
        body += b"\0" * (len(body) % 2)
        head = struct.pack("!BBHHH", 8, 0, 0, ident, number)
        total = sum(struct.unpack(f"!{(len(head) + len(body)) // 2}H", head + body))
        total = (total & 0xffff) + (total >> 16)
        total = ~((total & 0xffff) + (total >> 16)) & 0xffff
        head = struct.pack("!BBHHH", 8, 0, total, ident, number)
        self.ping_sock.sendto(head + body, (SERVER[4], 0))
        while True:  # it hears all that is ICMP
            got = receive(self.ping_sock, 65536)[20:]
            if got[0] == 0 and got[4:8] == head[4:8]:
                break
        same(got[8:], body, "a ping")
        self.made["ping"] += 1

    def round(self):
        for _ in range(2):
            self.connection()
        for what in (self.datagram, self.datagram, self.fragments, self.multicast, self.broadcast, self.ping,
                     self.refused, self.unheard):
            what()
        for tap in self.taps:
            with contextlib.suppress(BlockingIOError):
                for _ in range(1000):
                    tap.recv(1)
        self.made["rounds"] += 1


def work(traffic, seconds, rates):
    begun = now = time.monotonic()
    while now < begun + seconds:
        rate = rates[int((now - begun) / PHASE) % len(rates)]
        traffic.round()
        time.sleep(max(0, now + 1 / rate - time.monotonic()) if rate else 0)
        now = time.monotonic()


def main():
    prefix, seconds, rounds = sys.argv[1], float(sys.argv[2]), [float(rate) for rate in sys.argv[3].split(",")]
    workers = [Traffic(prefix, i) for i in range(int(sys.argv[4]) if len(sys.argv) > 4 else 1)]
    print("ready", flush=True)
    sys.stdin.readline()
    made, pids = collections.Counter(), []
    for traffic in workers:
        read, write = os.pipe()
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            work(traffic, seconds, rounds)
            os.write(write, json.dumps(traffic.made).encode())
            os._exit(0)
        os.close(write)
        pids.append((pid, read))
    try:
        for pid, read in pids:
            made.update(json.loads(os.read(read, 65536) or b"{}"))
            if os.waitpid(pid, 0)[1]:
                raise SystemExit("a process failed")
    finally:
        for pid, _ in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main()
