#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O7: one request and its answer, every stage from the sending system call to the receiving one.
# And: where all goes well, nothing is dropped and no fate is unknown.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab_cold

# The way of a datagram from WHO by DEV to PEER by PEERDEV.
way()
{
	echo "timed=$1/$2: dev_queue dev_xmit > $3/$4: backlog receive sock_queue"
}

# journeys WHAT SERVER CLIENT SEND_FUNCTION: request and answer, whoever was followed
journeys()
{
	local what=$1 server=$2 client=$3 v=$4
	local request=(type=journey "packet.src=$client" "packet.dst=$server" packet.dport=8080)
	local answer=(type=journey "packet.src=$server" "packet.dst=$client" packet.sport=8080)

	k_sound "$what"
	k_is "$what: the request: every timed stage" 1 "${request[@]}" \
		"$(way ns_client1 veth_c1 ns_server veth_srv_c1)"
	k_is "$what: the answer: every timed stage" 1 "${answer[@]}" \
		"$(way ns_server veth_srv_c1 ns_client1 veth_c1)"
	k_is "$what: both: the functions in between" 2 type=journey packet.proto=UDP \
		"via~^udp_send\(udp$v.*sendmsg\) ip_out\(ip.*\) .*ip_local\(ip.*\)"
	k_is "$what: both cross once" 2 type=journey packet.proto=UDP hops.crossed=true
	k_is "$what: the request: sent by the client's call" 1 "${request[@]}" cause.kind=call \
		cause.task.comm=time_client cause.call=sendto
	k_is "$what: the answer: by the server's" 1 "${answer[@]}" cause.kind=call \
		cause.task.comm=time_server cause.call=sendto
	k_is "$what: the request: queued, read by the server" 1 "${request[@]}" fate.kind=queued \
		fate.netns=ns_server read.call=recvfrom read.task.comm=time_server read.ret=24 \
		read.copied=24 read.lost=0 'read.waited>0'
	k_is "$what: the answer: queued, read by the client" 1 "${answer[@]}" fate.kind=queued \
		fate.netns=ns_client1 read.call=recvfrom read.task.comm=time_client read.ret=24 \
		read.copied=24 read.lost=0 'read.waited>0'
	k_is "$what: nothing else" 1 type=summary shown=2 queued=2 read=2
}

k_server server apps/time_server 10.0.1.1 8080
k_server server apps/time_server fd00:0:0:1::1 8080
server6=$K_SERVER

# The first one has to find its next hop's link-layer address; it is still the client's datagram.
for address in 10.0.1.1 fd00:0:0:1::1; do
	k_run client1 apps/time_client "$address" 8080
	tap_is "O7 $address, neighbour unknown: answered" "$TAP_STATUS" 0
	k_sound "O7 $address, neighbour unknown"
	k_is "O7 $address, neighbour unknown: the request is the call's" 1 type=journey packet.proto=UDP \
		packet.dport=8080 cause.kind=call cause.call=sendto cause.task.comm=time_client
	k_is "O7 $address, neighbour unknown: and the call's line names it" 1 type=call name=sendto \
		journeys.packet.dport=8080
	k_is "O7 $address, neighbour unknown: queued and read" 2 type=journey packet.proto=UDP \
		fate.kind=queued read.copied=24
	k_is "O7 $address, neighbour unknown: nothing dropped" 1 type=summary dropped=0
done
k_neighbours

k_run client1 apps/time_client 10.0.1.1 8080
tap_is 'O7 IPv4: answered' "$TAP_STATUS" 0
journeys 'O7 IPv4' 10.0.1.1 10.0.1.2 ''
k_is 'O7 IPv4: the call that sent' 1 type=call name=sendto ret=24 len=24 journeys.n=1 \
	journeys.packet.dport=8080 local.address=10.0.1.2 remote.address=10.0.1.1 remote.port=8080
k_is 'O7 IPv4: the call that received' 1 type=call name=recvfrom ret=24 read.packet.sport=8080 \
	given.address=10.0.1.1 given.port=8080 qlen=0
