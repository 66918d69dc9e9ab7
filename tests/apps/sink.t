#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# byte_sink and simple_nc with each other, with Python's socket and nc.
# shellcheck disable=SC2317 # functions are called by name
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/byte_sink apps/simple_nc

# keyboard NAME: a pipe that stays open until the descriptor $keyboard is closed.
keyboard()
{
	mkfifo "$TAP_TMP/$1.keyboard"
	exec {keyboard}<>"$TAP_TMP/$1.keyboard"
}

# SIGPIPE at its default, whatever whoever runs the tests has made of it.
nc_with_keyboard()
{
	exec env --default-signal=PIPE apps/simple_nc "$@" <"$TAP_TMP/$name.keyboard" {keyboard}>&-
}

sink_with_keyboard()
{
	exec apps/byte_sink "$@" <"$TAP_TMP/$name.keyboard" {keyboard}>&-
}

# logged FILE REGEX [COUNT]: waits until COUNT (1) lines of FILE match.
has_lines()
{
	(($(grep -cE -- "$2" "$TAP_TMP/$1") >= ${3-1}))
}

logged()
{
	tap_check "$1: $2${3+ ($3 times)}" tap_wait_until has_lines "$@"
}

# start_sink NAME ARGUMENT...: stops before bind(). The descriptor sink_keyboard is its keyboard.
start_sink()
{
	name=$1
	shift
	keyboard "$name"
	sink_keyboard=$keyboard
	tap_background "$name" sink_with_keyboard "$@"
	sink=$TAP_PID
	sink_name=$name
	tap_wait_until has_lines "$name.out" '^next: socket\(\) and bind\(\); Enter$' ||
		tap_bail "$name does not start"
}

# press WANTED: Enter; the sink must print such a line.
press()
{
	local before
	before=$(grep -c "$1" "$TAP_TMP/$sink_name.out")
	echo >&"$sink_keyboard"
	tap_check "$sink_name: Enter: $1" \
		tap_wait_until has_lines "$sink_name.out" "$1" $((before + 1))
}

bound()
{
	press 'bound to'
	TAP_PORT=$(sed -nE 's/.*bound to [^ ]*:([0-9]+).*/\1/p' "$TAP_TMP/$sink_name.out")
}

# start_nc NAME ADDRESS PORT: nc_keyboard is its keyboard, nc its process id.
start_nc()
{
	name=$1
	shift
	keyboard "$name"
	nc_keyboard=$keyboard
	tap_background "$name" nc_with_keyboard "$@"
	nc=$TAP_PID
}

# connection STATE SIDE PORT: is there one whose source (sport) or destination (dport) is PORT?
has_connection()
{
	[[ -n $(ss -Htan state "$1" "$2 = :$3") ]]
}

# --- without stops

for address in 127.0.0.1 ::1; do
	tap_server "all_$address" apps/byte_sink -a 0
	all=$TAP_PID
	shown=$address
	[[ $address == *:* ]] || shown="::ffff:$address"
	tap_run apps/simple_nc "$address" "$TAP_PORT" < <(printf 'hello\n\nthe rest has \t no end of line')
	tap_is "simple_nc $address: exits 0" "$TAP_STATUS$TAP_ERR" 0
	tap_like "simple_nc $address: says from where, and what each write() returned" "$TAP_OUT" \
		'^simple_nc: connected from \[?'"$address"$']?:[0-9]+\nwrite\(\) = 6\nwrite\(\) = 1\nwrite\(\) = 29$'
	from=${TAP_OUT%%$'\n'*}
	logged "all_$address.out" '^close\([0-9]+\) = 0$'
	tap_like "byte_sink -a: $address: from the same port" "$(<"$TAP_TMP/all_$address.out")" \
		"accept\\(\\) = [0-9]+ from \\[$shown\\]:${from##*:}"
	tap_is "byte_sink -a: $address: all that was sent, 16 bytes at most at a time" \
		"$(sed -nE 's/^recv\(\) = [0-9]+: (.{1,25})$/\1/p' "$TAP_TMP/all_$address.out" | tr -d '\n')" \
		'hello\x0a\x0athe rest has \x09 no end of line'
	tap_unlike "byte_sink -a: $address: never more than 16" "$(<"$TAP_TMP/all_$address.out")" \
		'recv\(\) = (1[7-9]|[2-9][0-9])'
	tap_unlike "byte_sink -a: $address: no stop" "$(<"$TAP_TMP/all_$address.out")" Enter

	# It goes on with the next client, after one that went wrong too.
	tap_check "Python, $address: resets" python3 -c '
