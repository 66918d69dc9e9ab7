#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""TCP programs that the exercises do not have.

    tcp_peer.py sink ADDRESS PORT               reads from one client after the other, to the end of each
    tcp_peer.py ask ADDRESS PORT TIMEOUT        connects; for each line of its input, sends it and waits for
                                                an answer. TIMEOUT: milliseconds that a segment may stay
                                                unacknowledged (TCP_USER_TIMEOUT), 0: as the kernel likes
    tcp_peer.py count ADDRESS PORT COUNT SIZE   sends COUNT segments of SIZE bytes, each of them when the one
                                                before is acknowledged
"""
import fcntl
import socket
import struct
import sys

SIOCOUTQ = 0x5411  # linux/sockios.h: how many bytes are not acknowledged


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def connected(address, port):
    sock = socket.socket(family_of(address), socket.SOCK_STREAM)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.connect((address, port))
    print("connected", flush=True)
    return sock


def sink(address, port):
    listener = socket.create_server((address, port), family=family_of(address))
    print(f"bound to {address}:{listener.getsockname()[1]}", flush=True)
    while True:
        sock, _ = listener.accept()
        total = 0
        try:
            while data := sock.recv(65536):
                total += len(data)
                print("read", total, flush=True)
        except OSError as error:
            print(f"recv: {error}", flush=True)
        print("end", total, flush=True)
        sock.close()


def ask(address, port, timeout):
    sock = connected(address, port)
    if timeout:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, timeout)
    for line in sys.stdin:
        sock.sendall(line.encode())
        print("sent", len(line), flush=True)
        try:
            print("answer", len(sock.recv(1000)), flush=True)
        except OSError as error:
            print(f"recv: {error.strerror}", flush=True)


def count(address, port, number, size):
    sock = connected(address, port)
    for _ in range(number):
        sock.send(b"x" * size)
        while struct.unpack("i", fcntl.ioctl(sock, SIOCOUTQ, b"\0" * 4))[0]:
            pass


def main():
    command, address, port, *numbers = sys.argv[1:]
    programs = {"sink": sink, "ask": ask, "count": count}
    if command not in programs:
        raise SystemExit(__doc__)
    programs[command](address, int(port), *(int(number) for number in numbers))


if __name__ == "__main__":
    main()