k_is 'O7 IPv4: request before answer' 1 type=journey "born>$(k_get fate.time type=journey packet.dport=8080)" \
	packet.sport=8080
k_is 'O7 IPv4: sent inside the call' 1 type=call name=sendto \
	"entered<$(k_get born type=journey packet.dport=8080)" "left>$(k_get born type=journey packet.dport=8080)"
k_is 'O7 IPv4: both sockets' 1 type=journey packet.dport=8080 'fate.socket>0' \
	"socket=$(k_get socket type=call name=sendto)"
k_is 'O7 IPv4: the answer comes to the socket that asked' 1 type=journey packet.sport=8080 \
	"fate.socket=$(k_get socket type=call name=sendto)"

k_run client1 apps/time_client fd00:0:0:1::1 8080
journeys 'O7 IPv6' fd00:0:0:1::1 fd00:0:0:1::2 v6
k_is 'O7 IPv6: the call that sent' 1 type=call name=sendto ret=24 journeys.packet.dport=8080

# The server followed, in the middle of its recvfrom(): the request is seen from its start.
k_start -p "$server6"
k_in client1 apps/time_client fd00:0:0:1::1 8080 >"$TAP_TMP/answer"
k_stop
journeys 'O7 server followed' fd00:0:0:1::1 fd00:0:0:1::2 v6
k_is 'O7 server followed: its call that sent' 1 type=call name=sendto ret=24 task.comm=time_server \
	"task.pid=$server6" journeys.packet.sport=8080
k_is 'O7 server followed: none of the client' 0 type=call task.comm=time_client

k_start -n "${TOPO_PREFIX}ns_client1"
k_in client1 apps/time_client 10.0.1.1 8080 >"$TAP_TMP/answer"
k_stop
journeys 'O7 by namespace' 10.0.1.1 10.0.1.2 ''

k_start 'udp port 8080 and host 10.0.1.2'
k_in client1 apps/time_client 10.0.1.1 8080 >"$TAP_TMP/answer"
k_stop
journeys 'O7 by filter' 10.0.1.1 10.0.1.2 ''

# Only successes: through the router too, and pings.
k_server client2 apps/time_server 10.0.2.2 8080
k_server client2 apps/time_server fd00:0:0:2::2 8080
for address in 10.0.2.2 fd00:0:0:2::2; do
	k_run client1 apps/time_burst_client "$address" 8080 10
	tap_is "success $address: answered" "$TAP_STATUS" 0
	k_sound "success $address"
	k_is "success $address: all read, nothing dropped, nothing unknown" 1 type=summary shown=20 \
		queued=20 read=20 dropped=0 unknown=0 underway=0 unread_at_close=0
	k_is "success $address: the requests go through the router" 10 type=journey packet.dport=8080 \
		'timed=ns_client1/veth_c1: dev_queue dev_xmit > ns_server/veth_srv_c1: backlog receive > ns_server/veth_srv_c2: dev_queue dev_xmit > ns_client2/veth_c2: backlog receive sock_queue'
	k_is "success $address: and are one journey each" 10 type=journey packet.sport=8080 \
		'timed~^ns_client2/veth_c2: .* > ns_server/veth_srv_c2: .* > ns_server/veth_srv_c1: .* > ns_client1/veth_c1: '
	k_run client1 ping -n -c 3 -i 0.1 -W 5 "$address"
	tap_is "success ping $address" "$TAP_STATUS" 0
	k_sound "success ping $address"
	k_is "success ping $address: three requests, each with its answer" 3 type=journey \
		'packet.icmp.name~echo request' fate.kind=consumed caused.n=1 \
		'caused.packet.icmp.name~echo reply'
	k_is "success ping $address: each answer read" 3 type=journey 'packet.icmp.name~echo reply' \
		fate.kind=queued read.task.comm=ping
	k_is "success ping $address: nothing dropped" 1 type=summary shown=6 dropped=0 unknown=0
done

tap_done
