#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""offload.py DEV on|off: whether a device is to compute checksums of what it sends, ethtool(8) -K DEV tx."""
import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17  # include/uapi/linux/{sockios,ethtool}.h
name, value = sys.argv[1:]
command = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, value == "on"))
request = struct.pack("16sP", name.encode(), command.buffer_info()[0])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    fcntl.ioctl(sock, SIOCETHTOOL, request)