import socket, struct, sys
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
sock.send(b"x")
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.close()' "$address" "$TAP_PORT"
	logged "all_$address.err" '^byte_sink: recv: Connection reset by peer$'
	tap_run apps/simple_nc "$address" "$TAP_PORT" <<<'the next one'
	logged "all_$address.out" 'recv\(\) = 13: the next one\\x0a$'
	if nc -h 2>&1 | grep -q -- '-N'; then
		tap_run nc -N "$address" "$TAP_PORT" <<<'from nc'
		logged "all_$address.out" 'recv\(\) = 8: from nc\\x0a$'
	else
		tap_skip "byte_sink with nc, $address" 'no nc with -N'
	fi
	tap_is "byte_sink $address: still serves" "$(kill -0 "$all" && echo yes)" yes
	port_in_use=$TAP_PORT
	tap_run apps/byte_sink -a "$TAP_PORT"
	tap_is "second byte_sink on the port: EADDRINUSE" "$TAP_STATUS$TAP_ERR" \
		'1byte_sink: bind: Address already in use'
	tap_stop "$all"
	tap_is "byte_sink $address: a signal ends it" $? 143
done

tap_run apps/simple_nc 127.0.0.1 "$port_in_use" </dev/null
tap_is 'simple_nc, nobody listens: ECONNREFUSED' "$TAP_STATUS$TAP_OUT$TAP_ERR" \
	'1simple_nc: connect: Connection refused'

# --- simple_nc and others

cat >"$TAP_TMP/server.py" <<'END'
import hashlib, socket, sys
sock = socket.create_server(("127.0.0.1", 0))
print("bound to 127.0.0.1:%d" % sock.getsockname()[1], flush=True)
connection, _ = sock.accept()
if sys.argv[1] == "talk":
    connection.sendall(b"it never reads this")
digest = hashlib.sha256()
try:
    while data := connection.recv(65536):
        digest.update(data)
    print(digest.hexdigest(), flush=True)
except ConnectionResetError:
    print("reset", flush=True)
END
# Lines of all lengths, with all bytes; more than the buffers between the two hold.
python3 -c '
import random, sys
sys.stdout.buffer.write(random.Random(1).randbytes(3000000) + b"x" * 9000000)' >"$TAP_TMP/input"
tap_server python python3 "$TAP_TMP/server.py" listen
tap_run apps/simple_nc 127.0.0.1 "$TAP_PORT" <"$TAP_TMP/input"
tap_is 'simple_nc, 12 MB of any bytes: exits 0' "$TAP_STATUS$TAP_ERR" 0
tap_wait "$TAP_PID"
tap_is 'simple_nc, 12 MB of any bytes: all arrive' "$(tail -n 1 "$TAP_TMP/python.out")" \
	"$(sha256sum <"$TAP_TMP/input" | cut -d' ' -f1)"
tap_server talk python3 "$TAP_TMP/server.py" talk
start_nc to_talk 127.0.0.1 "$TAP_PORT"
tap_check 'simple_nc, a server that talks: nobody reads it' \
	tap_wait_until eval "[[ \$(ss -Htan 'dport = :$TAP_PORT' | awk '{ print \$2 }') == 19 ]]"
exec {nc_keyboard}>&-
tap_wait "$nc"
logged talk.out '^reset$'

tap_run apps/simple_nc localhost 1
tap_is 'simple_nc, a name: says why' "$TAP_STATUS$TAP_OUT$TAP_ERR" \
	"1simple_nc: getaddrinfo: 'localhost': not an IPv4 or IPv6 address"
tap_server directory apps/byte_sink -a 0
tap_run apps/simple_nc 127.0.0.1 "$TAP_PORT" <"$TAP_TMP"
tap_is 'simple_nc, input that cannot be read: says why' "$TAP_STATUS$TAP_ERR" \
	'1simple_nc: getline: Is a directory'

# --- step by step

start_sink steps 0
tap_is 'byte_sink: stops before it has a socket' "$(<"$TAP_TMP/steps.out")" \
	'next: socket() and bind(); Enter'
bound
tap_run apps/simple_nc 127.0.0.1 "$TAP_PORT" </dev/null
tap_is 'before listen(): ECONNREFUSED' "$TAP_STATUS$TAP_ERR" \
	'1simple_nc: connect: Connection refused'
press '^next: accept\(\); Enter$'
tap_like 'listen(): its backlog is 1' "$(<"$TAP_TMP/steps.out")" $'\nlisten\([0-9]+, 1\) = 0\n'

