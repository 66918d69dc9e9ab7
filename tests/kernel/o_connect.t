#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O12-O16: a connection begins. What the server's kernel does before listen(), before accept() and
# while nobody reads, step by step with byte_sink, which does nothing until Enter.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
no_socket=$(k_reason NO_SOCKET)

k_lab
tap_need_program apps/byte_sink apps/simple_nc
server=${TOPO_PREFIX}ns_server
client=${TOPO_PREFIX}ns_client1

# begin WHAT ADDRESS CLIENT PORT: the exercise, traced; the test's own processes are followed.
begin()
{
	local what=$1 address=$2 port=$4 sink nc nc_pid

	k_start -p $$
	k_player "sink$port" server apps/byte_sink "$port"
	sink=$K_KEYS
	k_says "sink$port" '^next: socket' || tap_bail 'byte_sink starts'

	# bind(), and a client that is too early
	echo >&"$sink"
	k_says "sink$port" '^next: listen' || tap_bail 'byte_sink binds'
	tap_run ip netns exec "$client" apps/simple_nc "$address" "$port"
	tap_is "O12 $what: simple_nc" "$TAP_STATUS $TAP_ERR" '1 simple_nc: connect: Connection refused'

	# listen(), and one that is not
	echo >&"$sink"
	k_says "sink$port" '^next: accept' || tap_bail 'byte_sink listens'
	k_player "nc$port" client1 apps/simple_nc "$address" "$port"
	nc=$K_KEYS nc_pid=$TAP_PID
	k_says "nc$port" 'connected from' || tap_bail 'simple_nc connects'
	echo 'a line of forty bytes, and their newline' >&"$nc"
	k_says "nc$port" '^write\(\) = 41$' || tap_bail 'simple_nc writes'
	# The segment and its ACK are on their way in its write(); they need not be over when it returns.
	k_wait 1+ type=journey packet.proto=TCP packet.payload=41
	k_wait 1+ type=journey packet.proto=TCP segment.rel_ack=42

	# accept(), three times recv()
	echo >&"$sink"
	k_says "sink$port" '^accept' || tap_bail 'byte_sink accepts'
	for _ in 1 2 3; do
		echo >&"$sink"
	done
	k_says "sink$port" '^recv\(\) = 9' || tap_bail 'byte_sink reads'
	k_stop
	k_sound "$what"
	# Not before: the end of the connection is of no interest here.
	exec {nc}>&- {sink}>&-
	tap_wait "$nc_pid"
}

