# SPDX-License-Identifier: BSD-2-Clause
"""What o_relatives.t needs of the kernel and no common program does.

    relatives.py router GROUP IN OUT...     sends what comes to GROUP by IN out of each OUT, until it is killed
    relatives.py send GROUP PORT            joins GROUP, and sends one datagram to it
    relatives.py sink ADDRESS PORT          takes one connection, and what comes by it
    relatives.py pour ADDRESS PORT BYTES    sends so many through a connection
"""
import signal
import socket
import struct
import sys

MRT_INIT, MRT_ADD_VIF, MRT_ADD_MFC, VIFF_USE_IFINDEX = 200, 202, 204, 8  # linux/mroute.h


def router(group, *devs):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_IGMP)
    sock.setsockopt(socket.IPPROTO_IP, MRT_INIT, 1)
    for vif, dev in enumerate(devs):
        what = struct.pack("=HBBIi4s", vif, VIFF_USE_IFINDEX, 1, 0, socket.if_nametoindex(dev), bytes(4))
        sock.setsockopt(socket.IPPROTO_IP, MRT_ADD_VIF, what)
    ttls = bytes([0] + [1] * (len(devs) - 1)).ljust(32, b"\0")
    what = struct.pack("=4s4sH32s2x16x", socket.inet_aton("10.0.1.2"), socket.inet_aton(group), 0, ttls)
    sock.setsockopt(socket.IPPROTO_IP, MRT_ADD_MFC, what)
    print("ready", flush=True)
    signal.pause()


def send(group, port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("10.0.1.2"))
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 4)
    sock.sendto(b"to all", (group, int(port)))


def sink(address, port):
    listener = socket.create_server((address, int(port)))
    print(f"sink: bound to {address}:{port}", flush=True)
    conn, _ = listener.accept()
    while conn.recv(65536):
        pass


def pour(address, port, count):
    with socket.create_connection((address, int(port))) as sock:
        sock.sendall(bytes(int(count)))


{"router": router, "send": send, "sink": sink, "pour": pour}[sys.argv[1]](*sys.argv[2:])