# The kernel does all of this without the program.
start_nc early 127.0.0.1 "$TAP_PORT"
logged early.out '^simple_nc: connected from 127\.0\.0\.1:'
echo 'a line of more than sixteen bytes' >&"$nc_keyboard"
logged early.out '^write\(\) = 34$'
queue_is()
{
	[[ $(ss -Htan state "$1" "sport = :$TAP_PORT" | awk '{ print $1 }') == "$2" ]]
}
tap_check 'before accept(): 34 bytes wait in the receive queue' \
	tap_wait_until queue_is established 34
tap_unlike 'before accept(): the program has done nothing' "$(<"$TAP_TMP/steps.out")" 'accept\(\) ='
press '^accept\(\) = [0-9]+ from \[::ffff:127\.0\.0\.1\]:'
press '^recv\(\) = 16: a line of more t$'
tap_check 'recv(): 18 bytes are left' tap_wait_until queue_is established 18
press '^recv\(\) = 16: han sixteen byte$'
press '^recv\(\) = 2: s\\x0a$'
exec {nc_keyboard}>&-
tap_wait "$nc"
tap_is 'the client closes: exits 0' "$?" 0
tap_check 'the client closes: the FIN waits to be read' tap_wait_until queue_is close-wait 1
press '^recv\(\) = 0: the client sent FIN'
press '^close\([0-9]+\) = 0$'
tap_check 'the client closed first: TIME_WAIT is on its side' \
	tap_wait_until has_connection time-wait dport "$TAP_PORT"

# Closed before accept().
tap_run apps/simple_nc 127.0.0.1 "$TAP_PORT" <<<'gone'
tap_is 'closed before accept(): the client is done' "$TAP_STATUS$TAP_ERR" 0
press '^accept\(\) = [0-9]+ from '
press '^recv\(\) = 5: gone\\x0a$'
press '^recv\(\) = 0: '
press '^close\([0-9]+\) = 0$'
tap_is 'byte_sink: what it says, from the first to the last step' \
	"$(sed -E 's/\[.*\]:[0-9]+/PEER/; s/= [0-9]+ from/= N from/' "$TAP_TMP/steps.out" |
		tail -n 9 | paste -sd '|')" \
	'next: accept(); Enter|accept() = N from PEER|next: recv(); Enter|recv() = 5: gone\x0a|next: recv(); Enter|recv() = 0: the client sent FIN, and this was all|next: close(); Enter|close(4) = 0|next: accept(); Enter'
exec {sink_keyboard}>&-
tap_wait "$sink"
tap_is 'byte_sink: exits 0 at the end of its input' "$?" 0

# --- more clients than the backlog

start_sink crowd 0
bound
press '^next: accept'
# How many SYNs were refused at a full accept queue, of all sockets in this namespace.
overflows()
{
	awk '/^TcpExt:/ { if (n++) { print $column; exit }
		for (i = 1; i <= NF; i++) if ($i == "ListenOverflows") column = i }' /proc/self/net/netstat
}
before=$(overflows)
for client in crowd_1 crowd_2; do
	start_nc "$client" 127.0.0.1 "$TAP_PORT"
	logged "$client.out" '^simple_nc: connected'
done
start_nc crowd_3 127.0.0.1 "$TAP_PORT"
was_refused()
{
	(($(overflows) > before))
}
tap_check 'backlog 1: the third SYN meets a full queue' tap_wait_until was_refused
tap_check 'backlog 1: no answer, so the third client goes on trying' \
	tap_wait_until has_connection syn-sent dport "$TAP_PORT"
tap_is 'backlog 1: the third client is not connected' "$(<"$TAP_TMP/crowd_3.out")" ''
press '^accept\(\) = [0-9]+ from '
logged crowd_3.out '^simple_nc: connected'
tap_stop "$sink"

# connect() that nobody answers gives up; how soon is a setting of the namespace.
if [[ $(readlink /proc/self/ns/net) != $(readlink "/proc/$PPID/ns/net") ]] &&
	echo 1 2>/dev/null >/proc/sys/net/ipv4/tcp_syn_retries; then
	start_sink full 0
	bound
	press '^next: accept'
	for client in full_1 full_2; do
		start_nc "$client" 127.0.0.1 "$TAP_PORT"
		logged "$client.out" '^simple_nc: connected'
	done
	tap_run apps/simple_nc 127.0.0.1 "$TAP_PORT" </dev/null
	tap_is 'full accept queue: ETIMEDOUT' "$TAP_STATUS$TAP_ERR" \
		'1simple_nc: connect: Connection timed out'
	tap_stop "$sink"
else
	tap_skip 'full accept queue: ETIMEDOUT' 'no network namespace of its own'
fi

# --- the server is killed

