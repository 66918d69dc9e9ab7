#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# kv_store and kv_client with each other and with Python's socket.
# shellcheck disable=SC2317 # functions are called by name
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/kv_store apps/kv_client

# SIGPIPE at its default, whatever whoever runs the tests has made of it.
store=(env --default-signal=PIPE apps/kv_store)

# client ADDRESS COMMAND...: TAP_OUT becomes the answers, a line each, without the line before them.
client()
{
	local address=$1
	shift
	tap_run apps/kv_client "$address" "$TAP_PORT" < <(printf '%s\n' "$@")
	TAP_FIRST=${TAP_OUT%%$'\n'*}
	TAP_OUT=$(tail -n +2 <<<"$TAP_OUT")
}

has_lines()
{
	(($(grep -cE -- "$2" "$TAP_TMP/$1") >= ${3-1}))
}

# logged FILE REGEX [COUNT]: waits until COUNT (1) lines of FILE match.
logged()
{
	tap_check "$1: $2${3+ ($3 times)}" tap_wait_until has_lines "$@"
}

client_with_keyboard()
{
	exec apps/kv_client 127.0.0.1 "$TAP_PORT" <"$TAP_TMP/$name.keyboard" {keyboard}>&-
}

# start_client NAME: its input is what is written to the descriptor keyboards[NAME].
declare -A keyboards
start_client()
{
	local name=$1 keyboard
	mkfifo "$TAP_TMP/$name.keyboard"
	exec {keyboard}<>"$TAP_TMP/$name.keyboard"
	keyboards[$name]=$keyboard
	tap_background "$name" client_with_keyboard
	logged "$name.out" '^kv_client: connected from '
}

# unread STATE COUNT: whether that many bytes wait at the store, in a connection in that state.
unread()
{
	ss -Htan state "$1" "sport = :$TAP_PORT" | awk '{ print $1 }' | grep -qx "$2"
}

# --- what it can do

for address in 127.0.0.1 ::1; do
	tap_server "store_$address" "${store[@]}" 0
	shown=$address
	[[ $address == *:* ]] || shown="::ffff:$address"
	client "$address" 'get name' 'set name a value  of words' 'get name' count 'set name other' \
		'set näme wert' 'get name' 'get näme' count list 'del name' 'del name' 'get name' count \
		list quit 'set after quit'
	tap_is "$address: exits 0" "$TAP_STATUS$TAP_ERR" 0
	tap_is "$address: answers" "$(paste -sd '|' <<<"$TAP_OUT")" \
		'not found|ok|a value  of words|1|ok|ok|other|wert|2|name = other|näme = wert|ok|ok|not found|not found|1|näme = wert|ok'
	tap_like "$address: the client says from where" "$TAP_FIRST" \
		'^kv_client: connected from \[?'"$address"']?:[0-9]+$'
	logged "store_$address.out" "^\\[$shown\\]:${TAP_FIRST##*:} has left$"
	tap_is "$address: the store logs each request" \
		"$(sed -nE 's/^request: (.*)/\1/p' "$TAP_TMP/store_$address.out" | paste -sd '|')" \
		'get name|set name|get name|count|set name|set näme|get name|get näme|count|list|del name|del name|get name|count|list'
	client "$address" 'get näme'
	tap_is "$address: keeps what another client has set" "$TAP_STATUS$TAP_OUT" 0wert
	tap_run apps/kv_store "$TAP_PORT"
	tap_is "$address: second store on the port: EADDRINUSE" "$TAP_STATUS$TAP_ERR" \
		'1kv_store: bind: Address already in use'
	tap_stop "$TAP_PID"
	tap_is "$address: a signal ends the store" $? 143
done

# --- limits

tap_server limits "${store[@]}" 0
key=$(printf 'k%.0s' {1..64})
value=$(printf 'v%.0s' {1..1024})
client 127.0.0.1 "set $key $value" "get $key" count
tap_is 'longest key and value' "$TAP_STATUS $TAP_OUT" "0 ok"$'\n'"$value"$'\n1'
client 127.0.0.1 "set ${key}k v" "get ${key}k" "del ${key}k" "set k ${value}v" count
tap_is 'longer ones: the client does not send them' "$TAP_STATUS$TAP_OUT" 11
tap_is 'longer ones: it says why' "$(paste -sd '|' <<<"$TAP_ERR")" \
	'kv_client: the key is too long|kv_client: the key is too long|kv_client: the key is too long|kv_client: the value is too long'
mapfile -t commands < <(printf 'set key%d value%d\n' {1..99}{,})
client 127.0.0.1 "${commands[@]}" 'set one_more value' "set $key new" count
tap_is 'a hundred entries, and no more' "$TAP_STATUS $(tail -n 3 <<<"$TAP_OUT" | paste -sd '|')" \
	'0 the store is full|ok|100'
