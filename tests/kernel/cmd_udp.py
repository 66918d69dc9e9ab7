# SPDX-License-Identifier: BSD-2-Clause
"""Datagrams for the tests of the command.

send ADDR PORT COUNT [SIZE]      COUNT datagrams of SIZE bytes
threads ADDR PORT COUNT          COUNT threads, each with a socket and one datagram
child ADDR PORT DEPTH            a chain of DEPTH descendants; the last one sends a datagram
echo ADDR PORT                   a datagram to itself, received
sink ADDR PORT COUNT             prints "bound to ADDR:PORT", receives COUNT datagrams
stay LOG FIFO                    writes "up" and the name of each SIGINT and SIGTERM to LOG; when
                                 somebody has opened FIFO, sends a datagram to 127.0.0.1:9, exits with 5
stream ADDR PORT STOP            a datagram every millisecond until the file STOP exists
"""
import os
import signal
import socket
import sys
import threading
import time


def sock(addr):
    return socket.socket(socket.AF_INET6 if ":" in addr else socket.AF_INET, socket.SOCK_DGRAM)


def send(addr, port, count, size=4):
    with sock(addr) as s:
        for _ in range(int(count)):
            s.sendto(b"x" * int(size), (addr, int(port)))


def threads(addr, port, count):
    all_threads = [threading.Thread(target=send, args=(addr, port, 1)) for _ in range(int(count))]
    for t in all_threads:
        t.start()
    for t in all_threads:
        t.join()


def child(addr, port, depth):
    if int(depth) == 0:
        return send(addr, port, 1)
    pid = os.fork()
    if pid == 0:
        child(addr, port, int(depth) - 1)
        os._exit(0)
    os.waitpid(pid, 0)


def echo(addr, port):
    with sock(addr) as s:
        s.bind((addr, int(port)))
        s.sendto(b"echo", s.getsockname())
        s.recv(100)


def sink(addr, port, count):
    with sock(addr) as s:
        s.bind((addr, int(port)))
        print("bound to %s:%d" % s.getsockname()[:2], flush=True)
        for _ in range(int(count)):
            s.recv(65536)


def stay(log, fifo):
    def write(word):
        with open(log, "a", encoding="ascii") as f:
            f.write(word + "\n")

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, _frame: write(signal.Signals(n).name))
    write("up")
    with open(fifo, encoding="ascii"):
        pass
    send("127.0.0.1", 9, 1)
    sys.exit(5)


def stream(addr, port, stop):
    with sock(addr) as s:
        while not os.path.exists(stop):
            s.sendto(b"x" * 100, (addr, int(port)))
            time.sleep(0.001)


globals()[sys.argv[1]](*sys.argv[2:])
