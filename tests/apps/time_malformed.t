#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Messages that time_protocol.h forbids: logged, refused, survived, by server and clients.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/time_server apps/time_client apps/time_burst_client

cat >"$TAP_TMP/wire.py" <<'END'
import struct

SECONDS_MAX = 253402300799  # the end of the year 9999


def message(kind, sequence, magic=0x54494D45, version=1, nanoseconds=0, seconds=0):
    return struct.pack("!IHHIIQ", magic, version, kind, sequence, nanoseconds, seconds)


def malformed(kind, sequence):
    """(what the log must say, the message)"""
    good = message(kind, sequence)
    return [
        ("refused 0 bytes", b""),
        ("refused 1 bytes", good[:1]),
        ("refused 4 bytes", good[:4]),
        ("refused 23 bytes", good[:23]),
        ("refused 25 bytes", good + b"x"),
        ("refused 65507 bytes", good + b"x" * (65507 - len(good))),
        ("wrong magic", message(kind, sequence, magic=0x454D4954)),
        ("wrong magic", bytes(24)),
        ("wrong magic", b"\xff" * 24),
        ("unknown version", message(kind, sequence, version=0)),
        ("unknown version", message(kind, sequence, version=2)),
        ("unknown version", message(kind, sequence, version=0x0100)),
        ("wrong type", message(3 - kind, sequence)),
        ("wrong type", message(0, sequence)),
        ("nanoseconds out of range", message(kind, sequence, nanoseconds=1000000000)),
        ("nanoseconds out of range", message(kind, sequence, nanoseconds=0xFFFFFFFF)),
        ("seconds out of range", message(kind, sequence, seconds=SECONDS_MAX + 1)),
        ("seconds out of range", message(kind, sequence, seconds=0xFFFFFFFFFFFFFFFF)),
    ]
END
export PYTHONPATH=$TAP_TMP PYTHONDONTWRITEBYTECODE=1

# --- the server

tap_server server apps/time_server 127.0.0.1 0
cat >"$TAP_TMP/client.py" <<'END'
import random, socket, sys
from wire import malformed, message

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(10)
sock.connect(("127.0.0.1", int(sys.argv[1])))
# The answer to each good request comes first, so the bad one before it was not answered.
for sequence, (reason, data) in enumerate(malformed(1, 7), 100):
    sock.send(data)
    sock.send(message(1, sequence))
    assert sock.recv(100)[8:12] == sequence.to_bytes(4, "big"), reason
    print(reason)
# Noise, and valid messages with bits turned over; alike in each run.
noise = random.Random(1)
for i in range(300):
    data = bytearray(message(1, i)) if i % 2 else bytearray(noise.randbytes(noise.randrange(40)))
    for _ in range(noise.randrange(4)):
        if data:
            data[noise.randrange(len(data))] ^= 1 << noise.randrange(8)
    sock.send(data)
    sock.send(message(1, 0xABCD0000 + i))
    while sock.recv(100)[8:12] != (0xABCD0000 + i).to_bytes(4, "big"):
        pass
END
tap_run python3 "$TAP_TMP/client.py" "$TAP_PORT"
tap_is 'server: goes on serving between malformed requests' "$TAP_STATUS$TAP_ERR" 0

refused=$(grep ' refused ' "$TAP_TMP/server.out")
line=0
while read -r reason; do
	line=$((line + 1))
	tap_like "server: $reason" "$(sed -n "${line}p" <<<"$refused")" \
		"refused [0-9]+ bytes from 127\.0\.0\.1:[0-9]+: .*|$reason"
	tap_like "server: log line says: $reason" "$(sed -n "${line}p" <<<"$refused")" "$reason"
done <<<"$TAP_OUT"
tap_is 'server: all of them seen' "$line" 18
tap_stop "$TAP_PID"
tap_is 'server: still stops cleanly' $? 0
tap_is 'server: nothing on stderr' "$(<"$TAP_TMP/server.err")" ''

# --- the clients

