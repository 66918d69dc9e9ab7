#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Messages that kv_protocol.h forbids: logged, refused, survived, by store and client.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/kv_store apps/kv_client

cat >"$TAP_TMP/wire.py" <<'END'
import struct

SET, GET, DEL, LIST, COUNT = 1, 2, 3, 4, 5
OK, NOT_FOUND, FULL, ENTRY = 101, 102, 103, 104


def message(kind, key=b"", value=b"", magic=0x4B565354, version=1, key_length=None, value_length=None):
    """A message; with lengths that need not be true."""
    return struct.pack("!IHHHH", magic, version, kind,
                       len(key) if key_length is None else key_length,
                       len(value) if value_length is None else value_length) + key + value


def malformed(good, other, bare, full):
    """(what the log must say, the bytes). good: a type with a value, and with a key if full;
    other: a type of the other side; bare: a type without key and value."""
    key = b"key" if full else b""
    whole = message(good, key, b"value")
    return [("truncated in the header", whole[:length]) for length in (1, 4, 11)] + [
        ("truncated after the header", whole[:12]),
        ("truncated after the header", whole[:-1]),
        ("truncated after the header", message(good, key, b"v", value_length=1024)),
        ("wrong magic", message(good, key, b"v", magic=0x5453564B)),
        ("wrong magic", b"GET / HTTP/1.1\r\n\r\n"),
        ("wrong magic", bytes(12)),
        ("wrong magic", b"\xff" * 2000),
        ("unknown version", message(good, key, b"v", version=0)),
        ("unknown version", message(good, key, b"v", version=2)),
        ("unknown version", message(good, key, b"v", version=0x0100)),
        ("unknown type", message(0)),
        ("unknown type", message(6)),
        ("unknown type", message(100)),
        ("unknown type", message(105)),
        ("unknown type", message(0xFFFF)),
        ("wrong type", message(other, b"key", b"value")),
        ("key too long", message(good, b"k" * 65, b"v")),
        ("key too long", message(good, b"k" * 65535, b"v" * 65535)),
        ("key too long", message(good, b"", b"", key_length=65535, value_length=65535)),
        ("value too long", message(good, key, b"v" * 1025)),
        ("value too long", message(good, key, b"", value_length=65535)),
        ("a key where none belongs", message(bare, b"k")),
        ("a value where none belongs", message(bare, b"", b"v")),
    ]
END
export PYTHONPATH=$TAP_TMP PYTHONDONTWRITEBYTECODE=1

# --- the store

tap_server store apps/kv_store 0
cat >"$TAP_TMP/client.py" <<'END'
import random, socket, struct, sys
from wire import *


def connect():
    sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    sock.settimeout(10)
    return sock


def answers(sock, data):
    """Sends, and returns all that comes until the store closes."""
    got = b""
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(65536):
            got += piece
    except TimeoutError:
        raise
    except OSError:
        pass  # the store closed with data unread, so the connection is reset
    sock.close()
    return got


cases = malformed(SET, ENTRY, LIST, True) + [
    ("no key", message(SET, b"", b"v")),
    ("no key", message(GET)),
    ("no key", message(DEL)),
    ("a value where none belongs", message(GET, b"k", b"v")),
    ("a value where none belongs", message(DEL, b"k", b"v")),
    ("a key where none belongs", message(COUNT, b"k")),
]
for reason, data in cases:
    # What came before it is answered, it is not; nothing of it is kept, and the next one is served.
    assert answers(connect(), data) == b"", reason
    assert answers(connect(), message(COUNT)) == message(OK, b"", b"0"), reason
    print(reason)

# Nothing after it on the same connection is believed, however good.
sock = connect()
sock.sendall(message(COUNT))
assert sock.recv(100) == message(OK, b"", b"0")
assert answers(sock, message(COUNT, version=9) + message(SET, b"k", b"v")) == b""
assert answers(connect(), message(COUNT)) == message(OK, b"", b"0")
print("unknown version")

# Gone in the middle of a message.
sock = connect()
sock.sendall(message(SET, b"k", b"v" * 1000)[:500])
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.close()
assert answers(connect(), message(COUNT)) == message(OK, b"", b"0")
print("Connection reset by peer")
END
tap_run python3 "$TAP_TMP/client.py" "$TAP_PORT"
tap_is 'store: goes on serving between malformed requests' "$TAP_STATUS$TAP_ERR" 0
refused=$(grep '^refused ' "$TAP_TMP/store.out")
line=0
while read -r reason; do
	line=$((line + 1))
	tap_like "store: refusal $line: $reason" "$(sed -n "${line}p" <<<"$refused")" \
		"^refused \[::ffff:127\.0\.0\.1\]:[0-9]+: $reason\$"
