#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Which packets: COMMAND, -p, -n, -i, FILTER, --only, --reason, -c, and how they combine; and what a run
# says that shows nothing.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
near=cmdN$$ far=cmdF$$
ip netns add "$near" && tap_defer ip netns delete "$near"
ip netns add "$far" && tap_defer ip netns delete "$far"
ip -n "$near" link add "vn$$" type veth peer name "vf$$" netns "$far"
ip -n "$near" address add 10.78.0.1/24 dev "vn$$"
ip -n "$far" address add 10.78.0.2/24 dev "vf$$"
for pair in "$near vn$$" "$far vf$$" "$near lo" "$far lo"; do
	ip -n "${pair% *}" link set "${pair#* }" up
done
# Both know the other's address for good: no ARP comes between.
ip -n "$near" neighbour replace 10.78.0.2 dev "vn$$" lladdr \
	"$(ip netns exec "$far" cat "/sys/class/net/vf$$/address")"
ip -n "$far" neighbour replace 10.78.0.1 dev "vf$$" lladdr \
	"$(ip netns exec "$near" cat "/sys/class/net/vn$$/address")"
ip netns exec "$far" sysctl -qw net.ipv4.icmp_ratelimit=0
tap_wait_until ip netns exec "$near" ping -c 1 -W 1 10.78.0.2

# Three datagrams to a port where nobody is (each provokes an ICMP error), two to one where somebody
# reads, all across the veth pair; and four that stay on lo, to one who never reads.
tap_background sink ip netns exec "$far" "$PYTHON" tests/kernel/cmd_udp.py sink 10.78.0.2 8080 1000
cat >"$T/traffic" <<EOS
$PYTHON -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for to in ["10.78.0.2", 8081], ["10.78.0.2", 8080]:
	for i in range(3 if to[1] == 8081 else 2):
		s.sendto(b"12345678"[:i + 4], tuple(to))
r = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
r.bind(("127.0.0.1", 7779))
for i in range(4):
	r.sendto(b"nobody reads", ("127.0.0.1", 7779))'
EOS
tap_wait_until grep -q 'bound to' "$T/sink.out"

# selects WANTED ARG...: which journeys `trace ARG... -- COMMAND` shows: ports of UDP, E for errors.
selects()
{
	local wanted=$1
	shift
	tap_run "$TRACE" --json -o "$T/json" --in "$near" "$@" -- sh "$T/traffic"
	tap_is "${*:-no option} (and COMMAND)" "$TAP_STATUS $(shown "$T/json")" "0 $wanted"
}

# shown FILE: how often each is there, "E*3 8081*3".
shown()
{
	"$PYTHON" - "$1" <<'EOS'
import collections, json, sys
count = collections.Counter()
for line in open(sys.argv[1], encoding="utf-8"):
    j = json.loads(line)
    if j["type"] == "journey":
        count["E" if j["packet"]["proto"] == "ICMP" else str(j["packet"]["dport"])] += 1
print(*(f"{k}*{n}" for k, n in sorted(count.items())))
EOS
}

selects '7779*4 8080*2 8081*3 E*3'
selects '7779*4 8080*2 8081*3 E*3' -n "$near"
selects '8080*2 8081*3 E*3' -n "$far"
selects '7779*4 8080*2 8081*3 E*3' -n "$far" -n "$near"
selects '8080*2 8081*3 E*3' -i "vn$$"
selects '8080*2 8081*3 E*3' -i "vf$$" -n "$near"
selects '7779*4' -i lo
selects '7779*4 8080*2 8081*3 E*3' -i lo -i "vf$$"
selects '' -i lo -n "$far"
# The consequences of a packet that was chosen are shown, whatever the filter says of them.
selects '8081*3 E*3' udp dst port 8081
selects '8081*1 E*1' udp dst port 8081 and greater 48
selects '8080*2 8081*3 E*3' -n "$far" udp
selects '' tcp
selects '8081*3' --only dropped
selects '7779*4' --only unread
selects '7779*4 8081*3' --only dropped,unread
selects '8081*3' --reason "$no_socket"
selects '' --reason NO_SUCH_REASON
selects '7779*4 8081*3' --only unread --reason "$no_socket"
selects '7779*4' -i lo --only dropped,unread
selects '8081*3' --only dropped udp
selects '' --only dropped port 8080
selects '' --only refused,reset,retransmitted,unknown

