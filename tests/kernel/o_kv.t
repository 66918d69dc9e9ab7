#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O22, O23: a server that serves one client at a time. The kernel connects the others and takes what
# they send; and what they left behind when they went can end the server.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
tap_need_program apps/kv_store apps/kv_client
server=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1

# kv_begin ADDRESS PORT: traces; a store serves a client in ns_client2. Sets store, first (processes)
# and first_typed (what is written there is that client's input).
kv_begin()
{
	local address=$1 port=$2
	k_start -p $$
	k_player "store$port" server apps/kv_store "$port"
	store=$TAP_PID
	k_says "store$port" 'bound to' || tap_bail 'kv_store starts'
	k_player "first$port" client2 apps/kv_client "$address" "$port"
	first=$TAP_PID first_typed=$K_KEYS
	k_says "store$port" '^serving ' || tap_bail 'kv_store serves'
}

# O22: the second one waits for the first one to leave.
second()
{
	local what=$1 address=$2 peer=$3 port=$4 second second_typed
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	kv_begin "$address" "$port"
	k_player "second$port" client1 apps/kv_client "$address" "$port"
	second=$TAP_PID second_typed=$K_KEYS
	k_says "second$port" 'connected from' || tap_bail 'the second client connects'
	echo 'set from second' >&"$second_typed"
	k_wait 1+ type=socket local.port="$port" queues.rcv_queued=22
	echo 'get from' >&"$first_typed"
	k_says "first$port" '^not found$' || tap_bail 'the first client is served'
	tap_is "O22 $what: the second client has no answer" "$(wc -l <"$TAP_TMP/second$port.out")" 1
	echo quit >&"$first_typed"
	k_says "second$port" '^ok$' || tap_bail 'the second client is served'
	echo quit >&"$second_typed"
	tap_wait "$second"
	k_says "store$port" 'has left$' 2
	tap_stop "$store"
	k_wait 2 type=state before=LAST_ACK after=CLOSE
	k_stop
	k_sound "O22 $what"

	k_expect "O22 $what: the second client's connection is established by the kernels alone" "
		call accept pid=$store ret>2 as \$accept
		flow client=$peer server=$address sport=$port client_comm=kv_client id!=\$accept.flow as \$flow
		{ state ESTABLISHED end=client flow=\$flow netns=$client1 pid=$second
		state ESTABLISHED end=server flow=\$flow netns=$server comm=kv_store as \$there }
		call connect pid=$second ret=0 flow=\$flow
		socket state=LISTEN lport=$port accept_queued=1 began>=\$there.began
		state CLOSE_WAIT flow=\$accept.flow as \$left
		call accept pid=$store ret>2 flow=\$flow accept_before=1 accept_queued=0 ended>\$left.began"
	k_expect "O22 $what: its request is acknowledged, and sits unread until the first client has left" "
		call sendto pid=$second ret=22 first_byte=1 next_byte=23 as \$send
		{ queued id=\$send $to payload=22 seq=1 netns=$server owner=kv_store as \$request
		socket id=\$request.to rcv_queued=22 state=ESTABLISHED
		journey $from flags=ACK payload=0 ack=23 netns=$client1 as \$ack }
		call recvfrom pid=$first ret>0 began>\$ack.began flow!=\$request.flow as \$served
		journey flags~FIN from=client flow=\$served.flow as \$left
		call accept pid=$store ret>2 flow=\$request.flow ended>\$left.began as \$accept
		{ call recvfrom pid=$store fd=\$accept.ret flow=\$request.flow read=\$request began>=\$accept.ended waited>10ms \
			first_byte=1
		read id=\$request reader=kv_store read_call=recvfrom copied=22 }
		no call recvfrom pid=$store flow=\$request.flow began<\$accept.ended
		no journey from=server flow=\$request.flow payload>0 began<\$accept.ended"
	k_expect "O22 $what: the answer comes then, and nothing was dropped or sent twice" "
		call sendto pid=$store ret=12 as \$answer
		queued $from payload=12 by=kv_store owner=kv_client read reader=kv_client as \$answered
		call recvfrom pid=$second read=\$answered
		no drop; no reset; no retransmission; no refused; no signal SIGPIPE"
}