client 127.0.0.1 list
tap_is 'a list of a hundred' "$(sort <<<"$TAP_OUT")" \
	"$({ echo ok && echo "$key = new" && printf 'key%d = value%d\n' {1..99}{,}; } | sort)"
client 127.0.0.1 'del key50' count 'set one_more value' 'get one_more' 'get key99' "get $key" count
tap_is 'room again after del, nothing else is lost' "$(paste -sd '|' <<<"$TAP_OUT")" \
	'ok|99|ok|value|value99|new|100'
client 127.0.0.1 'del one_more' 'get key50' "del $key" list
tap_is 'del of the first and the last one' \
	"$(head -n 3 <<<"$TAP_OUT" | paste -sd '|') $(grep -c = <<<"$TAP_OUT")" 'ok|not found|ok 98'

# --- the client's commands

client 127.0.0.1 set 'set k' get del 'get k v' 'list k' 'count 1' 'quit now' sett 'SET k v' 'fire 5' \
	'' '   ' 'count'
tap_is 'unclear commands: exits 1' "$TAP_STATUS" 1
tap_is 'unclear commands: says what there is, for each' "$(sort <<<"$TAP_ERR" | uniq -c | xargs)" \
	'11 kv_client: use: set KEY VALUE, get KEY, del KEY, list, count, fire, quit'
tap_is 'unclear commands: goes on' "$TAP_OUT" 98
tap_run apps/kv_client 127.0.0.1 "$TAP_PORT" < <(printf 'set no_newline at the end')
tap_is 'a last line without an end' "$TAP_STATUS ${TAP_OUT##*$'\n'}" '0 ok'
tap_run apps/kv_client 127.0.0.1 "$TAP_PORT" <"$TAP_TMP"
tap_is 'input that cannot be read: says why' "$TAP_STATUS$TAP_ERR" \
	'1kv_client: getline: Is a directory'

cat >"$TAP_TMP/terminal.py" <<'END'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv("apps/kv_client", ["kv_client", "127.0.0.1", sys.argv[1]])
seen = b""
for wait_for, command in (b"> ", b"count\n"), (b"98\r\n> ", b"quit\n"):
    while not seen.endswith(wait_for) and len(seen) < 1000:
        seen += os.read(fd, 100)
    os.write(fd, command)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
END
client 127.0.0.1 'del no_newline'
tap_run python3 "$TAP_TMP/terminal.py" "$TAP_PORT"
tap_is 'on a terminal: prompts' "$TAP_STATUS$TAP_ERR" 0

# --- bytes that are no text; requests that share segments, or are spread over many

cat >"$TAP_TMP/client.py" <<'END'
import socket, struct, sys

def message(kind, key=b"", value=b""):
    return struct.pack("!IHHHH", 0x4B565354, 1, kind, len(key), len(value)) + key + value

sock = socket.create_connection(("::1", int(sys.argv[1])))
sock.settimeout(10)
sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
stream = sock.makefile("rb")

def expect(kind, key=b"", value=b""):
    wanted = message(kind, key, value)
    got = stream.read(len(wanted))
    assert got == wanted, (got, wanted)

key, value = b"\0\n\x1b[2J", bytes(range(256)) * 4
sock.sendall(message(2, key) + message(1, key, value) + message(2, key) + message(1, b"e") + message(2, b"e"))
expect(102)
expect(101)
expect(101, b"", value)
expect(101)
expect(101, b"", b"")
for byte in message(1, b"slow", b"ly") + message(2, b"slow") + message(3, key) + message(3, b"slow"):
    sock.send(bytes([byte]))
expect(101)
expect(101, b"", b"ly")
expect(101)
expect(101)
sock.sendall(message(1, b"\x1b[2J", b"\x1b[31m\x07\x7f") + message(4))
expect(101)
entries = 0
while (header := stream.read(12))[6:8] == struct.pack("!H", 104):
    key_length, value_length = struct.unpack("!HH", header[8:])
    stream.read(key_length + value_length)
    entries += 1
assert header == message(101), header
assert entries == 2, entries
sock.shutdown(socket.SHUT_WR)
assert stream.read() == b""
END
tap_server bytes "${store[@]}" 0
tap_check 'Python client: any bytes, many requests a segment, many segments a request' \
	python3 "$TAP_TMP/client.py" "$TAP_PORT"
client 127.0.0.1 list
tap_like 'list: nothing in it that a terminal would obey' "$TAP_OUT" $'\n[?]\\[2J = [?]\\[31m[?][?]\n'
tap_like 'log: nothing in it that a terminal would obey' "$(<"$TAP_TMP/bytes.out")" \
	$'\nrequest: set [?][?][?]\\[2J\n'