# steps WHAT ADDRESS CLIENT PORT
steps()
{
	local what=$1 address=$2 peer=$3 port=$4
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	k_expect "O12 $what: the SYN arrives where no socket listens, and is dropped" "
		call bind comm=byte_sink ret=0 lport=$port
		state SYN_SENT before=CLOSE end=client netns=$client comm=simple_nc cause_kind=call call=connect as \$state
		drop $no_socket flags=SYN $to id=\$state.sent netns=$server dev=veth_srv_c1 inferred=no \
			function=tcp_v4_rcv|tcp_v6_rcv why~'no TCP socket on' by=simple_nc call=connect
		no queued began<\$state.began"
	k_expect "O12 $what: an RST comes back because of it, which says why" "
		drop $no_socket flags=SYN $to as \$syn
		reset $(k_reset_reason NO_SOCKET) flags=RST+ACK $from cause=\$syn from=server born_netns=$server netns=$client
		reset x1
		drop x1"
	k_expect "O12 $what: the RST ends the connection, and connect() is told: ECONNREFUSED" "
		reset $from as \$rst
		state CLOSE before=SYN_SENT end=client cause=\$rst flow=\$rst.flow
		call connect comm=simple_nc ret=-1 errno=ECONNREFUSED error_from=\$rst flow=\$rst.flow hint~RST \
			sent=\$rst.cause
		reset told=call errno=ECONNREFUSED told_call=connect told_to=simple_nc x1
		no call errno=ECONNREFUSED comm=byte_sink"

	k_expect "O13 $what: both state machines, and the segment that moved each" "
		state LISTEN before=CLOSE comm=byte_sink lport=$port cause_kind=call call=listen
		state SYN_SENT before=CLOSE end=client cause_kind=call call=connect as \$sent
		journey flags=SYN $to seq=0 id=\$sent.sent fate=consumed netns=$server as \$syn
		state SYN_RECV before=LISTEN end=server netns=$server comm=byte_sink cause=\$syn inferred socket=none as \$recv
		journey flags=SYN+ACK $from seq=0 ack=1 id=\$recv.sent cause=\$syn fate=consumed netns=$client as \$synack
		state ESTABLISHED before=SYN_SENT end=client cause=\$synack inferred=no
		journey flags=ACK $to seq=1 ack=1 payload=0 fate=consumed netns=$server as \$ack
		state ESTABLISHED before=SYN_RECV end=server comm=byte_sink cause=\$ack inferred=no
		state flow=\$sent.flow x4"
	k_expect "O13 $what: before accept(): connect() has returned, one connection waits" "
		call listen comm=byte_sink ret=0 backlog=1
		socket state=LISTEN lport=$port comm=byte_sink accept_queued=0 accept_limit=1
		state ESTABLISHED end=server as \$done
		socket state=LISTEN lport=$port accept_queued=1 accept_limit=1 began>=\$done.began as \$waits
		call connect comm=simple_nc ret=0 flow=\$done.flow as \$connect
		call accept comm=byte_sink ret>2 flow=\$done.flow began>\$waits.ended began>\$connect.ended
		no call accept began<\$waits.ended"
	k_expect "O13 $what: whose connection it is" "
		flow opened client=$peer server=$address sport=$port client_comm=simple_nc as \$flow
		state ESTABLISHED end=client flow=\$flow comm=simple_nc
		state ESTABLISHED end=server flow=\$flow comm=byte_sink
		flow x2; state ESTABLISHED x2"

	k_expect "O14 $what: data is taken and acknowledged before accept()" "
		call write comm=simple_nc ret=41 first_byte=1 next_byte=42 as \$write
		{ queued $to payload=41 seq=1 by=simple_nc call=write id=\$write netns=$server as \$data
		socket id=\$data.to state=ESTABLISHED rcv_queued=41 comm=byte_sink as \$waits
		journey flags=ACK $from payload=0 ack=42 cause=\$data netns=$client fate=consumed as \$ack }
		call accept comm=byte_sink flow=\$data.flow began>\$ack.ended began>\$waits.began"

	k_expect "O15 $what: accept() takes it out of the queue, and puts no packet on the wire" "
		call accept comm=byte_sink ret>2 accept_before=1 accept_queued=0 accept_limit=1 sent=none \
			addr=$peer as \$accept
		no journey began>=\$accept.began began<=\$accept.ended
		no journey call=accept"
	k_expect "O15 $what: the queue is empty afterwards" "
		socket state=LISTEN accept_queued=1 as \$before
		call accept as \$accept
		socket state=LISTEN accept_queued=0 id=\$before began>=\$accept.began"

	k_expect "O16 $what: each recv() leaves less in the receive queue" "
		queued payload=41 as \$data
		call accept ret>2 as \$accept
		call recvfrom comm=byte_sink fd=\$accept.ret ret=16 len=16 rcv_queued=25 first_byte=1 next_byte=17 read=\$data sent=none
		call recvfrom comm=byte_sink ret=16 rcv_queued=9 first_byte=17 next_byte=33 read=\$data sent=none
		call recvfrom comm=byte_sink ret=9 rcv_queued=0 first_byte=33 next_byte=42 read=\$data sent=none
		call recvfrom x3
		read id=\$data reader=byte_sink read_call=recvfrom copied=41"
	k_expect "O16 $what: as the socket has it" "
		socket rcv_queued=41 lport=$port as \$socket
		socket id=\$socket rcv_queued=25
		socket id=\$socket rcv_queued=9
		socket id=\$socket rcv_queued=0"
	k_expect "$what: nothing was sent twice, nothing else was dropped" "
		no retransmission; drop x1; no refused; no icmp; no signal comm=byte_sink|simple_nc"
}

begin IPv4 10.0.1.1 10.0.1.2 8080
steps IPv4 10.0.1.1 10.0.1.2 8080
begin IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8081
steps IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8081

# Seen from outside, with nobody followed: the same states and queues, and no calls.
k_start -n "$server"
k_server server apps/byte_sink -a 8082
k_in client1 apps/simple_nc 10.0.1.1 8082 <<<'a line' >/dev/null
k_wait 1+ type=state before=CLOSE_WAIT after=LAST_ACK
k_stop
k_sound 'by namespace'
k_expect 'by namespace: both state machines begin' "
	state SYN_SENT before=CLOSE end=client netns=$client cause_kind=call call=connect by=simple_nc
	state SYN_RECV before=LISTEN end=server netns=$server
	state ESTABLISHED before=SYN_SENT end=client
	state ESTABLISHED before=SYN_RECV end=server
	queued dport=8082 payload=7 by=simple_nc call=write owner=byte_sink
	no call; no drop; no reset"

tap_done
