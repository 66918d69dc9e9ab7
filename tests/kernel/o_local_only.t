#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O4: a server on 127.0.0.1 serves its own namespace over lo, and nobody else.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

served()
{
	local what=$1 address=$2

	k_run server apps/time_client "$address" 8080
	tap_is "$what: a client in the same namespace is served" "$TAP_STATUS" 0
	k_sound "$what"
	k_is "$what: request and answer over lo, each hop, read" 2 type=journey \
		"packet.src=$address" "packet.dst=$address" \
		'timed=ns_server/lo: dev_queue dev_xmit backlog receive sock_queue' \
		fate.kind=queued fate.netns=ns_server read.copied=24 read.lost=0
	k_is "$what: nothing else" 1 type=summary shown=2 queued=2 read=2 dropped=0
}

refused()
{
	local what=$1 address=$2 local=$3

	k_run client1 apps/time_client "$address" 8080
	tap_is "$what: one outside is not" "$TAP_STATUS" 1
	k_sound "$what"
	k_is "$what: it reaches ns_server and finds only a socket on $local" 1 type=journey \
		packet.proto=UDP fate.kind=dropped fate.reason=NO_SOCKET fate.netns=ns_server \
		fate.dev=veth_srv_c1 'fate.why~(one is on .*'"$local"'.*:8080)'
	k_is "$what: and ECONNREFUSED tells the client" 1 type=call name=recvfrom errno=ECONNREFUSED \
		error_from.cause.journey.fate.reason=NO_SOCKET
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
	'timed=ns_client1/lo: dev_queue dev_xmit backlog receive icmp_error drop' \
	'fate.why=no UDP socket on 127.0.0.1:8080'

tap_done
