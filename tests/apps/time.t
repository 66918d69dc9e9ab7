#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# time_server, time_client and time_burst_client with each other and with Python's socket.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/time_server apps/time_client apps/time_burst_client

date='[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{9} UTC'

# --- one request, one answer

for address in 127.0.0.1 ::1; do
	server="server_${address//:/_}"
	shown=$address
	[[ $address != *:* ]] || shown="\[$address\]"

	tap_server "$server" apps/time_server "$address" 0
	server_pid=$TAP_PID
	for option in '' -U; do
		# shellcheck disable=SC2086 # no option is no argument
		tap_run apps/time_client $option "$address" "$TAP_PORT"
		tap_is "client $option $address: exits 0, without complaint" "$TAP_STATUS$TAP_ERR" 0
		tap_like "client $option $address: prints the answer" "$TAP_OUT" \
			"^$date answer [0-9]+ from $shown:$TAP_PORT after [0-9.]+ ms$"
		sequence=$(sed -E 's/.* answer ([0-9]+) .*/\1/' <<<"$TAP_OUT")
		tap_like "server $address: logs peer, sequence number and arrival" \
			"$(tail -n 1 "$TAP_TMP/$server.out")" \
			"^$date request $sequence from $shown:[0-9]+$"
	done

	tap_run apps/time_burst_client "$address" "$TAP_PORT"
	tap_is "burst $address: exits 0" "$TAP_STATUS" 0
	tap_is "burst $address: 10 answers in order" \
		"$(sed -nE "s/^$date answer ([0-9]+.*)/\1/p" <<<"$TAP_OUT" | xargs)" \
		'1 2 3 4 5 6 7 8 9 10'
	tap_like "burst $address: sums up" "$TAP_OUT" \
		'10 requests, 10 answered, 0 missing, 0 out of order, 0 again, 0 errors$'
	tap_is "server $address: one line each" "$(grep -c ' request ' "$TAP_TMP/$server.out")" 12

	tap_run apps/time_server "$address" "$TAP_PORT"
	tap_is "second server on the port, $address: exits 1" "$TAP_STATUS" 1
	tap_is "second server on the port, $address: EADDRINUSE" "$TAP_ERR" \
		'time_server: bind: Address already in use'
	tap_stop "$server_pid" INT
	tap_is "server $address: exits 0 at SIGINT" $? 0
	tap_is "server $address: nothing on stderr" "$(<"$TAP_TMP/$server.err")" ''

	# Now the port is closed.
	tap_run apps/time_client "$address" "$TAP_PORT"
	tap_is "client, closed port $address: exits 1" "$TAP_STATUS$TAP_OUT" 1
	tap_like "client, closed port $address: ECONNREFUSED" "$TAP_ERR" \
		"^time_client: recvfrom: Connection refused: no socket is bound to $shown:$TAP_PORT$"
	tap_run apps/time_client -U -t 0.1 "$address" "$TAP_PORT"
	tap_is "unconnected client, closed port $address: exits 1" "$TAP_STATUS$TAP_OUT" 1
	tap_like "unconnected client, closed port $address: is told nothing, gives up" "$TAP_ERR" \
		"^time_client: recvfrom: no answer from $shown:$TAP_PORT within 0.1 s$"
done

# Every request goes out, although send() fails while it tells of an earlier one.
tap_run apps/time_burst_client -t 0.1 127.0.0.1 "$TAP_PORT" 5
tap_is 'burst, closed port: exits 1' "$TAP_STATUS" 1
tap_like 'burst, closed port: says so' "$TAP_OUT" \
	$'request 2: send: Connection refused\n(.*\n)*5 requests, 0 answered, 5 missing.*, [1-5] errors'
tap_like 'burst, closed port: names the missing' "$TAP_OUT" $'\nmissing: 1 2 3 4 5$'

# --- addresses

tap_server any apps/time_server 0.0.0.0 0
any=$TAP_PID
tap_like 'server 0.0.0.0: says so' "$(<"$TAP_TMP/any.out")" 'bound to 0\.0\.0\.0:[0-9]+$'
tap_run apps/time_client 127.0.0.1 "$TAP_PORT"
tap_is 'server 0.0.0.0: serves 127.0.0.1' "$TAP_STATUS$TAP_ERR" 0
# Its answers leave from the address that the route prefers, whatever the client had asked.
tap_run apps/time_client -U -t 0.1 127.0.0.9 "$TAP_PORT"
tap_like 'server 0.0.0.0: answers from an address that was not asked' "$TAP_STATUS $TAP_ERR" \
	'^1 .*refused 24 bytes from 127\.0\.0\.1:[0-9]+: not the server that was asked'
