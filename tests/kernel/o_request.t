#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O7: one request and its answer, every stage from the sending system call to the receiving one.
# And: where all goes well, nothing is dropped and no fate is unknown.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab_cold
server_ns=${TOPO_PREFIX}ns_server
client_ns=${TOPO_PREFIX}ns_client1

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
		"via~^udp_send\(udp$v.*sendmsg\) .*(ip_out|neighbour)\(ip.*\) .*(local_in|protocol)\(ip.*\)"
	k_is "$what: both cross once" 2 type=journey packet.proto=UDP hops.crossed=true
	k_expect "$what: sent by the client's call, read by the server's; the answer the other way round" "
		queued proto=UDP src=$client dst=$server dport=8080 payload=24 by=time_client call=sendto \
			born_netns=$client_ns netns=$server_ns owner=time_server as \$request
		read id=\$request reader=time_server read_call=recvfrom copied=24 cut=0 waited>0s
		queued proto=UDP src=$server dst=$client sport=8080 dport=\$request.sport payload=24 by=time_server \
			call=sendto born_netns=$server_ns netns=$client_ns began>\$request.began as \$answer
		read id=\$answer reader=time_client read_call=recvfrom copied=24 cut=0 waited>0s
		journey x2; read x2; no drop; no icmp"
}

k_server server apps/time_server 10.0.1.1 8080
k_server server apps/time_server fd00:0:0:1::1 8080
server6=$K_SERVER

# The first one has to find its next hop's link-layer address; it is still the client's datagram.
for address in 10.0.1.1 fd00:0:0:1::1; do
	k_run client1 apps/time_client "$address" 8080
	tap_is "O7 $address, neighbour unknown: answered" "$TAP_STATUS" 0
	k_sound "O7 $address, neighbour unknown"
	k_expect "O7 $address, neighbour unknown: the request is still the call's; both are read" "
		call sendto ret=24 as \$call
		queued proto=UDP dport=8080 id=\$call cause_kind=call by=time_client call=sendto netns=$server_ns read as \$request
		queued proto=UDP sport=8080 dport=\$request.sport read as \$answer
		call recvfrom ret=24 read=\$answer
		journey proto=UDP x2; no drop"
done
k_neighbours

k_run client1 apps/time_client 10.0.1.1 8080
tap_is 'O7 IPv4: answered' "$TAP_STATUS" 0
journeys 'O7 IPv4' 10.0.1.1 10.0.1.2 ''
k_expect 'O7 IPv4: the calls, the packets inside them, and the sockets at both ends' '
	call sendto ret=24 len=24 local=10.0.1.2 remote=10.0.1.1 rport=8080 as $send
	queued dport=8080 id=$send born>$send.began born<$send.ended socket=$send.socket to!=none to!=$send.socket as $request
	queued sport=8080 socket=$request.to to=$send.socket born>$request.born as $answer
	call recvfrom ret=24 read=$answer addr=10.0.1.1 port=8080 qlen=0 socket=$send.socket
	call sendto x1'

k_run client1 apps/time_client fd00:0:0:1::1 8080
journeys 'O7 IPv6' fd00:0:0:1::1 fd00:0:0:1::2 v6
k_expect 'O7 IPv6: the call that sent' '
	call sendto ret=24 remote=fd00:0:0:1::1 rport=8080 as $send; queued dport=8080 id=$send'

# The server followed, in the middle of its recvfrom(): the request is seen from its start.
k_start -p "$server6"
k_in client1 apps/time_client fd00:0:0:1::1 8080 >"$TAP_TMP/answer"
k_stop
journeys 'O7 server followed' fd00:0:0:1::1 fd00:0:0:1::2 v6
k_expect 'O7 server followed: its calls, and none of the client' "
	queued dport=8080 as \$request
	call recvfrom comm=time_server pid=$server6 ret=24 read=\$request as \$read
	call sendto comm=time_server pid=$server6 ret=24 began>\$read.ended as \$send
	journey sport=8080 id=\$send
	no call comm=time_client"

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
	k_expect "success $address: each request is read, and each answer" "
		read proto=UDP dst=$address dport=8080 by=time_burst_clie reader=time_server copied=24 x10
		read proto=UDP src=$address sport=8080 by=time_server reader=time_burst_clie copied=24 x10
		journey x20; no drop; no unread; no icmp"
	k_is "success $address: nothing unknown, nothing under way" 1 type=summary shown=20 queued=20 read=20 \
		dropped=0 unknown=0 underway=0 unread_at_close=0
	k_is "success $address: the requests go through the router" 10 type=journey packet.dport=8080 \
		'timed=ns_client1/veth_c1: dev_queue dev_xmit > ns_server/veth_srv_c1: backlog receive > ns_server/veth_srv_c2: dev_queue dev_xmit > ns_client2/veth_c2: backlog receive sock_queue'
	k_is "success $address: and are one journey each" 10 type=journey packet.sport=8080 \
		'timed~^ns_client2/veth_c2: .* > ns_server/veth_srv_c2: .* > ns_server/veth_srv_c1: .* > ns_client1/veth_c1: '
	k_run client1 ping -n -c 3 -i 0.1 -W 5 "$address"
	tap_is "success ping $address" "$TAP_STATUS" 0
	k_sound "success ping $address"
	k_expect "success ping $address: three requests, each with its answer, which is read" "
		icmp echo-request dst=$address fate=consumed netns=${TOPO_PREFIX}ns_client2 by=ping as \$request
		icmp echo-reply src=$address cause=\$request cause_kind=journey read reader=ping netns=$client_ns
		icmp echo-request fate=consumed caused!=none x3
		icmp echo-reply cause!=none fate=queued reader=ping x3; journey x6; no drop"
done

tap_done
