#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random TCP connections in the lab two_clients, and the kernel's counters beside trace's account.

    tcp_counters.py traffic SEED [steady] >COUNTED   makes them; prints what each counter rose by
    tcp_counters.py compare COUNTED JSON             for each namespace, a line of what the counters
                                                     say and one of what trace says
    tcp_counters.py drops JSON                       no segment is said to be dropped unless it was
                                                     answered by RST, was one, or had come before

TOPO_PREFIX is that of the lab. SEED decides who connects to whom, over which IP version, by which
address, and how it ends. The same seed is the same script; how many segments that makes, and which
come first, is decided by the kernel and by the time that the programs take. Only with "steady" the
segments are the same in each run, but for those that only acknowledge.

    TcpOutRsts        RST segments born in the namespace: tcp_v4_send_reset(), tcp_v6_send_response(),
                      tcp_send_active_reset()
    ListenOverflows   segments that a full accept queue refused: tcp_conn_request(), tcp_v4_syn_recv_sock()
    TcpActiveOpens    SYN segments born there, but retransmissions: tcp_connect()
    TcpPassiveOpens   changes from SYN_RECV to ESTABLISHED or past it: tcp_create_openreq_child()
    TcpEstabResets    changes from ESTABLISHED or CLOSE_WAIT to CLOSE: tcp_set_state()
