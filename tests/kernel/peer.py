#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that the exercises do not have, of UDP but for the last.

    peer.py send ADDRESS PORT COUNT SIZE [TTL]   sends COUNT datagrams of SIZE bytes
    peer.py hold ADDRESS PORT [RCVBUF]           reads nothing until SIGTERM ends it
    peer.py share ADDRESS PORT                   the same, beside others at that port (SO_REUSEADDR)
    peer.py read ADDRESS PORT COUNT BUFFER       reads COUNT datagrams, BUFFER bytes each;
                                                 then waits for SIGTERM
    peer.py talk ADDRESS PORT [from=ADDRESS] [df] [recverr]
                                                 a connected socket; for each line of its input, a number N:
                                                 sends N bytes; "recv SECONDS": waits for an answer.
                                                 df: without fragments; recverr: IP_RECVERR
    peer.py churn ADDRESS PORT SECONDS           opens, uses and closes sockets all the time
    peer.py vanish ADDRESS PORT                  TCP: accepts a connection; at a line of its input gives it
                                                 up by an RST, which the test keeps from leaving
"""
import signal
import socket
import struct
import sys
import time


def bound(address, port, rcvbuf=0, share=False):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    if share:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
    sock.bind((address, port))
    print(f"bound to {address}:{sock.getsockname()[1]}", flush=True)
    return sock


def talking(address, port, options):
    v6 = ":" in address
    sock = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    for option in options:
        if option.startswith("from="):
            sock.bind((option[5:], 0))
        elif option == "df":  # linux/in.h, in6.h: IP_MTU_DISCOVER, IPV6_MTU_DISCOVER; IP_PMTUDISC_DO
            sock.setsockopt(*((socket.IPPROTO_IPV6, 23, 2) if v6 else (socket.IPPROTO_IP, 10, 2)))
        elif option == "recverr":
            sock.setsockopt(*((socket.IPPROTO_IPV6, 25, 1) if v6 else (socket.IPPROTO_IP, 11, 1)))
    sock.connect((address, port))
    return sock


def talk(address, port, options):
    try:
        sock = talking(address, port, options)
        print("connected", flush=True)
    except OSError as error:
        print(f"connect: {error.strerror}", flush=True)
        return
    for line in sys.stdin:
        word, *rest = line.split()
        try:
            if word == "recv":
                sock.settimeout(float(rest[0]))
                print("recv", len(sock.recv(65536)), flush=True)
            else:
                print("sent", sock.send(b"x" * int(word)), flush=True)
        except OSError as error:
            print(f"{'recv' if word == 'recv' else 'send'}: {error.strerror or error}", flush=True)


def vanish(address, port):
    sock = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
    print("listening", flush=True)
    peer, _ = sock.accept()
    sock.close()
    print("accepted", flush=True)
    sys.stdin.readline()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()
    print("gone", flush=True)


def main():
    command, address, port, *numbers = sys.argv[1:]
    port = int(port)
    if command == "talk":
        talk(address, port, numbers)
        return
    numbers = [int(number) for number in numbers]
    if command == "send":
        count, size, *ttl = numbers
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if ttl and family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl[0])
        elif ttl:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl[0])
        for _ in range(count):
            sock.sendto(b"x" * size, (address, port))
    elif command == "vanish":
        vanish(address, int(port))
    elif command == "churn":
        end = time.monotonic() + numbers[0]
        while time.monotonic() < end:
            socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(10)]
            for sock in socks:
                sock.sendto(b"x", (address, port))
            time.sleep(0.005)
    elif command == "hold":
        sock = bound(address, port, *numbers)  # unreferenced, it would be closed
        signal.pause()
    elif command == "share":
        sock = bound(address, port, share=True)
        signal.pause()
    elif command == "read":
        count, buffer = numbers
        sock = bound(address, port)
        for _ in range(count):
            print("read", len(sock.recv(buffer)), flush=True)
        signal.pause()
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
