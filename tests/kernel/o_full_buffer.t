#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O11: a receive buffer that is full: the drop, its reason, whose buffer it was. What the buffer took
# and nobody read before the socket closed is told apart from what was dropped.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
k_need_drop_socket
reason=$(k_reason SOCKET_RCVBUFF)
server=${TOPO_PREFIX}ns_server

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

	tap_check "$what: some were dropped, some not ($dropped of 30)" test "$dropped" -gt 0 -a "$dropped" -lt 30
	k_expect "$what: as many drops as $name counts, and whose buffer it was; no ICMP error, nor a word of one" "
		drop $reason proto=UDP payload=500 netns=$server dev=veth_srv_c1 to!=none owner~python
		drop $reason payload=500 netns=$server to!=none owner~python caused=none no_icmp=none x$dropped
		drop x$dropped; no icmp"
	k_is "$what: each with its function and a remedy, and the sentence with program, socket and bytes" \
		"$dropped" type=journey fate.function~. fate.remedy~. \
		"fate.why~python.*\[$pid\].*$at.* full: [0-9]+ of [0-9]+ B"
	k_expect "$what: the others were queued at that socket, unread when it closed, not dropped" "
		{ drop $reason as \$full
		queued to=\$full.to as \$waits
		unread id=\$waits }
		queued payload=500 netns=$server to=\$full.to read=no unread x$((30 - dropped))
		unread x$((30 - dropped)); no read; journey proto=UDP x30"
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
	k_expect "O11 $address, sender followed: every call succeeds, some datagrams are dropped, the others wait" "
		call sendto ret=500 as \$fits
		queued payload=500 id=\$fits read=no unread=no owner~python
		call sendto ret=500 began>\$fits.ended as \$late
		drop $reason id=\$late why~$K_SERVER owner~python
		call sendto ret=500 errno=none sent!=none x30; journey x30; no read; no unread; no icmp"
	tap_stop "$K_SERVER"
done

tap_done
