#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# random_server and random_client with each other, with Python's socket and nc.
# shellcheck disable=SC2317 # functions are called by name
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/random_server apps/random_client

# SIGPIPE at its default, whatever whoever runs the tests has made of it.
server=(env --default-signal=PIPE apps/random_server)

has_lines()
{
	(($(grep -cE -- "$2" "$TAP_TMP/$1") >= ${3-1}))
}

# logged FILE REGEX [COUNT]: waits until COUNT (1) lines of FILE match.
logged()
{
	tap_check "$1: $2${3+ ($3 times)}" tap_wait_until has_lines "$@"
}

# receive OUTPUT ARGUMENT...: random_client, its output going to OUTPUT. Sets TAP_STATUS, TAP_ERR.
receive()
{
	timeout -k 1 "$TAP_LIMIT" apps/random_client "${@:2}" >"$1" 2>"$TAP_TMP/receive.err"
	TAP_STATUS=$?
	TAP_ERR=$(<"$TAP_TMP/receive.err")
}

# --- as many bytes as asked for

for address in 127.0.0.1 ::1; do
	tap_server "server_$address" "${server[@]}" 0
	shown=$address
	[[ $address == *:* ]] || shown="::ffff:$address"
	for bytes in 1 1023 1024 1025 4095 4096 4097 1000000; do
		receive "$TAP_TMP/bytes" "$address" "$TAP_PORT" "$bytes"
		tap_is "$address: $bytes bytes" "$TAP_STATUS$TAP_ERR $(stat -c %s "$TAP_TMP/bytes")" \
			"0 $bytes"
		logged "server_$address.out" \
			"^$bytes of $bytes bytes sent to \\[$shown\\]:[0-9]+\$"
	done
	cp "$TAP_TMP/bytes" "$TAP_TMP/before"
	receive "$TAP_TMP/bytes" "$address" "$TAP_PORT" 1000000
	tap_check "$address: they are not the same again" \
		eval "! cmp -s $TAP_TMP/bytes $TAP_TMP/before"
	# Random bytes do not compress; zeros and repetitions do.
	tap_check "$address: and look random" python3 -c '
import sys, zlib
data = open(sys.argv[1], "rb").read()
sys.exit(len(zlib.compress(data)) < len(data))' "$TAP_TMP/bytes"
	tap_is "$address: nothing on stderr" "$(<"$TAP_TMP/server_$address.err")" ''
	tap_run apps/random_server "$TAP_PORT"
	tap_is "$address: second server on the port: EADDRINUSE" "$TAP_STATUS$TAP_ERR" \
		'1random_server: bind: Address already in use'
	tap_stop "$TAP_PID"
	tap_is "$address: a signal ends the server" $? 143
done
receive /dev/null 127.0.0.1 "$TAP_PORT" 1
tap_is 'client, nobody listens: ECONNREFUSED' "$TAP_STATUS$TAP_ERR" \
	'1random_client: connect: Connection refused'

# --- pauses

tap_server pause "${server[@]}" 0
before=${EPOCHREALTIME/[.,]/}
receive "$TAP_TMP/bytes" 127.0.0.1 "$TAP_PORT" 3000 100
after=${EPOCHREALTIME/[.,]/}
tap_is 'pause: all bytes' "$TAP_STATUS$TAP_ERR $(stat -c %s "$TAP_TMP/bytes")" '0 3000'
tap_check 'pause: takes two of them at least' test "$((after - before))" -ge 200000
logged pause.out '^3000 bytes for .*, pause 100 ms$'

# --- what is no request

cat >"$TAP_TMP/client.py" <<'END'
import socket, struct, sys


def request(bytes_wanted, pause=0, magic=0x52414E44, version=1):
    return struct.pack("!IHHQ", magic, version, pause, bytes_wanted)


def ask(pieces):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as sock:
        sock.settimeout(10)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        got = b""
        try:
            for piece in pieces:
                sock.sendall(piece)
            sock.shutdown(socket.SHUT_WR)
            while data := sock.recv(65536):
                got += data
        except TimeoutError:
            raise
        except OSError:
            pass  # closed with something unread
        return len(got)


good = request(2000)
for reason, data in [
    ("too short", b""),
    ("too short", good[:1]),
    ("too short", good[:15]),
    ("wrong magic", request(2000, magic=0x444E4152)),
    ("wrong magic", b"GET / HTTP/1.1\r\n\r\n"),
    ("wrong magic", b"\xff" * 5000),
    ("unknown version", request(2000, version=0)),
    ("unknown version", request(2000, version=0x0100)),
    ("pause too long", request(2000, pause=60001)),
    ("pause too long", request(2000, pause=0xFFFF)),
    ("number of bytes out of range", request(0)),
    ("number of bytes out of range", request(1000000000001)),
    ("number of bytes out of range", request(0xFFFFFFFFFFFFFFFF)),
]:
    assert ask([data]) == 0, reason
    assert ask([good]) == 2000, reason
    print(reason)
