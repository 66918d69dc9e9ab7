#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O28: no route. At the sender the call fails, and there is no packet; at a router the packet is dropped, the
# sender's kernel is told, and which program hears of it.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1

# at_sender WHAT ADDRESS
at_sender()
{
	local what="O28 $1" address=$2

	k_run client1 apps/time_client -U -t 1 "$address" 8080
	tap_is "$what: an unconnected socket's send fails" "$TAP_STATUS" 1
	k_sound "$what, sendto"
	k_expect "$what: sendto() = ENETUNREACH, no packet, and why" "
		call sendto comm=time_client ret=-1 errno=ENETUNREACH addr=$address sent=none error_from=none \
			hint~'${client1} has no route to $address' no_route=nothing
		no journey; no drop; no icmp"

	k_run client1 apps/simple_nc "$address" 8080
	k_expect "$what: TCP: connect() = ENETUNREACH, not even a SYN" "
		call connect comm=simple_nc errno=ENETUNREACH addr=$address sent=none hint~'has no route to $address'
		no journey; no state ESTABLISHED"
}

# at_router WHAT ADDRESS CLIENT ROUTER ICMP TYPE CODE
at_router()
{
	local what="O28 $1, router" address=$2 peer=$3 by=$4 icmp=$5 type=$6 code=$7
	local drop="drop src=$peer dst=$address dport=8080 netns=$router dev=veth_srv_c1 \
			reason=IP_INNOROUTES|NOT_SPECIFIED path='$client1/veth_c1 > $router/veth_srv_c1' why~'$router has no route to $address' no_route=nothing route_table~'main'"
	local error="proto=$icmp type=$type code=$code src=$by dst=$peer cause=\$datagram born_netns=$router \
			path='$router/veth_srv_c1 > $client1/veth_c1' fate=consumed"

	k_run client1 apps/time_client -t 0.2 "$address" 8080
	tap_is "$what: there is no answer" "$TAP_STATUS" 1
	k_sound "$what"
	k_expect "$what: the packet is dropped there, and an ICMP error says so" "
		call sendto ret=24 errno=none as \$send
		$drop id=\$send call=sendto as \$datagram
		icmp $error
		drop x1; icmp x1"
	k_is "$what: nothing of the error's way is taken for the packet's" 0 type=journey packet.dport=8080 \
		'via~ip_out\(.*ip_out\('
	k_is "$what: the remedy names the command" 1 type=journey packet.dport=8080 "fate.remedy~ip route get $address"
	k_expect "$what: a connected socket is not told, as the error may pass" "
		told told=nobody type=$type code=$code told_why~'IP_RECVERR'
		call recvfrom errno=EAGAIN error_from=none
		told x1; no call errno=ENETUNREACH"

	k_start -p $$
	k_player "talk$icmp" client1 "$PYTHON" -IS tests/kernel/peer.py talk "$address" 8080 recverr
	k_says "talk$icmp" '^connected' || tap_bail "$what: talk"
	printf '24\nrecv 60\n' >&"$K_KEYS"
	k_says "talk$icmp" '^sent 24'
	k_says "talk$icmp" '^recv: '
	k_stop
	exec {K_KEYS}>&-
	k_expect "$what: with IP_RECVERR it is" "
		call sendto|sendmsg ret=24 as \$send
		drop id=\$send netns=$router as \$datagram
		told told=call told_to~python told_call=recvfrom errno=ENETUNREACH|EHOSTUNREACH cause=\$datagram type=$type code=$code as \$error
		call recvfrom ret=-1 errno=ENETUNREACH|EHOSTUNREACH error_from=\$error hint~'about #'"
}

at_router IPv4 10.0.9.2 10.0.1.2 10.0.1.1 ICMP 3 0
at_router IPv6 fd00:0:0:9::2 fd00:0:0:1::2 fd00:0:0:1::1 ICMPv6 1 0

ip -n "$client1" route del default || tap_bail 'the default route'
ip -n "$client1" -6 route del default || tap_bail 'the default route'
at_sender IPv4 10.0.2.2
at_sender IPv6 fd00:0:0:2::2

tap_done
