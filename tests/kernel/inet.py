# SPDX-License-Identifier: BSD-2-Clause
"""What those share that make packets themselves."""
import struct


def checksum(data):
    """RFC 1071, as the 16 bits of the field."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