# In pieces.
assert ask(bytes([byte]) for byte in good) == 2000
# Gone in the middle of the request.
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(good[:7])
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.close()
assert ask([good]) == 2000
print("Connection reset by peer")
END
tap_run python3 "$TAP_TMP/client.py" "$TAP_PORT"
tap_is 'server: goes on serving between malformed requests' "$TAP_STATUS$TAP_ERR" 0
refused=$(grep '^refused ' "$TAP_TMP/pause.out")
line=0
while read -r reason; do
	line=$((line + 1))
	tap_like "server: refusal $line: $reason" "$(sed -n "${line}p" <<<"$refused")" \
		"^refused [0-9]+ bytes from \[::ffff:127\.0\.0\.1\]:[0-9]+: $reason\$"
done <<<"$TAP_OUT"
tap_is 'server: all of them seen, nothing else refused' "$line $(wc -l <<<"$refused")" '14 14'

if nc -h 2>&1 | grep -q -- '-N'; then
	printf 'RAND\0\1\0\0\0\0\0\0\0\0\047\020' >"$TAP_TMP/request"
	tap_is 'nc as client' \
		"$(timeout "$TAP_LIMIT" nc -N ::1 "$TAP_PORT" <"$TAP_TMP/request" | wc -c)" 10000
else
	tap_skip 'nc as client' 'no nc with -N'
fi

# --- the client with other servers

cat >"$TAP_TMP/server.py" <<'END'
import socket

sock = socket.create_server(("::1", 0), family=socket.AF_INET6)
print("bound to [::1]:%d" % sock.getsockname()[1], flush=True)
for pieces in (0, 5, 200):
    connection, _ = sock.accept()
    print(connection.recv(100).hex(), flush=True)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(pieces):
        connection.send(b"x" * 50)
    connection.shutdown(socket.SHUT_WR)
    try:
        connection.recv(100)
    except OSError:
        pass  # it asked for less
    connection.close()
END
tap_server python python3 "$TAP_TMP/server.py"
for case in '10000 0 1 0' '10000 7 1 250' '9000 0 0 9000'; do
	read -r bytes pause status got <<<"$case"
	receive "$TAP_TMP/bytes" ::1 "$TAP_PORT" "$bytes" "$pause"
	wanted=
	((status == 0)) ||
		wanted="random_client: recv: the server has closed the connection after $got of $bytes bytes"
	tap_is "client: $got bytes come" "$TAP_STATUS $TAP_ERR $(stat -c %s "$TAP_TMP/bytes")" \
		"$status $wanted $got"
	tap_is "client: request for $bytes bytes" "$(tail -n 1 "$TAP_TMP/python.out")" \
		"$(printf '52414e440001%04x%016x' "$pause" "$bytes")"
done
receive /dev/full 127.0.0.1 "$(sed -nE 's/.*bound to [^ ]*:([0-9]+).*/\1/p' "$TAP_TMP/pause.out")" 1
tap_is 'client: output that cannot be written' "$TAP_STATUS$TAP_ERR" \
	'1random_client: write: No space left on device'

# --- a slow client, interrupted

# stalled NAME COMMAND...: COMMAND serves a client that cannot write, until nothing moves any more.
# Sets served and client, process ids.
client_into_pipe()
{
	exec apps/random_client 127.0.0.1 "$TAP_PORT" 1000000000 >&"$pipe"
}

# The window is closed, and the server sleeps in send().
waits_in_send()
{
	ss -Htno "sport = :$TAP_PORT" | grep -q 'timer:(persist' &&
		[[ $(awk '{ print $3 }' "/proc/$served/stat") == S ]]
}

stalled()
{
	mkfifo "$TAP_TMP/$1.pipe"
	exec {pipe}<>"$TAP_TMP/$1.pipe"
	tap_server "$@" 0
	served=$TAP_PID
	tap_background "$1_client" client_into_pipe
	client=$TAP_PID
	tap_check "$1: receive buffer, then send buffer are full: send() waits" \
		tap_wait_until waits_in_send
}

stalled slow "${server[@]}"
tap_check 'slow: the window was closed' \
	eval "(( \$(ss -Htn 'dport = :$TAP_PORT' | awk '{ print \$2 }') > 0 ))"
