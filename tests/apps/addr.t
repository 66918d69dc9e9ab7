#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# addrconv and addrbind.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
tap_need_program apps/addrconv apps/addrbind

# --- addrconv

tap_run apps/addrconv 10.0.1.2
tap_is 'addrconv IPv4: exits 0' "$TAP_STATUS" 0
tap_like 'addrconv IPv4: bytes in network order' "$TAP_OUT" 'bytes +0a 00 01 02'
tap_like 'addrconv IPv4: value in host order' "$TAP_OUT" 'host order +0x0a000102 = 167772418'
network=$(python3 -c 'import sys; print(int.from_bytes(bytes([10, 0, 1, 2]), sys.byteorder))')
tap_like 'addrconv IPv4: value in network order, as this machine reads it' "$TAP_OUT" \
	"network order .*= $network"
tap_like 'addrconv IPv4: text rebuilt' "$TAP_OUT" 'text again +10\.0\.1\.2$'

tap_run apps/addrconv 2001:DB8:0:0::0:1
tap_is 'addrconv IPv6: exits 0' "$TAP_STATUS" 0
tap_like 'addrconv IPv6: bytes' "$TAP_OUT" 'bytes +20 01 0d b8( 00){11} 01'
tap_is 'addrconv IPv6: four values' "$(grep -c 'host order' <<<"$TAP_OUT")" 4
tap_like 'addrconv IPv6: shortest text' "$TAP_OUT" 'text again +2001:db8::1$'

for text in 256.0.0.1 abrakadabra 10.0.1 '' 1:2:3 10.0.0.1%lo; do
	tap_run apps/addrconv "$text"
	tap_is "addrconv '$text': exits 1" "$TAP_STATUS" 1
	tap_is "addrconv '$text': says why" "$TAP_OUT$TAP_ERR" \
		"addrconv: inet_pton: '$text' is neither an IPv4 nor an IPv6 address"
done

# --- addrbind

# Keeps addrbind's input open, and empty until the test writes to it.
mkfifo "$TAP_TMP/keyboard"
# shellcheck disable=SC2317 # called by name
addrbind_with_keyboard()
{
	exec apps/addrbind "$@" 0<>"$TAP_TMP/keyboard"
}

for address in 127.0.0.1 ::1 0.0.0.0 ::; do
	tap_run apps/addrbind "$address" 0 </dev/null
	tap_is "addrbind $address 0: exits 0 at end of input" "$TAP_STATUS" 0
	shown=$address
	[[ $address != *:* ]] || shown="\[$address\]"
	tap_like "addrbind $address 0: shows the port that the kernel picked" "$TAP_OUT" \
		"^addrbind: bound to $shown:[1-9][0-9]*; "
done

tap_server first addrbind_with_keyboard 127.0.0.1 0
first=$TAP_PID
tap_run apps/addrbind 127.0.0.1 "$TAP_PORT"
tap_is 'addrbind, port in use: exits 1' "$TAP_STATUS" 1
tap_is 'addrbind, port in use: EADDRINUSE' "$TAP_ERR" 'addrbind: bind: Address already in use'
tap_run apps/addrbind 127.0.0.2 "$TAP_PORT" </dev/null
tap_is 'addrbind, the same port on another address: works' "$TAP_STATUS" 0
echo >"$TAP_TMP/keyboard"
tap_wait "$first"
tap_is 'addrbind: exits 0 at Enter' $? 0

for signal in INT TERM; do
	tap_server "stopped_by_$signal" addrbind_with_keyboard ::1 0
	tap_stop "$TAP_PID" "$signal"
	tap_is "addrbind: exits 0 at SIG$signal" $? 0
done

tap_run apps/addrbind 192.0.2.1 0
tap_is 'addrbind, address of nobody here: exits 1' "$TAP_STATUS" 1
tap_is 'addrbind, address of nobody here: EADDRNOTAVAIL' "$TAP_ERR" \
	'addrbind: bind: Cannot assign requested address'

if ((EUID != 0)); then
	tap_run apps/addrbind 127.0.0.1 80
	tap_is 'addrbind, privileged port: EACCES' "$TAP_ERR" 'addrbind: bind: Permission denied'
elif without=(setpriv --bounding-set -net_bind_service --inh-caps -net_bind_service) &&
	"${without[@]}" true 2>/dev/null; then
	tap_run "${without[@]}" apps/addrbind 127.0.0.1 80
	tap_is 'addrbind, privileged port: EACCES' "$TAP_ERR" 'addrbind: bind: Permission denied'
else
	tap_skip 'addrbind, privileged port: EACCES' 'setpriv cannot drop a capability'
fi

tap_run apps/addrbind localhost 0
tap_is 'addrbind, a name: exits 1' "$TAP_STATUS" 1
tap_is 'addrbind, a name: says why' "$TAP_ERR" \
	"addrbind: getaddrinfo: 'localhost': not an IPv4 or IPv6 address"

# --- usage

usage_of()
{
	tap_run "$@"
	tap_is "usage error: $*" "$TAP_STATUS ${TAP_ERR%% *} $TAP_OUT" '2 usage: '
}
usage_of apps/addrconv
usage_of apps/addrconv 10.0.0.1 10.0.0.2
usage_of apps/addrbind
usage_of apps/addrbind 127.0.0.1
for port in -1 65536 70000 4294967296 http 80x '' ' 80' +80; do
	usage_of apps/addrbind 127.0.0.1 "$port"
done

tap_done