# accepted NAME [OPTION]: a client is connected, the sink waits before recv().
accepted()
{
	start_sink "$1" "${@:2}" 0
	bound
	press '^next: accept'
	start_nc "$1_nc" 127.0.0.1 "$TAP_PORT"
	logged "$1_nc.out" '^simple_nc: connected'
	press '^next: recv'
}

accepted killed
tap_stop "$sink"
tap_check 'killed, nothing unread: FIN' tap_wait_until has_connection close-wait dport "$TAP_PORT"
echo one >&"$nc_keyboard"
logged killed_nc.out '^write\(\) = 4$'
tap_check 'killed: the first write() is answered by RST' \
	tap_wait_until eval "! ss -Htan 'dport = :$TAP_PORT' | grep -q ."
tap_is 'killed: the client knows nothing yet' "$(kill -0 "$nc" && echo lives)" lives
echo two >&"$nc_keyboard"
tap_wait "$nc"
tap_is 'killed: the second write() ends the client by SIGPIPE' $? 141
tap_is 'killed: and it prints nothing of it' \
	"$(grep -c write "$TAP_TMP/killed_nc.out")$(<"$TAP_TMP/killed_nc.err")" 1

accepted unread
echo unread >&"$nc_keyboard"
logged unread_nc.out '^write\(\) = 7$'
tap_check 'killed with something unread: it waits' tap_wait_until queue_is established 7
tap_stop "$sink"
tap_check 'killed with something unread: RST at once' \
	tap_wait_until eval "! ss -Htan 'dport = :$TAP_PORT' | grep -q ."
echo more >&"$nc_keyboard"
tap_wait "$nc"
tap_is 'killed with something unread: the next write() tells, without a signal' \
	"$? $(<"$TAP_TMP/unread_nc.err")" '1 simple_nc: write: Connection reset by peer'

# Killed first, then the client closes: TIME_WAIT is at the server's port.
accepted restart
tap_stop "$sink"
tap_check 'restart: FIN' tap_wait_until has_connection close-wait dport "$TAP_PORT"
exec {nc_keyboard}>&-
tap_wait "$nc"
tap_check 'restart: TIME_WAIT is on the side of the server' \
	tap_wait_until has_connection time-wait sport "$TAP_PORT"
tap_run apps/byte_sink -a "$TAP_PORT"
tap_is 'restart without SO_REUSEADDR: EADDRINUSE' "$TAP_STATUS$TAP_ERR" \
	'1byte_sink: bind: Address already in use'
tap_run apps/byte_sink -a -r "$TAP_PORT"
tap_is 'restart with SO_REUSEADDR that the first run had not: EADDRINUSE' "$TAP_STATUS$TAP_ERR" \
	'1byte_sink: bind: Address already in use'

accepted reuse -r
tap_stop "$sink"
exec {nc_keyboard}>&-
tap_wait "$nc"
tap_check 'restart: TIME_WAIT is on the side of the server again' \
	tap_wait_until has_connection time-wait sport "$TAP_PORT"
tap_run apps/byte_sink -a "$TAP_PORT"
tap_is 'restart without SO_REUSEADDR that the first run had: EADDRINUSE' "$TAP_STATUS$TAP_ERR" \
	'1byte_sink: bind: Address already in use'
port=$TAP_PORT
tap_server again apps/byte_sink -a -r "$port"
tap_is 'restart with SO_REUSEADDR, as the first run: works' "$TAP_PORT" "$port"
tap_run apps/byte_sink -a -r "$port"
tap_is 'SO_REUSEADDR, but the port is in use: EADDRINUSE' "$TAP_STATUS$TAP_ERR" \
	'1byte_sink: bind: Address already in use'

# --- defaults and usage

if [[ $(readlink /proc/self/ns/net) != $(readlink "/proc/$PPID/ns/net") ]]; then
	tap_server default apps/byte_sink -a
	tap_is 'byte_sink: default port' "$TAP_PORT" 8080
else
	tap_skip 'byte_sink: default port' 'no network namespace of its own: the port may be taken'
fi

for arguments in x 65536 -1 '1 2' -x '-a -r x'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run apps/byte_sink $arguments
	tap_like "usage error: byte_sink $arguments" "$TAP_STATUS $TAP_OUT$TAP_ERR" \
		'^2 (.*'$'\n'')?usage: byte_sink \[-a\] \[-r\] \[PORT\]'
done
for arguments in '' 127.0.0.1 '127.0.0.1 x' '127.0.0.1 65536' '127.0.0.1 1 2'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run apps/simple_nc $arguments
	tap_is "usage error: simple_nc $arguments" "$TAP_STATUS $TAP_OUT$TAP_ERR" \
		'2 usage: simple_nc ADDRESS PORT'
done

tap_done