# O23: the second one does not wait.
fire()
{
	local what=$1 address=$2 peer=$3 port=$4 gone
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	kv_begin "$address" "$port"
	k_player "fires$port" client1 apps/kv_client "$address" "$port"
	gone=$TAP_PID
	echo fire >&"$K_KEYS"
	tap_wait "$gone"
	tap_is "O23 $what: the second client fires, and is gone" "$? $(tail -n 1 "$TAP_TMP/fires$port.out")" \
		'0 10 requests sent, no answer read'
	# The client's kernel has heard that all of it was received, and keeps a minisocket for it.
	k_wait 1 type=state before=FIN_WAIT1 after=FIN_WAIT2
	echo count >&"$first_typed"
	k_says "first$port" '^0$' || tap_bail 'the first client is served'
	echo quit >&"$first_typed"
	tap_wait "$store"
	tap_is "O23 $what: SIGPIPE ends the store" $? 141
	tap_is "O23 $what: in its second answer" "$(grep -c '^request: count' "$TAP_TMP/store$port.out")" 3
	k_wait 1 type=signal signal=SIGPIPE
	k_stop
	k_sound "O23 $what"

	k_expect "O23 $what: ten requests leave in one segment, followed by a FIN" "
		call sendto pid=$gone ret=12 first_byte=1 next_byte=13 sent=none
		call sendto pid=$gone ret=12 first_byte=109 next_byte=121 as \$last
		journey $to payload=120 seq=1 id=\$last by=kv_client netns=$server as \$batch
		journey $to flags~FIN payload=0 seq=121 by=kv_client call=close netns=$server as \$fin
		call sendto pid=$gone x10; journey flow=\$batch.flow payload>0 from=client x1"
	k_expect "O23 $what: they wait in the accept queue, in CLOSE-WAIT: 120 bytes" "
		socket state=LISTEN lport=$port accept_queued=1
		{ queued $to payload=120 as \$batch
		state FIN_WAIT1 before=ESTABLISHED end=client pid=$gone flow=\$batch.flow call=close
		state CLOSE_WAIT before=ESTABLISHED end=server netns=$server comm=kv_store flow=\$batch.flow as \$waits
		state FIN_WAIT2 before=FIN_WAIT1 end=client flow=\$batch.flow
		socket id=\$batch.to state=CLOSE_WAIT rcv_queued=120 comm=kv_store }
		call recvfrom comm=kv_client ret>0 pid=$first
		journey flags~FIN from=client flow!=\$batch.flow as \$left
		call accept pid=$store flow=\$batch.flow ret>2 accept_before=1 ended>\$left.began as \$accept
		call recvfrom pid=$store fd=\$accept.ret read=\$batch ret>0"
	k_expect "O23 $what: the first answer is met by RST" "
		queued $to payload=120 as \$batch
		call accept pid=$store flow=\$batch.flow as \$accept
		call sendto pid=$store fd=\$accept.ret ret=13 errno=none signal=none flow=\$batch.flow as \$answer
		journey $from payload=13 seq=1 id=\$answer flow=\$batch.flow as \$first
		reset from=client flags=RST $to cause=\$first cause_kind=journey netns=$server as \$rst
		state CLOSE before=CLOSE_WAIT end=server cause=\$rst pid=$store"
	k_expect "O23 $what: the next one is EPIPE, and SIGPIPE ends the server" "
		reset told=call errno=EPIPE told_call=sendto told_to=kv_store as \$rst
		state CLOSE end=server cause=\$rst as \$state
		{ call sendto pid=$store ret=-1 errno=EPIPE signal=SIGPIPE error_from=\$rst sent=none flow=\$rst.flow hint~RST
		signal SIGPIPE pid=$store fatal call=sendto cause=\$rst socket=\$state.socket }
		call sendto pid=$store flow=\$rst.flow x2; signal SIGPIPE x1
		reset x1; no call errno=ECONNRESET; no drop; no retransmission"
}

second IPv4 10.0.1.1 10.0.1.2 8085
second IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8086
fire IPv4 10.0.1.1 10.0.1.2 8087
fire IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8088

tap_done