"""
import collections
import errno
import json
import os
import random
import select
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from counters import ADDRESSES, LIMIT, LOOPBACK, NAMES, PREFIX, enter  # noqa: E402

COUNTERS = ("TcpOutRsts", "TcpExtListenOverflows", "TcpActiveOpens", "TcpPassiveOpens", "TcpEstabResets")
TIME_WAIT, LISTEN = "06", "0A"
ROUNDS = 40


def counters_of(name):
    enter(name)
    found = {}
    for file in ("snmp", "netstat"):
        lines = open(f"/proc/self/net/{file}", encoding="ascii").read().splitlines()
        for names, values in zip(lines[::2], lines[1::2]):
            protocol = names.partition(":")[0]
            found.update({protocol + n: int(v) for n, v in zip(names.split()[1:], values.split()[1:])})
    return {counter: found[counter] for counter in COUNTERS}


def alive_in(name):
    """Connections there but those in TIME_WAIT."""
    enter(name)
    return [line.split()[1:4] for file in ("tcp", "tcp6")
            for line in open(f"/proc/self/net/{file}", encoding="ascii").read().splitlines()[1:]
            if line.split()[3] not in (TIME_WAIT, LISTEN)]


class Script:
    def __init__(self, seed, steady):
        self.rng = random.Random(seed)
        self.steady = steady
        self.made = collections.Counter()

    # ---- parts ----

    def place(self):
        """Who connects to whom."""
        six = self.rng.random() < 0.5
        source, target = self.rng.choice(NAMES), self.rng.choice(NAMES)
        address = LOOPBACK[six] if source == target and self.rng.random() < 0.5 else ADDRESSES[target][six]
        return source, target, six, address

    def tcp(self, name, six):
        enter(name)
        return socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_STREAM)

    def listener(self, name, six, backlog):
        """By an IPv6 socket for both, or by one of the version."""
        sock = self.tcp(name, six or self.rng.random() < 0.5)
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, six)
        sock.bind(("::" if sock.family == socket.AF_INET6 else "0.0.0.0", 0))
        sock.listen(backlog)
        sock.settimeout(LIMIT)
        return sock, sock.getsockname()[1]

    def connection(self):
        source, target, six, address = self.place()
        listener, port = self.listener(target, six, 5)
        client = self.tcp(source, six)
        client.settimeout(LIMIT)
        client.connect((address, port))
        server, _ = listener.accept()
        server.settimeout(LIMIT)
        listener.close()
        if self.steady:  # else data may wait for an ACK, which may wait for a timer
            for sock in client, server:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client, server

    def ends(self):
        """Of a new connection, either one first."""
        pair = list(self.connection())
        self.rng.shuffle(pair)
        return pair

    def send(self, sock):
        # More than two segments leave in one buffer or in several, as the round-trip time has it: tcp_tso_autosize().
        data = b"x" * self.rng.choice((1, 100, 1448, 2800 if self.steady else 5000))
        sock.sendall(data)
        return len(data)

    def receive(self, sock, length):
        while length:
            data = sock.recv(length)
            if not data:
                raise SystemExit("the connection ended early")
            length -= len(data)

    def to_the_end(self, sock):
        """Reads until FIN or RST."""
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass

    # ---- kinds ----

    def closed(self):
        source, _, six, address = self.place()
        with self.tcp(source, six) as sock:
            sock.settimeout(LIMIT)
            if sock.connect_ex((address, 1)) != errno.ECONNREFUSED:
                raise SystemExit("a closed port did not refuse")

    def clean(self):
        first, last = self.ends()
        for _ in range(self.rng.randrange(4)):
            sender, reader = self.rng.sample((first, last), 2)
            self.receive(reader, self.send(sender))
        if self.rng.random() < 0.5:
            first.shutdown(socket.SHUT_WR)
            self.receive(first, self.send(last))
        else:
            first.close()
        self.to_the_end(last)
        last.close()
        first.close()

    def unread(self):
        closer, sender = self.ends()
        length = self.send(sender)
        closer.recv(length, socket.MSG_PEEK)  # it is here
        closer.close()
        self.to_the_end(sender)
        sender.close()

    def abortive(self):
        closer, other = self.ends()
        if self.rng.random() < 0.5:
            self.receive(other, self.send(closer))
        closer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        closer.close()
        self.to_the_end(other)
        other.close()

    def gone(self):
        """One end closes; the other goes on writing: the answer is RST, then EPIPE."""
        closer, writer = self.ends()
        closer.close()
        self.to_the_end(writer)
        for _ in range(self.rng.randrange(1, 3)):
            try:
                writer.send(b"x" * 100)
            except (BrokenPipeError, ConnectionResetError):
                break
            poll = select.poll()
            poll.register(writer, select.POLLERR)
            if not poll.poll(LIMIT * 1000):
                raise SystemExit("no RST came")
        writer.close()

    def full(self):
        """More clients than the backlog has room for, at once or one after the other."""
        source, target, six, address = self.place()
        backlog = self.rng.randrange(3)
        listener, port = self.listener(target, six, backlog)
        at_once = self.rng.random() < 0.5
        clients = []
        for i in range(backlog + self.rng.randrange(1, 5)):
            client = self.tcp(source, six)
            client.setblocking(False)
            client.connect_ex((address, port))
            clients.append(client)
            if i <= backlog and not at_once:
                self.writable(client)
        if at_once and not select.select([], clients, [], LIMIT)[1]:
            raise SystemExit("nobody could connect")
        if self.rng.random() < 0.5:  # the connected ones write; some may have been refused their ACK
            for client in select.select([], clients, [], LIMIT)[1]:
                if not client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                    self.send(client)
        ends = [*clients, listener]
        for _ in range(self.rng.randrange(backlog + 2)):
            ends.append(listener.accept()[0])
        self.rng.shuffle(ends)
        for end in ends:
            end.close()

    def writable(self, sock):
        if not select.select([], [sock], [], LIMIT)[1]:
            raise SystemExit("a connection was not made")

    # ---- all ----

    def run(self):
        kinds = [self.closed, self.clean, self.unread, self.abortive]
        if not self.steady:
            kinds += [self.gone, self.full]
        for _ in range(ROUNDS):
            kind = self.rng.choice(kinds)
            self.made[kind.__name__] += 1
            kind()


def settled():
    """The counters, when no connection is left that could move them."""
    deadline = time.monotonic() + LIMIT
    alive = last = None
    while time.monotonic() < deadline:
        now = {name: counters_of(name) for name in NAMES}
        alive = [sock for name in NAMES for sock in alive_in(name)]
        if not alive and now == last:
            return now
        last = now
        time.sleep(0.01)
    raise SystemExit(f"connections stay open: {alive}")


def traffic(seed, steady):
    before = {name: counters_of(name) for name in NAMES}
    script = Script(seed, steady)
    script.run()
    after = settled()
    print(json.dumps({name: {c: after[name][c] - before[name][c] for c in COUNTERS} for name in NAMES}))
    print(f"seed {seed}: " + ", ".join(f"{n} {kind}" for kind, n in sorted(script.made.items())),
          file=sys.stderr)


def account(path):
    """What the counters should say."""
    said = {name: collections.Counter() for name in NAMES}

    def where(label):
        return said.get(label.removeprefix(PREFIX), collections.Counter())

    for record in map(json.loads, open(path, encoding="utf-8")):
        if record["type"] == "journey" and record["packet"].get("proto") == "TCP":
            flags, born = record["packet"]["tcp"]["flags"], record["hops"][0]["netns"]
            if "RST" in flags:
                where(born)["TcpOutRsts"] += 1
            if "SYN" in flags and "ACK" not in flags and not record["segment"]["retransmission"]:
                where(born)["TcpActiveOpens"] += 1
            if record["fate"]["kind"] == "refused":
                where(record["fate"]["netns"])["TcpExtListenOverflows"] += 1
        elif record["type"] == "state":
            before, after = record["before"], record["after"]
            if before == "SYN_RECV" and after != "CLOSE":
                where(record["netns"])["TcpPassiveOpens"] += 1
            if before in ("ESTABLISHED", "CLOSE_WAIT") and after == "CLOSE":
                where(record["netns"])["TcpEstabResets"] += 1
    return said


def groundless(path):
    """Drops for which there is no reason in these connections."""
    records = [json.loads(line) for line in open(path, encoding="utf-8")]
    journeys = {record["id"]: record for record in records if record["type"] == "journey"}
    for j in journeys.values():
        if j["fate"]["kind"] != "dropped" or j["packet"].get("proto") != "TCP":
            continue
        again = j["segment"]["retransmission"] and j["fate"]["reason"] in ("TCP_OLD_DATA", "TCP_OLD_SEQUENCE")
        answered = any("RST" in journeys[child]["packet"].get("tcp", {}).get("flags", ()) for child in j["caused"])
        if not again and not answered and "RST" not in j["packet"]["tcp"]["flags"]:
            yield (f'#{j["id"]} {"+".join(j["packet"]["tcp"]["flags"])} {j["packet"]["payload"]} B, connection '
                   f'~{j["flow"]}: {j["fate"]["reason"]} in {j["fate"]["function"]}')


def line(values):
    return " ".join(f"{counter}={values[counter]}" for counter in COUNTERS)


def main():
    command, *args = sys.argv[1:]
    if command == "traffic":
        traffic(int(args[0]), "steady" in args)
    elif command == "compare":
        counted = json.load(open(args[0], encoding="ascii"))
        said = account(args[1])
        for name in NAMES:
            print(f"{name} {line(counted[name])}")
            print(f"{name} {line(said[name])}")
    elif command == "drops":
        found = list(groundless(args[0]))
        print("\n".join(found))
        sys.exit(bool(found))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
