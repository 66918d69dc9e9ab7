#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""offload.py DEV tx|tso on|off: whether a device computes checksums of what it sends (tx), takes segments that
it cuts itself (tso), as ethtool -K DEV; iproute2 cannot tell it."""
import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL = 0x8946  # include/uapi/linux/sockios.h
COMMANDS = {"tx": 0x17, "tso": 0x1F}  # linux/ethtool.h: ETHTOOL_STXCSUM, ETHTOOL_STSO
name, feature, value = sys.argv[1:]
command = array.array("B", struct.pack("II", COMMANDS[feature], value == "on"))
request = struct.pack("16sP", name.encode(), command.buffer_info()[0])
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
    fcntl.ioctl(sock, SIOCETHTOOL, request)
