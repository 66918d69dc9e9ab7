#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O2, O52: a datagram to a port where no socket is: where it dies, what it provokes, who is told.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

# closed_port WHAT SERVER CLIENT PORT PROTO TYPE CODE OTHER: of client 2's datagram and its error
closed_port()
{
	local what=$1 server=$2 client=$3 port=$4 proto=$5 type=$6 code=$7 other=$8
	local datagram=(type=journey packet.proto=UDP "packet.dport=$port" "packet.dst=$server")
	local error=(type=journey "packet.proto=$proto")

	k_sound "$what"
	k_is "$what: one datagram" 1 "${datagram[@]}" "packet.src=$client" packet.payload=24
	k_is "$what: sent by the client's call" 1 "${datagram[@]}" cause.kind=call \
		cause.task.comm=time_client cause.call=sendto cause.fd=3 cause.ret=24
	k_is "$what: it crosses into ns_server and dies there, no hop missing" 1 "${datagram[@]}" \
		'timed=ns_client2/veth_c2: dev_queue dev_xmit > ns_server/veth_srv_c2: backlog receive icmp_error drop'
	k_is "$what: with the functions in between" 1 "${datagram[@]}" \
		'via~^udp_send\(udpv?6?_sendmsg\) ip_out\(ip.*\) ip_local\(ip.*\) udp_in\(.*udp[46].*_rcv\)'
	k_is "$what: dropped: reason, function, place" 1 "${datagram[@]}" fate.kind=dropped \
		fate.reason=NO_SOCKET 'fate.function~^__udp[46]_lib_rcv$' fate.netns=ns_server \
		fate.dev=veth_srv_c2 fate.inferred=false fate.remedy~.
	k_is "$what: why, and which socket is nearly the right one" 1 "${datagram[@]}" \
		"fate.why=no UDP socket on $(endpoint "$server" "$port") (one is on $(endpoint "$other" "$port"))"
	k_is "$what: it provoked one journey, the ICMP error" 1 "${datagram[@]}" caused.n=1 \
		"caused.packet.proto=$proto"
	k_is "$what: which is a port unreachable" 1 "${error[@]}" "packet.icmp.type=$type" \
		"packet.icmp.code=$code" packet.icmp.error=true "packet.icmp.name=port unreachable"
	k_is "$what: from the server's address to the client's" 1 "${error[@]}" \
		"packet.src=$server" "packet.dst=$client"
	k_is "$what: quoting the datagram" 1 "${error[@]}" "of.dport=$port" \
		"of.sport=$(k_get packet.sport "${datagram[@]}")" "of.ip_id=$(k_get packet.ip_id "${datagram[@]}")"
	k_is "$what: caused by the datagram, told by whom it was built" 1 "${error[@]}" \
		cause.kind=journey "cause.journey.packet.dport=$port" 'cause.text~port unreachable, built in (__icmp_send|icmp6_send)'
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
	k_is "O2 $version: nothing of it is dropped" 1 type=summary dropped=0 queued=2 read=2

	k_run client2 apps/time_client "${is[0]}" 8080
	tap_is "O2 $version: client 2 is not" "$TAP_STATUS" 1
	closed_port "O2 $version" "${is[@]}"
	k_is "O2 $version: the error's own way back, no hop missing" 1 "${error[@]}" \
		'timed=ns_server/veth_srv_c2: dev_queue dev_xmit > ns_client2/veth_c2: backlog receive sock_error consume' \
		fate.kind=consumed fate.netns=ns_client2
	k_is "O2 $version: told to the client's next call" 1 "${error[@]}" told.kind=call \
		told.errno=ECONNREFUSED told.call=recvfrom told.task.comm=time_client
	k_is "O2 $version: that call, and what was behind its errno" 1 type=call name=recvfrom \
		ret=-111 errno=ECONNREFUSED "error_from.packet.proto=${is[3]}" \
		error_from.cause.journey.packet.dport=8080 'hint~port unreachable'
	k_is "O2 $version: told by a line of its own too" 1 type=told kind=call call=recvfrom \
		"journey.packet.proto=${is[3]}"
	k_is "O2 $version: connect() put nothing on the wire" 1 type=call name=connect ret=0 \
		journeys.n=0 "given.address=${is[0]}" "local.address=${is[1]}"
	k_is "O2 $version: the send did" 1 type=call name=sendto ret=24 journeys.n=1 \
		journeys.fate.reason=NO_SOCKET

	k_run client2 apps/time_client -U -t 0.3 "${is[0]}" 8080
	tap_is "O52 $version: the client gives up" "$TAP_STATUS" 1
	closed_port "O52 $version" "${is[@]}"
	k_is "O52 $version: the error comes back and meets no socket error" 1 "${error[@]}" \
		'timed=ns_server/veth_srv_c2: dev_queue dev_xmit > ns_client2/veth_c2: backlog receive consume' \
		fate.kind=consumed fate.netns=ns_client2
	k_is "O52 $version: nobody is told, and why" 1 "${error[@]}" told.kind=nobody \
		'told.why~not connected'
	k_is "O52 $version: the call ran into its timeout" 1 type=call name=recvfrom \
		errno=EAGAIN error_from=null 'hint~SO_RCVTIMEO'
done

# The same seen from outside: by namespace, with nobody followed.
k_start -n "${TOPO_PREFIX}ns_server"
k_in client2 apps/time_client 10.0.2.1 8080 2>/dev/null
k_in client2 apps/time_client -U -t 0.1 fd00:0:0:2::1 8080 2>/dev/null
k_stop
k_sound 'by namespace'
k_is 'by namespace: both datagrams, dropped' 2 type=journey packet.proto=UDP fate.reason=NO_SOCKET \
	caused.n=1 fate.netns=ns_server
k_is 'by namespace: who sent them is known' 2 type=journey packet.proto=UDP cause.kind=call \
	cause.task.comm=time_client cause.call=sendto
k_is 'by namespace: IPv4: told to the call' 1 type=journey packet.proto=ICMP told.kind=call \
	told.errno=ECONNREFUSED told.call=recvfrom
k_is 'by namespace: IPv6: not connected, nobody told' 1 type=journey packet.proto=ICMPv6 \
	told.kind=nobody 'told.why~not connected'
k_is 'by namespace: no calls' 0 type=call

tap_done
