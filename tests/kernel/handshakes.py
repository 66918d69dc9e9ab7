#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Handshakes that are finished in an order of one's own, by a client that is nobody's kernel.

    handshakes.py DEVICE MAC FROM ADDRESS PORT STEP...

The packets are made here and leave by DEVICE for the host with that MAC. FROM is an address that no
host has, and that ADDRESS reaches through DEVICE: its kernel's answers are seen here and by nobody
else, so no RST interferes. A STEP is about connection N (its port is 40000 + N):

    synN    sends SYN, waits for SYN+ACK
    ackN    sends the ACK of it
    dataN   sends 5 bytes, with the ACK of it

Nothing is said about what becomes of these. IPv4 only. Numbers: RFC 791, RFC 9293.
"""
import os
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from inet import checksum  # noqa: E402

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ISN = 1000
ETH_P_ALL = 3  # as tcpdump has it: what comes goes its way all the same
LIMIT = 30  # seconds that any one wait may take


def packet(src, dst, sport, dport, seq, ack, flags, payload=b""):
    """An IPv4 packet."""
    src, dst = socket.inet_aton(src), socket.inet_aton(dst)
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 65535, 0, 0)
    length = len(tcp) + len(payload)
    pseudo = src + dst + struct.pack("!BBH", 0, socket.IPPROTO_TCP, length)
    tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + payload)) + tcp[18:]
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0x4000, 64, socket.IPPROTO_TCP, 0, src, dst)
    return ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + tcp + payload


def wait_for_answer(sock, src, dst, sport, dport):
    """The sequence number of the SYN+ACK."""
    deadline = time.monotonic() + LIMIT
    while time.monotonic() < deadline:
        data = sock.recv(2000)[14:]
        if data[:1] != b"\x45" or data[9] != socket.IPPROTO_TCP:
            continue
        if (socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])) != (src, dst):
            continue
        ports, seq, flags = data[20:24], data[24:28], data[33]
        if ports == struct.pack("!HH", sport, dport) and flags == SYN | ACK:
            return struct.unpack("!I", seq)[0]
    raise SystemExit("no SYN+ACK")


def main():
    device, mac, source, address, port, *steps = sys.argv[1:]
    port = int(port)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    sock.bind((device, 0))
    sock.settimeout(LIMIT)
    frame = bytes.fromhex(mac.replace(":", "")) + sock.getsockname()[4] + b"\x08\x00"
    answers = {}
    for step in steps:
        what, sport = step.rstrip("0123456789"), 40000 + int(step.lstrip("acdknsty"))
        if what == "syn":
            sock.send(frame + packet(source, address, sport, port, ISN, 0, SYN))
            answers[sport] = wait_for_answer(sock, address, source, port, sport)
        elif what == "ack":
            sock.send(frame + packet(source, address, sport, port, ISN + 1, answers[sport] + 1, ACK))
        elif what == "data":
            sock.send(frame + packet(source, address, sport, port, ISN + 1, answers[sport] + 1,
                                     PSH | ACK, b"hello"))
        else:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
