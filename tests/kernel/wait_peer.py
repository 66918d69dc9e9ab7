#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that wait, and such as let others wait.

    wait_peer.py told ADDRESS PORT    UDP: reads a datagram for each line of its input, and not before
    wait_peer.py poll ADDRESS PORT    UDP: waits in poll() for each datagram that it reads
    wait_peer.py echo ADDRESS PORT    TCP: answers the first bytes of each client, and reads on to the end
    wait_peer.py write ADDRESS PORT   TCP: for each line of its input, each word of it at once: a number N sends
                                      N bytes; "recv" reads; "cork" and "uncork" are TCP_CORK
"""
import select
import socket
import sys


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def datagrams(address, port):
    sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
    sock.bind((address, port))
    print(f"bound to {address}:{port}", flush=True)
    return sock


def read(sock):
    print("read", len(sock.recv(2000)), flush=True)


def told(address, port):
    sock = datagrams(address, port)
    for _ in sys.stdin:
        print("reading", flush=True)
        read(sock)


def poll(address, port):
    sock = datagrams(address, port)
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    while poller.poll():
        read(sock)


def echo(address, port):
    listener = socket.create_server((address, port), family=family_of(address))
    print(f"bound to {address}:{port}", flush=True)
    while True:
        sock, _ = listener.accept()
        sock.send(sock.recv(2000))
        total = 0
        while data := sock.recv(2000):
            total += len(data)
            print("total", total, flush=True)
        sock.close()


def write(address, port):
    sock = socket.create_connection((address, port))
    print("connected", flush=True)
    for line in sys.stdin:
        for word in line.split():
            if word == "recv":
                read(sock)
            elif word in ("cork", "uncork"):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, word == "cork")
            else:
                sock.send(b"x" * int(word))
        print("done", line.strip(), flush=True)


def main():
    command, address, port = sys.argv[1:]
    programs = {"told": told, "poll": poll, "echo": echo, "write": write}
    if command not in programs:
        raise SystemExit(__doc__)
    programs[command](address, int(port))


if __name__ == "__main__":
    main()
