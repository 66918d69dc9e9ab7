#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of routing and of firewalls send.

    routes.py send ADDRESS[/PORT]...       a datagram to port 8080, or PORT, of each, from a socket of its own
    routes.py broadcast ADDRESS[/PORT]...  the same, from sockets that may send to all
    routes.py frames DEV MAC PORT SRC,DST...
                                           UDP datagrams with these addresses in frames to MAC, as no socket
                                           would send them
"""
import os
import socket
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from inet import checksum  # noqa: E402


def send(addresses, to_all=0):
    for place in addresses:
        address, _, port = place.partition("/")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, to_all)
            try:
                print(address, sock.sendto(b"x" * 10, (address, int(port or 8080))))
            except OSError as error:
                print(address, os.strerror(error.errno))


def datagram(source, destination, port):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    addresses = socket.inet_pton(family, source) + socket.inet_pton(family, destination)
    udp = struct.pack("!HHHH", 5000, port, 18, 0) + b"x" * 10
    if family == socket.AF_INET6:
        return 0x86DD, struct.pack("!IHBB", 6 << 28, len(udp), 17, 64) + addresses + udp
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + addresses
    return 0x0800, header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp


def frames(device, mac, port, pairs):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((device, 0))
    to, own = bytes.fromhex(mac.replace(":", "")), sock.getsockname()[4]
    for pair in pairs:
        ethertype, packet = datagram(*pair.split(","), port)
        sock.send(to + own + struct.pack("!H", ethertype) + packet)


if __name__ == "__main__":
    if sys.argv[1] in ("send", "broadcast"):
        send(sys.argv[2:], to_all=sys.argv[1] == "broadcast")
    else:
        frames(sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:])