tap_is 'the stores have complained of nothing' \
	"$(cat "$TAP_TMP/bytes.err" "$TAP_TMP/limits.err")" ''
tap_stop "$TAP_PID"

tap_run apps/kv_client 127.0.0.1 "$TAP_PORT" </dev/null
tap_is 'client, nobody listens: ECONNREFUSED' "$TAP_STATUS$TAP_OUT$TAP_ERR" \
	'1kv_client: connect: Connection refused'

# --- one client at a time

tap_server waiting "${store[@]}" 0
waiting=$TAP_PID
start_client first
logged waiting.out '^serving ' 1
start_client second
echo 'set from second' >&"${keyboards[second]}"
tap_check 'second client: its request waits at the store, established, unread' \
	tap_wait_until unread established 22
echo 'get from' >&"${keyboards[first]}"
logged first.out '^not found$'
tap_is 'second client: has no answer' "$(wc -l <"$TAP_TMP/second.out")" 1
tap_is 'second client: is not served' "$(grep -c ^serving "$TAP_TMP/waiting.out")" 1
echo quit >&"${keyboards[first]}"
logged second.out '^ok$'
logged waiting.out '^serving ' 2

# --- fire while another one is served

client 127.0.0.1 fire 'not read any more'
tap_is 'fire: exits 0 at once' "$TAP_STATUS $TAP_OUT$TAP_ERR" '0 10 requests sent, no answer read'
# The FIN counts as one.
tap_check 'fire: batch and FIN wait in the accept queue' tap_wait_until unread close-wait 121
tap_is 'fire: the store lives' "$(kill -0 "$waiting" && echo lives)" lives
echo count >&"${keyboards[second]}"
logged second.out '^1$'
echo quit >&"${keyboards[second]}"
tap_wait "$waiting"
tap_is 'fire: SIGPIPE ends the store' $? 141
tap_is 'fire: the first answer went out, the second one did not' \
	"$(tail -n 3 "$TAP_TMP/waiting.out" | sed 's/serving .*/serving/' | paste -sd '|')" \
	'serving|request: count|request: count'
tap_is 'fire: and it prints nothing of it' "$(<"$TAP_TMP/waiting.err")" ''

# Where SIGPIPE is ignored the error is seen, and the store goes on.
tap_server ignored env --ignore-signal=PIPE apps/kv_store 0
ignored=$TAP_PID
start_client third
logged ignored.out '^serving '
client 127.0.0.1 fire
tap_check 'fire, SIGPIPE ignored: it waits' tap_wait_until unread close-wait 121
echo quit >&"${keyboards[third]}"
logged ignored.err '^kv_store: send: Broken pipe$'
client 127.0.0.1 count
tap_is 'fire, SIGPIPE ignored: the store goes on' "$TAP_STATUS$TAP_OUT" 00

# --- the store goes away

start_client lonely
echo count >&"${keyboards[lonely]}"
logged lonely.out '^0$'
lonely=$TAP_PID
tap_stop "$ignored"
tap_check 'store gone: FIN' tap_wait_until eval "[[ -n \$(ss -Htan state close-wait 'dport = :$TAP_PORT') ]]"
echo count >&"${keyboards[lonely]}"
tap_wait "$lonely"
tap_is 'store gone: the client says so' "$? $(<"$TAP_TMP/lonely.err")" \
	'1 kv_client: recv: the server has closed the connection'

# --- defaults and usage

if [[ $(readlink /proc/self/ns/net) != $(readlink "/proc/$PPID/ns/net") ]]; then
	tap_server default apps/kv_store
	tap_is 'kv_store: default port' "$TAP_PORT" 8085
else
	tap_skip 'kv_store: default port' 'no network namespace of its own: the port may be taken'
fi
for arguments in x 65536 -1 '1 2'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run apps/kv_store $arguments
	tap_is "usage error: kv_store $arguments" "$TAP_STATUS $TAP_OUT$TAP_ERR" \
		'2 usage: kv_store [PORT]'
done
for arguments in '' 127.0.0.1 '127.0.0.1 x' '127.0.0.1 65536' '127.0.0.1 1 2'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run apps/kv_client $arguments
	tap_is "usage error: kv_client $arguments" "$TAP_STATUS $TAP_OUT$TAP_ERR" \
		'2 usage: kv_client ADDRESS PORT'
done
tap_run apps/kv_client localhost 1
tap_is 'kv_client, a name: says why' "$TAP_STATUS$TAP_OUT$TAP_ERR" \
	"1kv_client: getaddrinfo: 'localhost': not an IPv4 or IPv6 address"

tap_done
