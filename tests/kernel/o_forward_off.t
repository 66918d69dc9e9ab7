#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O24: forwarding is switched off at the router while a connection stands: send() succeeds all the same,
# the router drops, TCP tries again after ever longer times, and the server notices nothing.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2

# forwarding 0|1
forwarding()
{
	k_in server sysctl -qw net.ipv4.ip_forward="$1" net.ipv6.conf.all.forwarding="$1" ||
		tap_bail 'the sysctl of forwarding'
}

# connected NAME ADDRESS PORT: a client in ns_client1 that has connected, and its server in ns_client2
connected()
{
	k_server client2 "$PYTHON" -IS tests/kernel/tcp_peer.py sink "$2" "$3"
	k_player "$1" client1 "$PYTHON" -IS tests/kernel/tcp_peer.py ask "$2" "$3" 0
	k_says "$1" '^connected' || tap_bail "$1 connects" "$(<"$TAP_TMP/$1.err")"
}

# forward_off WHAT ADDRESS CLIENT PORT CLIENT_PID SERVER_PID FUNCTION SYSCTL: of both IP versions
forward_off()
{
	local what=$1 address=$2 peer=$3 port=$4 pid=$5 server_pid=$6 function=$7 sysctl=$8
	local to="src=$peer dst=$address dport=$port"

	k_expect "O24 $what: send() succeeds, and the router drops what was sent: where, why, and which sysctl" "
		call sendto pid=$pid ret=6 errno=none as \$send
		drop id=\$send $to payload=6 seq=1 retransmission=0 netns=$router dev=veth_srv_c1 call=sendto ret=6 \
			reason=IP_INADDRERRORS|NOT_SPECIFIED function=$function inferred=no \
			path='$client1/veth_c1 > $router/veth_srv_c1' why~'forward' why~'veth_srv_c1' why~$address"
	k_is "O24 $what: the remedy names the sysctl" 6+ type=journey packet.dport="$port" fate.kind=dropped \
		"fate.remedy~$sysctl=1"
	k_expect "O24 $what: no error is sent, nobody is told" "
		drop $to as \$drop; no icmp cause=\$drop; no icmp dst=$peer; no told"
	# A timer is never early (but by a tick), and late on a busy machine. RFC 6298: at least 200 ms here, doubled.
	k_expect "O24 $what: TCP sends it again, each time after twice as long" "
		call sendto pid=$pid ret=6 as \$send
		drop id=\$send retransmission=0 as \$data
		drop retransmission=3 of=\$data $to timer~'retransmission' cause_kind=timer netns=$router resent_after>390ms
		drop retransmission=4 of=\$data $to timer~'retransmission' netns=$router resent_after>780ms
		drop retransmission=5 of=\$data $to timer~'retransmission' netns=$router resent_after>1.56s"
	k_expect "O24 $what: meanwhile the server notices nothing" "
		state ESTABLISHED end=server netns=$client2 lport=$port as \$up
		call sendto pid=$pid ret=6 as \$send
		drop retransmission=5 $to as \$last
		no journey $to payload>0 netns=$client2 began<\$last.ended
		no state end=server lport=$port began>\$up.ended
		no call pid=$server_pid began>\$send.began ended<\$last.ended
		no reset port=$port"
	k_expect "O24 $what: forwarding is on again: the next one arrives, and is read" "
		drop retransmission=5 $to as \$last
		retransmission $to payload=6 seq=1 fate=queued netns=$client2 began>\$last.began read as \$through
		call recvfrom pid=$server_pid ret=6 read=\$through
		journey src=$address dst=$peer sport=$port flags=ACK ack=7 netns=$client1 began>\$through.began"
}

k_start -p $$
connected v4 10.0.2.2 9004
v4=$TAP_PID typed4=$K_KEYS server4=$K_SERVER log4=$K_LOG
connected v6 fd00:0:0:2::2 9006
v6=$TAP_PID typed6=$K_KEYS server6=$K_SERVER log6=$K_LOG
k_wait 2 type=state after=ESTABLISHED end=1
forwarding 0
echo hello >&"$typed4"
echo hello >&"$typed6"
k_says v4 '^sent 6'
k_says v6 '^sent 6'
k_wait 1+ type=journey packet.dport=9004 fate.kind=dropped 'segment.retransmission>=5' ||
	tap_bail 'five retransmissions'
k_wait 1+ type=journey packet.dport=9006 fate.kind=dropped 'segment.retransmission>=5' ||
	tap_bail 'five retransmissions'
forwarding 1
tap_wait_until grep -q '^read 6' "$log4" || tap_bail 'the IPv4 data arrive in the end'
tap_wait_until grep -q '^read 6' "$log6" || tap_bail 'the IPv6 data arrive in the end'
k_stop
k_sound 'O24'
forward_off IPv4 10.0.2.2 10.0.1.2 9004 "$v4" "$server4" ip_error net.ipv4.ip_forward
forward_off IPv6 fd00:0:0:2::2 fd00:0:0:1::2 9006 "$v6" "$server6" ip6_forward net.ipv6.conf.all.forwarding

tap_done