tap_background second apps/random_client 127.0.0.1 "$TAP_PORT" 10
second_pid=$TAP_PID
tap_check 'slow: another client is connected, its request waits' \
	tap_wait_until eval "ss -Htn state established 'sport = :$TAP_PORT' | grep -q '^16 '"
tap_is 'slow: another client is not served' "$(grep -c ' bytes for ' "$TAP_TMP/slow.out")" 1
tap_stop "$client"
tap_wait "$served"
tap_is 'slow, interrupted: SIGPIPE ends the server' $? 141
tap_is 'slow, interrupted: after ECONNRESET, told once' "$(<"$TAP_TMP/slow.err")" \
	'random_server: send: Connection reset by peer'
# Where send() was waiting with nothing of the chunk taken, there is no such line.
tap_is 'slow, interrupted: and before it the part that was taken' \
	"$(sed -E '1,2d; s/^send\(\) = ([1-9]|[1-9][0-9]{1,2}|10[01][0-9]|102[0-3]) of 1024$/part/' \
		"$TAP_TMP/slow.out" | sed '/^part$/d')" ''
tap_wait "$second_pid"
tap_is 'slow, interrupted: the client that waited is reset' "$? $(<"$TAP_TMP/second.err")" \
	'1 random_client: recv: Connection reset by peer'
exec {pipe}>&-

# Where SIGPIPE is ignored, all three calls are seen, and the server goes on.
stalled ignored env --ignore-signal=PIPE apps/random_server
tap_stop "$client"
logged ignored.out '^[0-9]+ of 1000000000 bytes sent to '
tap_is 'SIGPIPE ignored: ECONNRESET, then EPIPE' "$(<"$TAP_TMP/ignored.err")" \
	$'random_server: send: Connection reset by peer\nrandom_server: send: Broken pipe\nrandom_server: send: Broken pipe'
receive "$TAP_TMP/bytes" 127.0.0.1 "$TAP_PORT" 10
tap_is 'SIGPIPE ignored: the next client is served' \
	"$TAP_STATUS$TAP_ERR $(stat -c %s "$TAP_TMP/bytes")" '0 10'
tap_stop "$served"
exec {pipe}>&-

# Interrupted with nothing unread: FIN, and no ECONNRESET.
tap_server fin "${server[@]}" 0
served=$TAP_PID
tap_background fin_client apps/random_client 127.0.0.1 "$TAP_PORT" 1000000 1500
client=$TAP_PID
has_read_a_chunk()
{
	[[ $(ss -Htni "dport = :$TAP_PORT") =~ ^ESTAB\ +0\ .*bytes_received:1024\  ]]
}
tap_check 'interrupted between two chunks: one has come and is read' \
	tap_wait_until has_read_a_chunk
tap_stop "$client"
tap_wait "$served"
tap_is 'interrupted between two chunks: SIGPIPE ends the server' $? 141
tap_is 'interrupted between two chunks: no ECONNRESET before it' "$(<"$TAP_TMP/fin.err")" ''

# --- defaults and usage

if [[ $(readlink /proc/self/ns/net) != $(readlink "/proc/$PPID/ns/net") ]]; then
	tap_server default apps/random_server
	tap_is 'random_server: default port' "$TAP_PORT" 8089
else
	tap_skip 'random_server: default port' 'no network namespace of its own: the port may be taken'
fi
for arguments in x 65536 -1 '1 2'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run apps/random_server $arguments
	tap_is "usage error: random_server $arguments" "$TAP_STATUS $TAP_OUT$TAP_ERR" \
		'2 usage: random_server [PORT]'
done
for arguments in '' 127.0.0.1 '127.0.0.1 1' '127.0.0.1 x 1' '127.0.0.1 65536 1' '127.0.0.1 1 0' \
	'127.0.0.1 1 -1' '127.0.0.1 1 1k' '127.0.0.1 1 1000000000001' \
	'127.0.0.1 1 99999999999999999999999' '127.0.0.1 1 1 60001' '127.0.0.1 1 1 x' \
	'127.0.0.1 1 1 1 1'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run apps/random_client $arguments
	tap_like "usage error: random_client $arguments" "$TAP_STATUS $TAP_OUT$TAP_ERR" \
		'^2 usage: random_client ADDRESS PORT BYTES \[PAUSE_MS\]'
done
tap_run apps/random_client localhost 1 1
tap_is 'random_client, a name: says why' "$TAP_STATUS$TAP_OUT$TAP_ERR" \
	"1random_client: getaddrinfo: 'localhost': not an IPv4 or IPv6 address"

tap_done
