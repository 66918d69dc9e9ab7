#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A program that netfilter asks: nfqueue.py QUEUE

It says "reading queue QUEUE", then "packet N" for each that comes; each line of its input, accept or drop, is
the verdict on the oldest that waits. The protocol: include/uapi/linux/netfilter/nfnetlink_queue.h.
"""
import select
import socket
import struct
import sys

NETLINK_NETFILTER = 12
PACKET, VERDICT, CONFIG = 0x300, 0x301, 0x302  # NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_*
NFQA_PACKET_HDR, NFQA_VERDICT_HDR, NFQA_CFG_CMD, NFQA_CFG_PARAMS = 1, 2, 1, 2
BIND, COPY_META = 1, 1
VERDICTS = {"drop": 0, "accept": 1}


def attribute(kind, data):
    return struct.pack("=HH", 4 + len(data), kind) + data + bytes(-len(data) % 4)


def message(kind, queue, *attributes):
    body = struct.pack(">BBH", 0, 0, queue) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 1, 0, 0) + body  # 1: NLM_F_REQUEST


def packet_ids(data):
    """Those of the packets that these messages tell of."""
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        at = 20  # struct nlmsghdr, struct nfgenmsg
        while kind == PACKET and at + 4 <= length:
            size, attr = struct.unpack_from("=HH", data, at)
            if attr == NFQA_PACKET_HDR:
                yield struct.unpack_from(">I", data, at + 4)[0]
            at += (size + 3) & ~3
        data = data[(length + 3) & ~3:]


def main():
    queue = int(sys.argv[1])
    nl = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    nl.bind((0, 0))
    nl.send(message(CONFIG, queue, attribute(NFQA_CFG_CMD, struct.pack(">BBH", BIND, 0, 0))))
    nl.send(message(CONFIG, queue, attribute(NFQA_CFG_PARAMS, struct.pack(">IB", 0, COPY_META))))
    print(f"reading queue {queue}", flush=True)
    waiting, words = [], []
    while True:
        for ready in select.select([nl, sys.stdin], [], [])[0]:
            if ready is nl:
                for packet in packet_ids(nl.recv(65536)):
                    waiting.append(packet)
                    print(f"packet {packet}", flush=True)
                continue
            line = sys.stdin.readline()
            if not line:
                return
            words.append(line.strip())
        while waiting and words:
            verdict = struct.pack(">II", VERDICTS[words.pop(0)], waiting.pop(0))
            nl.send(message(VERDICT, queue, attribute(NFQA_VERDICT_HDR, verdict)))


if __name__ == "__main__":
    main()
