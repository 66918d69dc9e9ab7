#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# echo_server with Python's socket and nc.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/echo_server

cat >"$TAP_TMP/client.py" <<'END'
import socket, sys
family, address, port = sys.argv[1:]
sock = socket.socket(getattr(socket, family), socket.SOCK_DGRAM)
sock.settimeout(10)
sock.connect((address, int(port)))
text = bytes(i % 256 for i in range(65507))
for length in 0, 1, 15, 16, 17, 40, 1472, 1473, 65507:
    sock.send(text[:length])
    assert sock.recv(65536) == text[:min(length, 16)], length
END

for peer in 'AF_INET 127.0.0.1 ::ffff:127.0.0.1' 'AF_INET6 ::1 ::1'; do
	read -r family address shown <<<"$peer"
	tap_server "$family" apps/echo_server 0
	tap_check "$address: comes back, cut at 16 bytes" \
		python3 "$TAP_TMP/client.py" "$family" "$address" "$TAP_PORT"
	for line in '0 of 0@0' '1 of 1@0' '15 of 15@0' '16 of 16@0' '16 of 17@1' '16 of 40@24' \
		'16 of 1472@1456' '16 of 65507@65491'; do
		tap_like "$address: log: read ${line%@*}" "$(<"$TAP_TMP/$family.out")" \
			"read ${line%@*} bytes from \[$shown\]:[0-9]+, ${line#*@} lost"
	done
	tap_is "$address: one line each" "$(grep -c '^read' "$TAP_TMP/$family.out")" 9
	tap_stop "$TAP_PID" INT
	tap_is "$address: exits 0 at SIGINT" $? 0
	tap_is "$address: nothing on stderr" "$(<"$TAP_TMP/$family.err")" ''
done

tap_server in_use apps/echo_server 0
if nc -h 2>&1 | grep -q -- '-W recvlimit'; then
	tap_run nc -u -W 1 127.0.0.1 "$TAP_PORT" <<<'twenty-five bytes of text'
	tap_is 'nc over IPv4' "$TAP_STATUS$TAP_OUT" '0twenty-five byte'
	tap_run nc -u -W 1 ::1 "$TAP_PORT" <<<'short'
	tap_is 'nc over IPv6' "$TAP_STATUS$TAP_OUT" '0short'
else
	tap_skip 'nc' 'no nc that ends after a given number of datagrams (-W)'
fi

tap_run apps/echo_server "$TAP_PORT"
tap_is 'port in use: EADDRINUSE' "$TAP_STATUS$TAP_ERR" '1echo_server: bind: Address already in use'
tap_stop "$TAP_PID" TERM
tap_is 'exits 0 at SIGTERM' $? 0

# A datagram from port 0 cannot be answered (RFC 768 allows it); the server must live on.
tap_server from_port_0 apps/echo_server 0
cat >"$TAP_TMP/raw.py" <<'END'
import socket, struct, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
raw.sendto(struct.pack("!HHHH", 0, int(sys.argv[1]), 8, 0), ("127.0.0.1", 0))
END
if ((EUID == 0)); then
	tap_check 'a datagram from port 0 is sent' python3 "$TAP_TMP/raw.py" "$TAP_PORT"
	tap_check 'a datagram from port 0: the server says that it cannot answer' \
		tap_wait_until grep -q 'echo_server: sendto .*:0: ' "$TAP_TMP/from_port_0.err"
	tap_check 'a datagram from port 0: the server serves on' \
		python3 "$TAP_TMP/client.py" AF_INET 127.0.0.1 "$TAP_PORT"
else
	tap_skip 'a datagram from port 0' 'not root: no raw socket'
fi

if [[ $(readlink /proc/self/ns/net) != $(readlink "/proc/$PPID/ns/net") ]]; then
	tap_server default apps/echo_server
	tap_is 'default port' "$TAP_PORT" 5678
else
	tap_skip 'default port' 'no network namespace of its own: the port may be taken'
fi

for arguments in x 65536 -1 '1 2'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run apps/echo_server $arguments
	tap_is "usage error: $arguments" "$TAP_STATUS $TAP_ERR" '2 usage: echo_server [PORT]'
done

tap_done