tap_is '-c: at least as many, and not all' \
	"$(tap_run "$TRACE" --json -o "$T/json" -c 1 --in "$near" -- sh "$T/traffic"
		n=$(cmd_json count journey "$T/json"); echo $((n >= 1 && n < 12)))" 1

# ---- without COMMAND; -p ----

cmd_start_ready all --json -o "$T/json" -n "$near" -n "$far" -c 12
ip netns exec "$near" sh "$T/traffic"
tap_wait "$TAP_PID"
tap_is '-c: ends by itself' $? 0
tap_is 'without COMMAND: everything in these namespaces' "$(shown "$T/json")" '7779*4 8080*2 8081*3 E*3'
tap_is 'without COMMAND and -p: no calls' "$(cmd_json count call "$T/json")" 0

# A server is followed; what arrives for it was sent by others.
sink=$(pgrep -f "cmd_udp.py sink 10.78.0.2 8080" | tail -n 1)
cmd_start_ready server --json -o "$T/json" -p "$sink" -c 2
ip netns exec "$near" sh "$T/traffic"
tap_wait "$TAP_PID"
tap_is '-p: what is sent to its socket' "$? $(shown "$T/json")" '0 8080*2'

# A name that trace prints for a namespace is one that it takes.
mkfifo "$T/fifo"
tap_background unnamed unshare -n "$PYTHON" tests/kernel/cmd_udp.py stay "$T/log" "$T/fifo"
tap_wait_until grep -q up "$T/log"
tap_run "$TRACE" -n nosuch
label=$(grep -oE "net:[^],]*\[$TAP_PID\]" <<<"$TAP_ERR")
tap_like 'a namespace without a name has a label' "$label" "^net:.*\[$TAP_PID\]$"
tap_run "$TRACE" -o /dev/null --in "$label" -- readlink /proc/self/ns/net
tap_is 'which --in takes' "$TAP_OUT" "$(readlink "/proc/$TAP_PID/ns/net")"
cmd_start_ready label -o "$T/o" -n "$label" # ends below
tap_is 'and -n' "$(tap_ended "$TAP_PID"; echo $?)" 1
tap_stop "$TAP_PID" INT

# ---- nothing to show ----

# explains NAME REGEX ARG...: the list of `trace ARG... -- COMMAND` says why it is empty.
explains()
{
	local name=$1 wanted=$2
	shift 2
	tap_run "$TRACE" -o "$T/o" --width 200 --in "$near" "$@" -- sh "$T/traffic"
	tap_like "nothing: $name" "$(grep -vE '^(python|    |#)' "$T/o")" "$wanted"
}
tap_run "$TRACE" -o "$T/o" -- true
tap_like 'nothing: no packet of COMMAND' "$(<"$T/o")" \
	'^(no packet was seen|[0-9]+ packets? seen, none matched the sockets of the followed processes)'
explains 'FILTER' "^[0-9]+ packets seen, none matched 'udp port 8082'" udp port 8082
tap_like 'nothing: FILTER: where they went instead' "$(<"$T/o")" \
	"'udp port 8082' the sockets of the followed processes; 4 went to port 7779"
explains '-i' "^[0-9]+ packets seen, none matched -i nosuch" -i nosuch
explains '-n' "^[0-9]+ packets seen, none matched -n nosuch" -n nosuch
explains 'all of them' \
	"^[0-9]+ packets seen, none matched 'udp port 8082' -n $near -i lo the sockets of the followed" \
	-n "$near" -i lo udp port 8082
tap_done
