#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The client's part of o_corrupt.t, in its namespace.

    corrupt.py ADDRESS DEV   through netem that changes one bit of each packet: 20 datagrams of 40 bytes to
                             port 9000, 20 of 4 bytes to 9002; and, on a connection to 9001 that stands
                             already, one segment of 1400 bytes, which is corrupted until it has been sent

(UDP looks at the checksum of a datagram of more than 76 bytes only when it is read.)
"""
import fcntl
import socket
import struct
import subprocess
import sys
import time

SIOCOUTQ = 0x5411  # linux/sockios.h: how many bytes are not acknowledged


def corrupt(dev, on):
    tc = ["tc", "qdisc", "add" if on else "del", "dev", dev, "root"]
    subprocess.run(tc + ["netem", "corrupt", "100%"] if on else tc, check=True)


def main():
    address, dev = sys.argv[1:]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    datagrams = socket.socket(family, socket.SOCK_DGRAM)
    stream = socket.socket(family, socket.SOCK_STREAM)
    stream.connect((address, 9001))
    corrupt(dev, True)
    for port, size in ((9000, 40), (9002, 4)):
        for _ in range(20):
            datagrams.sendto(b"x" * size, (address, port))
    stream.send(b"x" * 1400)
    corrupt(dev, False)
    while struct.unpack("i", fcntl.ioctl(stream, SIOCOUTQ, b"\0" * 4))[0]:
        time.sleep(0.05)
    stream.close()


if __name__ == "__main__":
    main()
