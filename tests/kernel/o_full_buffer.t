#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O11: a receive buffer that is full: the drop, its reason, whose buffer it was. What the buffer took
# and nobody read before the socket closed is told apart from what was dropped.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

# counter NAME: of ns_server, over both /proc/net/snmp and snmp6
counter()
{
	case $1 in
	Udp6*) k_in server sed -nE "s/^$1[[:space:]]+//p" /proc/net/snmp6 ;;
	Udp*) k_in server cat /proc/net/snmp | "$PYTHON" -c '
import sys
names, values = [line.split() for line in sys.stdin if line.startswith("Udp:")]
print(values[names.index(sys.argv[1])])' "${1#Udp}" ;;
	esac
}

# full WHAT ADDRESS COUNTER: 30 datagrams of 500 B against a buffer that takes a few of them
full()
{
	local what=$1 address=$2 name=$3 pid before dropped at
	shift 3

	k_server server "$PYTHON" -IS tests/kernel/peer.py hold "$address" 9000 4096
	pid=$K_SERVER
	before=$(counter "$name")
	if [[ $what == *followed ]]; then
		# trace ends with those it follows, and the kernel may free what is in a closed
		# socket only later
		tap_background sleeper sleep 600
		k_start -p "$pid,$TAP_PID"
	else
		k_start -n "${TOPO_PREFIX}ns_server"
	fi
	k_in client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 9000 30 500
	dropped=$(($(counter "$name") - before))
	tap_stop "$pid"
	k_wait "$((30 - dropped))" type=unread
	k_stop
	k_sound "$what"
	[[ $address == *:* ]] && at="\[$address\]:9000" || at="$address:9000"

	k_is "$what: every datagram is told" 30 type=journey packet.proto=UDP packet.payload=500 \
		fate.netns=ns_server
	tap_check "$what: some were dropped, some not ($dropped of 30)" test "$dropped" -gt 0 -a "$dropped" -lt 30
	k_is "$what: as many drops as $name counts" "$dropped" type=journey fate.kind=dropped
	k_is "$what: each with reason, function, place and remedy" "$dropped" type=journey \
		fate.reason=SOCKET_RCVBUFF fate.function~. fate.dev=veth_srv_c1 fate.remedy~.
	k_is "$what: each names the socket and its program" "$dropped" type=journey 'fate.socket>0' \
		fate.reason=SOCKET_RCVBUFF "fate.why~python.*\[$pid\].*$at.* full: [0-9]+ of [0-9]+ B"
	k_is "$what: and no ICMP error, nor a word of one" "$dropped" type=journey fate.kind=dropped \
		caused.n=0 no_icmp=
	k_is "$what: the others were queued at that socket, unread when it closed, not dropped" \
		"$((30 - dropped))" type=journey fate.kind=queued read=null unread_at_close=true \
		"fate.socket=$(k_first fate.socket type=journey fate.kind=dropped)"
	k_is "$what: told by a line of its own too" "$((30 - dropped))" type=unread
	k_is "$what: the summary agrees" 1 type=summary "dropped=$dropped" \
		"unread_at_close=$((30 - dropped))" read=0
}

full 'O11 IPv4, reader followed' 10.0.1.1 UdpRcvbufErrors
full 'O11 IPv6, reader followed' fd00:0:0:1::1 Udp6RcvbufErrors
full 'O11 IPv4, by namespace' 10.0.1.1 UdpRcvbufErrors
full 'O11 IPv6, by namespace' fd00:0:0:1::1 Udp6RcvbufErrors

# The sender followed: its calls succeed all the same.
for address in 10.0.1.1 fd00:0:0:1::1; do
	k_server server "$PYTHON" -IS tests/kernel/peer.py hold "$address" 9000 4096
	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 9000 30 500
	k_is "O11 $address, sender followed: every call sent 500 B" 30 type=call name=sendto ret=500 \
		journeys.n=1
	k_is "O11 $address, sender followed: some were dropped, and that says whose buffer was full" 1+ \
		type=call name=sendto ret=500 journeys.fate.reason=SOCKET_RCVBUFF \
		"journeys.fate.why~python.*\[$K_SERVER\]"
	k_is "O11 $address, sender followed: the others wait" 1+ type=journey fate.kind=queued \
		read=null unread_at_close=false
	tap_stop "$K_SERVER"
done

tap_done
