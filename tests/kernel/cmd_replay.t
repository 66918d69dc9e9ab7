#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Recordings: trace read prints the same bytes as the live run did, and copes with damaged ones.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
ns=cmdR$$
ip netns add "$ns" && tap_defer ip netns delete "$ns"
ip link add far0 type veth peer name near0 netns "$ns"
ip address add 10.77.0.1/24 dev far0
ip -6 address add fd00:77::1/64 dev far0 nodad
ip -n "$ns" address add 10.77.0.2/24 dev near0
ip -n "$ns" -6 address add fd00:77::2/64 dev near0 nodad
ip link set far0 up
ip -n "$ns" link set near0 up
ip -n "$ns" link set lo up
# Every ICMP error is wanted, however fast the traffic below is sent again.
ip netns exec "$ns" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
tap_wait_until ip netns exec "$ns" ping -c 1 -W 1 10.77.0.1
tap_wait_until ping -c 1 -W 1 fd00:77::2

# Something of everything: a request and its answer, an ICMP error that is told to the caller, IPv6,
# a datagram that is never read, threads, calls that fail.
tap_server server ip netns exec "$ns" apps/time_server 10.77.0.2 8080
cat >"$T/traffic" <<EOS
apps/time_client 10.77.0.2 8080
apps/time_client 10.77.0.2 8081
apps/time_client fd00:77::2 8081
$PYTHON tests/kernel/cmd_udp.py echo 127.0.0.1 7777
$PYTHON tests/kernel/cmd_udp.py threads 10.77.0.2 8082 3
$PYTHON -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 7778))
s.sendto(b"never read", ("127.0.0.1", 7778))'
apps/time_client 192.0.2.1 9
true
EOS

# replays ARG...: live output and the recording's are the same bytes, and not none.
replays()
{
	local text
	rm -f "$T/live" "$T/rec" "$T/again"
	tap_run "$TRACE" "$@" -w "$T/rec" -o "$T/live" -- sh "$T/traffic"
	text="status $TAP_STATUS"
	tap_run "$TRACE" read "$T/rec" "$@" -o "$T/again"
	text="$text, read $TAP_STATUS $TAP_ERR"
	tap_is "replay: $*: both end well" "$text" 'status 0, read 0 '
	if [[ -s $T/live ]]; then
		tap_check "replay: $*: the same bytes" diff -q "$T/live" "$T/again" ||
			tap_diag "$(diff "$T/live" "$T/again" | head -n 20)"
	else
		tap_fail "replay: $*" 'live wrote nothing'
	fi
}

export LC_ALL=C.UTF-8
for view in --list --tree --follow; do
	replays "$view"
	replays "$view" -v
done
replays --json
cp "$T/live" "$T/valid.json"
replays --json-hops
cp "$T/live" "$T/valid_hops.json"
replays --list -t
replays --tree -tt
replays --follow -ttt
replays --list -ttt --plain
replays --tree --plain
replays --follow -vv --ascii
replays --tree -vv
replays --list --width 40
replays --tree --width 40 -v
replays --follow --width 200 --color=always
replays --tree --only dropped
replays --follow -c 2
replays --list -n "$ns" --all
schema_check "$T/valid.json" "$T/valid_hops.json"

# ---- one recording, other views ----

tap_run "$TRACE" --tree -w "$T/rec" -o "$T/live" -- sh "$T/traffic"
tap_run "$TRACE" --list -w "$T/rec.list" -o "$T/list" -- sh "$T/traffic"
tap_run "$TRACE" read "$T/rec" --tree
tap_is 'to stdout too' "$TAP_OUT" "$(<"$T/live")"
"$TRACE" read - --tree <"$T/rec" >"$T/again"
tap_check 'from stdin too' cmp "$T/live" "$T/again"
tap_run "$TRACE" read "$T/rec" "$T/rec.list" --tree
tap_like 'two recordings, one after the other' "$TAP_STATUS $TAP_OUT" "^0 .* packets: .* packets: "
tap_run "$TRACE" read "$T/rec" --json -- udp dst port 8081
printf '%s\n' "$TAP_OUT" >"$T/json"
tap_is 'FILTER narrows a recording, consequences included' \
	"$(cmd_json values journey packet.dport "$T/json") $(cmd_json count journey "$T/json" cause.kind=journey)" \
	'8081 None 2'
tap_run "$TRACE" read "$T/rec" --json -n nosuch
tap_like '-n narrows a recording' "$TAP_OUT" '"shown":0,'

chmod 755 "$T"
chmod 644 "$T/rec"
if setpriv --reuid 65534 --clear-groups test -x "$TRACE" 2>/dev/null; then
	tap_run setpriv --reuid 65534 --regid 65534 --clear-groups "$TRACE" read "$T/rec" --tree
	tap_is 'trace read needs no root' "$TAP_STATUS $TAP_ERR$TAP_OUT" "0 $(<"$T/live")"
else
	tap_skip 'trace read needs no root' 'another user cannot run what was built here'
fi

for view in --list --tree -f --json -fvv '--tree --plain'; do
	# shellcheck disable=SC2086 # two words
	LC_ALL=C "$TRACE" read "$T/rec" $view >"$T/out"
	tap_is "LC_ALL=C $view: 7-bit" "$(LC_ALL=C grep -cP '[^\x00-\x7f]' "$T/out")" 0
done
LC_ALL=C tap_run "$TRACE" --tree -o "$T/out" -- sh "$T/traffic"
tap_is 'LC_ALL=C, live: 7-bit' "$(LC_ALL=C grep -cP '[^\x00-\x7f]' "$T/out")" 0
tap_is '--width 40: no line is longer' "$("$TRACE" read "$T/rec" --list --width 40 |
	"$PYTHON" -c 'import sys; print(all(len(l.rstrip("\n")) <= 40 for l in open(0, encoding="utf-8")))')" True
tap_unlike 'piped: no colour' "$("$TRACE" read "$T/rec")" $'\033'
tap_done