done <<<"$TAP_OUT"
tap_is 'store: all of them seen, nothing else refused' "$line $(wc -l <<<"$refused")" '34 34'

# Noise, and valid messages with bits turned over; alike in each run.
cat >"$TAP_TMP/noise.py" <<'END'
import random, socket, sys
from wire import *

noise = random.Random(1)
for i in range(200):
    kind = noise.choice((SET, GET, DEL, LIST, COUNT))
    data = bytearray(noise.randbytes(noise.randrange(2000)))
    if i % 2:
        data = bytearray(message(kind, b"key" if kind <= DEL else b"", b"value" if kind == SET else b"") * 3)
    for _ in range(noise.randrange(4)):
        if data:
            data[noise.randrange(len(data))] ^= 1 << noise.randrange(8)
    with socket.create_connection(("::1", int(sys.argv[1]))) as sock:
        sock.settimeout(10)
        try:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass
        except TimeoutError:
            raise
        except OSError:
            pass
with socket.create_connection(("::1", int(sys.argv[1]))) as sock:
    sock.settimeout(10)
    sock.sendall(message(SET, b"after", b"noise") + message(GET, b"after"))
    assert sock.makefile("rb").read(29) == message(OK) + message(OK, b"", b"noise")
END
tap_check 'store: survives noise' python3 "$TAP_TMP/noise.py" "$TAP_PORT"
tap_is 'store: nothing on stderr' "$(<"$TAP_TMP/store.err")" ''
tap_stop "$TAP_PID"
tap_is 'store: has lived until now' $? 143

# --- the client

# To each connection, one after the other, it sends the next answer when a request has come.
cat >"$TAP_TMP/server.py" <<'END'
import socket, sys, wire

sock = socket.create_server(("127.0.0.1", 0))
print("bound to 127.0.0.1:%d" % sock.getsockname()[1], flush=True)
for reason, data in wire.cases:
    connection, _ = sock.accept()
    connection.recv(100)
    try:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(100)
    except OSError:
        pass  # the client closed with data unread, so the connection is reset
    connection.close()
END
cat >>"$TAP_TMP/wire.py" <<'END'


cases = malformed(OK, SET, NOT_FOUND, False) + [
    ("no key", message(ENTRY, b"", b"v")),
    ("a key where none belongs", message(OK, b"k", b"v")),
    ("an entry, and no list was asked for", message(ENTRY, b"k", b"v")),
]
END
tap_server server python3 "$TAP_TMP/server.py"
cases=0
while read -r reason; do
	cases=$((cases + 1))
	tap_run apps/kv_client 127.0.0.1 "$TAP_PORT" <<<'get key'
	tap_is "client: refuses answer $cases: $reason" \
		"$TAP_STATUS $(wc -l <<<"$TAP_OUT") $TAP_ERR" \
		"1 1 kv_client: refused the answer: $reason"
done < <(python3 -c 'import wire; print(*(reason for reason, _ in wire.cases), sep="\n")')
tap_is 'client: all of them seen' "$cases" 29

# A good answer in many pieces, and one whose connection closes instead.
cat >"$TAP_TMP/pieces.py" <<'END'
import socket, sys
from wire import *

sock = socket.create_server(("127.0.0.1", 0))
print("bound to 127.0.0.1:%d" % sock.getsockname()[1], flush=True)
connection, _ = sock.accept()
connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
connection.recv(100)
for byte in message(ENTRY, b"a", b"1") + message(ENTRY, b"b", b"2") + message(OK):
    connection.send(bytes([byte]))
connection.recv(100)
END
tap_server pieces python3 "$TAP_TMP/pieces.py"
tap_run apps/kv_client 127.0.0.1 "$TAP_PORT" < <(printf 'list\ncount\n')
tap_is 'client: an answer in pieces, then none' \
	"$TAP_STATUS $(tail -n +2 <<<"$TAP_OUT" | paste -sd '|') $TAP_ERR" \
	'1 a = 1|b = 2|ok kv_client: recv: the server has closed the connection'

tap_done