# server.py MODE: bad   answers each request with all that is malformed, then with a good answer
#                 worse leaves the good answer out
#                 alien sends the good answer from another port
#                 mixed waits for 5 requests, answers 5, 2, 2, 9, 0, 1, 4
cat >"$TAP_TMP/server.py" <<'END'
import socket, sys
from wire import malformed, message, SECONDS_MAX

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("127.0.0.1", 0))
print("bound to 127.0.0.1:%d" % sock.getsockname()[1], flush=True)
mode = sys.argv[1]
requests = 0
while True:
    data, peer = sock.recvfrom(100)
    sequence = int.from_bytes(data[8:12], "big")
    requests += 1
    good = message(2, sequence, nanoseconds=999999999, seconds=SECONDS_MAX)
    if mode in ("bad", "worse"):
        for reason, data in malformed(2, sequence):
            sock.sendto(data, peer)
        sock.sendto(message(2, sequence + 1), peer)
    if mode == "bad":
        sock.sendto(good, peer)
    if mode == "alien":
        other.sendto(good, peer)
    if mode == "mixed" and requests == 5:
        for sequence in 5, 2, 2, 9, 0, 1, 4:
            sock.sendto(message(2, sequence), peer)
END

tap_server bad python3 "$TAP_TMP/server.py" bad
for option in '' -U; do
	# shellcheck disable=SC2086 # no option is no argument
	tap_run apps/time_client $option 127.0.0.1 "$TAP_PORT"
	tap_like "client $option: takes the good answer after the bad ones" "$TAP_STATUS $TAP_OUT" \
		'^0 9999-12-31 23:59:59\.999999999 UTC answer '
	tap_is "client $option: refuses each bad one" \
		"$(grep -c '^time_client: refused' <<<"$TAP_ERR")" 19
	for reason in 'refused 0 bytes.*too short' 'refused 23 bytes.*too short' \
		'refused 25 bytes.*too long' 'refused 65507 bytes.*too long' 'wrong magic' \
		'unknown version' 'wrong type' 'nanoseconds out of range' 'seconds out of range' \
		'wrong sequence number'; do
		tap_like "client $option: $reason" "$TAP_ERR" "$reason"
	done
done
tap_run apps/time_burst_client 127.0.0.1 "$TAP_PORT" 1
tap_is 'burst: takes the good answer after the bad ones' "$TAP_STATUS" 0
tap_is 'burst: refuses each bad one' "$(grep -c 'burst_client: refused' <<<"$TAP_ERR")" 19
tap_like 'burst: unknown sequence number' "$TAP_ERR" 'unknown sequence number'

tap_server worse python3 "$TAP_TMP/server.py" worse
tap_run apps/time_client -t 0.2 127.0.0.1 "$TAP_PORT"
tap_like 'client: bad answers only: gives up' "$TAP_STATUS $TAP_ERR" \
	'^1 .*no answer from 127\.0\.0\.1:[0-9]+ within 0\.2 s$'

tap_server alien python3 "$TAP_TMP/server.py" alien
tap_run apps/time_client -U -t 0.2 127.0.0.1 "$TAP_PORT"
tap_like 'unconnected client: refuses an answer from another port' "$TAP_STATUS $TAP_ERR" \
	'^1 .*not the server that was asked.*no answer from'
tap_run apps/time_client -t 0.2 127.0.0.1 "$TAP_PORT"
tap_like 'connected client: never sees an answer from another port' "$TAP_STATUS $TAP_ERR" \
	'^1 time_client: recvfrom: no answer from'

tap_server mixed python3 "$TAP_TMP/server.py" mixed
tap_run apps/time_burst_client -t 0.2 127.0.0.1 "$TAP_PORT" 5
tap_is 'burst, mixed answers: exits 1' "$TAP_STATUS" 1
tap_is 'burst, mixed answers: in order of arrival' \
	"$(sed -nE 's/.* UTC answer (.*)/\1/p' <<<"$TAP_OUT" | paste -sd ';')" \
	'5;2, out of order;2, again;1, out of order;4, out of order'
tap_like 'burst, mixed answers: sums up' "$TAP_OUT" \
	$'\n5 requests, 4 answered, 1 missing, 3 out of order, 1 again, 0 errors\nmissing: 3$'
tap_is 'burst, mixed answers: refuses numbers it never sent' \
	"$(grep -c 'unknown sequence number' <<<"$TAP_ERR")" 2

tap_done
