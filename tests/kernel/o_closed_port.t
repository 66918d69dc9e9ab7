#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O2, O52: a datagram to a port where no socket is: where it dies, what it provokes, who is told.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_socket=$(k_reason NO_SOCKET)
via='^udp_send\(udpv?6?_sendmsg\) .*ip_out\(ip.*\) .*local_in\(ip.*\) .*udp_in\(.*udp.*_rcv\)'
# 5.10 leaves some of them by a jump: they are in no stack.
k_has_reasons || via='^udp_send\(udpv?6?_sendmsg\) .*neighbour\(ip.*\) .*(local_in|ip_local)\(ip.*\) .*protocol\(ip.*\)'

k_lab
server=${TOPO_PREFIX}ns_server
client2=${TOPO_PREFIX}ns_client2

# closed_port WHAT SERVER CLIENT PORT PROTO TYPE CODE OTHER: of client 2's datagram and its error
closed_port()
{
	local what=$1 server_address=$2 client=$3 port=$4 proto=$5 type=$6 code=$7 other=$8
	local datagram=(type=journey packet.proto=UDP "packet.dport=$port" "packet.dst=$server_address")
	local error=(type=journey "packet.proto=$proto")

	k_sound "$what"
	k_expect "$what: the datagram is sent by the client's call, and dies in ns_server: where, and why" "
		call sendto comm=time_client ret=24 as \$send
		drop $no_socket proto=UDP id=\$send src=$client dst=$server_address dport=$port payload=24 \
			by=time_client call=sendto fd=3 ret=24 function=__udp4_lib_rcv|__udp6_lib_rcv|udp_rcv|udpv6_rcv \
			netns=$server dev=veth_srv_c2 inferred=no \
			why='no UDP socket on $(endpoint "$server_address" "$port") (one is on $(endpoint "$other" "$port"))'
		drop x1; journey udp x1"
	k_expect "$what: it provokes one packet, a port unreachable, from the server's address to the client's" "
		drop $no_socket dport=$port as \$datagram
		icmp proto=$proto type=$type code=$code name=port-unreachable src=$server_address dst=$client \
			cause=\$datagram cause_kind=journey cause_text~'port unreachable, built in ' \
			born_netns=$server netns=$client2 fate=consumed
		icmp x1; journey x2"
	k_is "$what: it crosses into ns_server and dies there, no hop missing" 1 "${datagram[@]}" \
		'timed=ns_client2/veth_c2: dev_queue dev_xmit > ns_server/veth_srv_c2: backlog receive icmp_error drop' \
		fate.remedy~.
	k_is "$what: with the functions in between" 1 "${datagram[@]}" \
		"via~$via"
	k_is "$what: the error quotes the datagram, and says who built it" 1 "${error[@]}" "of.dport=$port" \
		"of.sport=$(k_get packet.sport "${datagram[@]}")" "of.ip_id=$(k_get packet.ip_id "${datagram[@]}")" \
		'cause.text~built in (__icmp_send|icmp6_send)'
}

endpoint()
{
	[[ $1 == *:* ]] && echo "[$1]:$2" || echo "$1:$2"
}

k_server server apps/time_server 10.0.1.1 8080
k_server server apps/time_server fd00:0:0:1::1 8080

# both IP versions: ADDRESS OF ns_server, OF ns_client2, PORT, ICMP, TYPE, CODE, WHERE A SOCKET IS
# shellcheck disable=SC2034 # used by name
v4=(10.0.2.1 10.0.2.2 8080 ICMP 3 3 10.0.1.1)
# shellcheck disable=SC2034
v6=(fd00:0:0:2::1 fd00:0:0:2::2 8080 ICMPv6 1 4 fd00:0:0:1::1)

for version in v4 v6; do
	declare -n is=$version
	error=(type=journey "packet.proto=${is[3]}")

	k_run client1 apps/time_client "${is[6]}" 8080
	tap_is "O2 $version: client 1 is served" "$TAP_STATUS" 0
	k_expect "O2 $version: nothing of it is dropped" "
		read dport=8080 reader=time_server; read sport=8080 reader=time_client; no drop; no icmp; journey x2"

	k_run client2 apps/time_client "${is[0]}" 8080
	tap_is "O2 $version: client 2 is not" "$TAP_STATUS" 1
	closed_port "O2 $version" "${is[@]}"
	k_is "O2 $version: the error's own way back, no hop missing" 1 "${error[@]}" \
		'timed=ns_server/veth_srv_c2: dev_queue dev_xmit > ns_client2/veth_c2: backlog receive sock_error consume'
	k_expect "O2 $version: the client's next call is told: ECONNREFUSED, and what was behind it" "
		call connect ret=0 addr=${is[0]} port=8080 local=${is[1]} sent=none
		call sendto ret=24 errno=none as \$send
		drop $no_socket id=\$send as \$datagram
		told ECONNREFUSED proto=${is[3]} cause=\$datagram told=call told_call=recvfrom told_to=time_client as \$error
		call recvfrom ret=-1 errno=ECONNREFUSED error_from=\$error hint~'port unreachable'
		told x1; call errno!=none x1"

	k_run client2 apps/time_client -U -t 0.3 "${is[0]}" 8080
	tap_is "O52 $version: the client gives up" "$TAP_STATUS" 1
	closed_port "O52 $version" "${is[@]}"
	k_is "O52 $version: the error comes back and meets no socket error" 1 "${error[@]}" \
		'timed=ns_server/veth_srv_c2: dev_queue dev_xmit > ns_client2/veth_c2: backlog receive consume'
	k_expect "O52 $version: nobody is told, and why; the call runs into its timeout" "
		told told=nobody told_why~'not connected' proto=${is[3]} netns=$client2
		call recvfrom errno=EAGAIN error_from=none hint~SO_RCVTIMEO lasted>=200ms
		no call errno=ECONNREFUSED; told x1"
done

# The same seen from outside: by namespace, with nobody followed.
k_start -n "$server"
k_in client2 apps/time_client 10.0.2.1 8080 2>/dev/null
k_in client2 apps/time_client -U -t 0.1 fd00:0:0:2::1 8080 2>/dev/null
k_stop
k_sound 'by namespace'
k_expect 'by namespace: both datagrams are dropped, and who sent them is known' "
	drop $no_socket proto=UDP dst=10.0.2.1 netns=$server by=time_client call=sendto as \$v4
	icmp proto=ICMP cause=\$v4 told=call told_call=recvfrom errno=ECONNREFUSED
	drop $no_socket proto=UDP dst=fd00:0:0:2::1 netns=$server by=time_client call=sendto as \$v6
	icmp proto=ICMPv6 cause=\$v6 told=nobody told_why~'not connected'
	drop x2; no call"

tap_done