tap_stop "$any" TERM
tap_is 'server: exits 0 at SIGTERM' $? 0

tap_server one apps/time_server 127.0.0.1 0
tap_server other apps/time_server 127.0.0.2 "$TAP_PORT"
for address in 127.0.0.1 127.0.0.2; do
	tap_run apps/time_client "$address" "$TAP_PORT"
	tap_is "two servers side by side: $address" "$TAP_STATUS$TAP_ERR" 0
done
tap_run apps/time_client 127.0.0.3 "$TAP_PORT"
tap_like 'an address that none of them is bound to: refused' "$TAP_ERR" 'Connection refused'

tap_run apps/time_server 192.0.2.1 0
tap_is 'server, address of nobody here: EADDRNOTAVAIL' "$TAP_STATUS$TAP_ERR" \
	'1time_server: bind: Cannot assign requested address'

# --- foreign peers

cat >"$TAP_TMP/client.py" <<'END'
import socket, struct, sys, time
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(10)
before = time.time()
sock.sendto(struct.pack("!IHHIIQ", 0x54494D45, 1, 1, 0xFFFFFFFE, 0, 0), ("127.0.0.1", int(sys.argv[1])))
data, peer = sock.recvfrom(100)
magic, version, kind, sequence, nanoseconds, seconds = struct.unpack("!IHHIIQ", data)
assert (magic, version, kind, sequence) == (0x54494D45, 1, 2, 0xFFFFFFFE), data.hex()
assert before - 1 <= seconds + nanoseconds / 1e9 <= time.time() + 1
END
tap_check 'Python client' python3 "$TAP_TMP/client.py" "$TAP_PORT"
tap_like 'Python client: logged' "$(<"$TAP_TMP/other.out")$(<"$TAP_TMP/one.out")" \
	'request 4294967294 from 127\.0\.0\.1:'

cat >"$TAP_TMP/server.py" <<'END'
import socket, struct
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.bind(("::1", 0))
print("bound to [::1]:%d" % sock.getsockname()[1], flush=True)
while True:
    data, peer = sock.recvfrom(100)
    magic, version, kind, sequence, nanoseconds, seconds = struct.unpack("!IHHIIQ", data)
    assert (magic, version, kind, nanoseconds, seconds) == (0x54494D45, 1, 1, 0, 0), data.hex()
    sock.sendto(struct.pack("!IHHIIQ", magic, version, 2, sequence, 5, 1000000000), peer)
END
tap_server python python3 "$TAP_TMP/server.py"
tap_run apps/time_client ::1 "$TAP_PORT"
tap_like 'Python server' "$TAP_STATUS $TAP_OUT" '^0 2001-09-09 01:46:40\.000000005 UTC answer '

# --- usage

usage_of()
{
	tap_run "$@"
	tap_is "usage error: $*" "$TAP_STATUS ${TAP_ERR%%: *} $TAP_OUT" '2 usage '
}
usage_of apps/time_server
usage_of apps/time_server 127.0.0.1
usage_of apps/time_server 127.0.0.1 65536
usage_of apps/time_server 127.0.0.1 1 2
usage_of apps/time_client 127.0.0.1
usage_of apps/time_client 127.0.0.1 x
for seconds in 0 -1 x 1x nan inf 1e9 ''; do
	usage_of apps/time_client -t "$seconds" 127.0.0.1 1
done
usage_of apps/time_burst_client 127.0.0.1
usage_of apps/time_burst_client -t 0 127.0.0.1 1
for count in 0 10001 99999999999 x ''; do
	usage_of apps/time_burst_client 127.0.0.1 1 "$count"
done

for option in -x -t; do
	for program in time_client time_burst_client; do
		tap_run "apps/$program" "$option"
		tap_like "usage error: $program $option" "$TAP_STATUS $TAP_ERR" \
			$'^2 .*\nusage: '"$program "
	done
done

for program in time_server time_client time_burst_client; do
	tap_run "apps/$program" 256.0.0.1 1
	tap_is "$program: not an address" "$TAP_STATUS $TAP_ERR" \
		"1 $program: getaddrinfo: '256.0.0.1': not an IPv4 or IPv6 address"
done

tap_done
