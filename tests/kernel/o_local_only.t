#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O4: a server on 127.0.0.1 serves its own namespace over lo, and nobody else.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_socket=$(k_reason NO_SOCKET)

k_lab
server=${TOPO_PREFIX}ns_server

served()
{
	local what=$1 address=$2

	k_run server apps/time_client "$address" 8080
	tap_is "$what: a client in the same namespace is served" "$TAP_STATUS" 0
	k_sound "$what"
	k_is "$what: request and answer over lo, each hop" 2 type=journey \
		'timed=ns_server/lo: dev_queue dev_xmit backlog receive sock_queue'
	k_expect "$what: both are read, and nothing else is sent" "
		call sendto ret=24 as \$send
		queued id=\$send src=$address dst=$address dport=8080 passes=lo netns=$server owner=time_server as \$request
		read id=\$request reader=time_server read_call=recvfrom copied=24 cut=0
		read src=$address dst=$address sport=8080 dport=\$request.sport by=time_server reader=time_client \
			copied=24 cut=0 netns=$server as \$answer
		call recvfrom ret=24 read=\$answer
		journey x2; no journey passes!=lo"
}

refused()
{
	local what=$1 address=$2 local=$3

	k_run client1 apps/time_client "$address" 8080
	tap_is "$what: one outside is not" "$TAP_STATUS" 1
	k_sound "$what"
	k_expect "$what: it reaches ns_server and finds only a socket on $local, and ECONNREFUSED tells the client" "
		call sendto ret=24 as \$send
		drop $no_socket proto=UDP id=\$send dst=$address netns=$server dev=veth_srv_c1 \
			why~'*(one is on*$local*:8080)' as \$request
		icmp cause=\$request as \$error
		call recvfrom errno=ECONNREFUSED error_from=\$error
		no queued; no read"
}

k_server server apps/time_server 127.0.0.1 8080
k_server server apps/time_server ::1 8080
served 'O4 IPv4' 127.0.0.1
served 'O4 IPv6' ::1
refused 'O4 IPv4' 10.0.1.1 127.0.0.1
refused 'O4 IPv6' fd00:0:0:1::1 ::1

# Who asks 127.0.0.1 elsewhere asks himself.
k_run client1 apps/time_client 127.0.0.1 8080
k_sound 'O4 elsewhere'
k_is 'O4 elsewhere: the datagram never leaves its namespace' 1 type=journey packet.proto=UDP \
	'timed=ns_client1/lo: dev_queue dev_xmit backlog receive icmp_error drop'
k_expect 'O4 elsewhere: where nobody listens' "
	drop $no_socket dst=127.0.0.1 dport=8080 netns=${TOPO_PREFIX}ns_client1 why='no UDP socket on 127.0.0.1:8080'
	drop x1; no read; no journey passes!=lo"

tap_done
