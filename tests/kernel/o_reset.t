#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O20, O21, O26: a connection that breaks. Whether it does so by FIN or by RST, and whether a program
# hears of it by an errno or by a signal, depends on what was unread, and on what came before.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
# shellcheck disable=SC2317,SC2034 # functions that tap.sh calls by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
tap_need_program apps/byte_sink apps/simple_nc apps/random_server apps/random_client
server=${TOPO_PREFIX}ns_server
client=${TOPO_PREFIX}ns_client1

# accepted ADDRESS PORT: traces; a sink has accepted a client and waits before recv(). Sets sink, nc
# (processes) and typed (what is written there is the client's input).
accepted()
{
	local address=$1 port=$2 enter
	k_start -p $$
	k_player "sink$port" server apps/byte_sink "$port"
	sink=$TAP_PID enter=$K_KEYS
	k_says "sink$port" '^next: socket' || tap_bail 'byte_sink starts'
	echo >&"$enter"
	k_says "sink$port" '^next: listen' || tap_bail 'byte_sink binds'
	echo >&"$enter"
	k_says "sink$port" '^next: accept' || tap_bail 'byte_sink listens'
	k_player "nc$port" client1 apps/simple_nc "$address" "$port"
	nc=$TAP_PID typed=$K_KEYS
	k_says "nc$port" 'connected from' || tap_bail 'simple_nc connects'
	echo >&"$enter"
	k_says "sink$port" '^next: recv' || tap_bail 'byte_sink accepts'
}

# O20: killed with nothing unread.
killed()
{
	local what=$1 address=$2 peer=$3 port=$4
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	accepted "$address" "$port"
	tap_stop "$sink"
	tap_is "O20 $what: a signal ends the server" $? 143
	# Its FIN is acknowledged late, since nothing is there to be sent with the ACK.
	k_wait 1 type=state before=FIN_WAIT1 after=FIN_WAIT2
	echo one >&"$typed"
	k_says "nc$port" '^write\(\) = 4$' || tap_bail 'simple_nc writes'
	k_wait 1 type=state before=CLOSE_WAIT after=CLOSE
	echo second >&"$typed"
	tap_wait "$nc"
	tap_is "O20 $what: SIGPIPE ends the client" $? 141
	k_wait 1 type=signal signal=SIGPIPE
	k_stop
	k_sound "O20 $what"

	k_expect "O20 $what: the end of the server closes its connection: FIN, both state machines" "
		signal SIGTERM comm=byte_sink pid=$sink fatal as \$end
		state FIN_WAIT1 before=ESTABLISHED end=server netns=$server pid=$sink \
			cause_kind=call call=exit by=byte_sink began>=\$end.began as \$state
		journey flags=FIN+ACK $from payload=0 seq=1 ack=1 by=byte_sink call=exit flow=\$state.flow as \$fin
		state CLOSE_WAIT before=ESTABLISHED end=client netns=$client comm=simple_nc cause=\$fin
		journey flags=ACK $to payload=0 ack=2 as \$ack
		state FIN_WAIT2 before=FIN_WAIT1 end=server cause=\$ack"
	k_expect "O20 $what: and its listening socket" "
		state LISTEN pid=$sink as \$listen
		signal SIGTERM pid=$sink
		state CLOSE before=LISTEN socket=\$listen.socket pid=$sink by=byte_sink call=exit cause_kind=call"
	k_expect "O20 $what: the first write() works, and is answered by RST" "
		state FIN_WAIT2 end=server as \$state
		call write comm=simple_nc pid=$nc ret=4 errno=none signal=none first_byte=1 next_byte=5 \
			began>\$state.began as \$write
		journey $to payload=4 seq=1 ack=2 id=\$write netns=$server caused!=none as \$data
		reset flags=RST $from seq=2 from=server cause=\$data cause_kind=journey fate=consumed netns=$client as \$rst
		state CLOSE before=CLOSE_WAIT end=client cause=\$rst
		reset x1; no read payload=4"
	k_expect "O20 $what: the second one is EPIPE, and SIGPIPE, because of that RST; no packet is sent" "
		reset told=call told_call=write told_to=simple_nc errno=EPIPE as \$rst
		state CLOSE end=client cause=\$rst as \$state
		{ call write comm=simple_nc ret=-1 errno=EPIPE signal=SIGPIPE error_from=\$rst sent=none hint~RST \
			flow=\$rst.flow as \$write
		signal SIGPIPE comm=simple_nc pid=$nc fatal call=write fd=3 socket=\$state.socket cause=\$rst }
		call write pid=$nc x2; signal SIGPIPE x1"
	k_expect "O20 $what: ECONNRESET is nobody's; nothing is dropped or sent twice" "
		no call errno=ECONNRESET; no drop; no retransmission; no unread; no icmp"
}

# O21: killed with something unread.
unread()
{
	local what=$1 address=$2 peer=$3 port=$4
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	accepted "$address" "$port"
	echo unread >&"$typed"
	k_says "nc$port" '^write\(\) = 7$' || tap_bail 'simple_nc writes'
	k_wait 1+ type=socket local.port="$port" queues.rcv_queued=7
	tap_stop "$sink"
	k_wait 1 type=state before=ESTABLISHED after=CLOSE owner.comm=simple_nc
	echo more >&"$typed"
	tap_wait "$nc"
	tap_is "O21 $what: the client is told, without a signal" "$? $(<"$TAP_TMP/nc$port.err")" \
		'1 simple_nc: write: Connection reset by peer'
	k_stop
	k_sound "O21 $what"

	k_expect "O21 $what: RST instead of FIN, at once, because something was unread" "
		{ queued $to payload=7 seq=1 netns=$server owner=byte_sink as \$data
		socket id=\$data.to rcv_queued=7 state=ESTABLISHED }
		signal SIGTERM comm=byte_sink pid=$sink fatal as \$end
		{ state CLOSE before=ESTABLISHED end=server pid=$sink cause_kind=call call=exit flow=\$data.flow
		reset $from flags=RST+ACK seq=1 ack=8 from=server by=byte_sink call=exit cause_kind=call \
			cause_text~'7 B unread' socket=\$data.to flow=\$data.flow netns=$client as \$rst
		state CLOSE before=ESTABLISHED end=client netns=$client comm=simple_nc cause=\$rst }
		reset x1
		no journey flags~FIN; no state FIN_WAIT1; no state CLOSE_WAIT"
	k_expect "O21 $what: what was unread is lost with the socket" "
		unread $to payload=7 owner=byte_sink x1; no read"
	k_expect "O21 $what: the next write() is ECONNRESET, because of that RST" "
		reset told=call told_call=write told_to=simple_nc errno=ECONNRESET as \$rst
		call write comm=simple_nc pid=$nc ret=-1 errno=ECONNRESET signal=none error_from=\$rst sent=none \
			flow=\$rst.flow hint~RST
		call write pid=$nc x2
		no signal SIGPIPE; no call errno=EPIPE; no drop; no retransmission; no icmp"
}

# served ADDRESS PORT BYTES PAUSE OUTPUT: traces; a server sends to a client that writes to OUTPUT. Sets
# serves, gets (processes).
served()
{
	local address=$1 port=$2 bytes=$3 pause=$4 output=$5
	k_start -p $$
	k_player "server$port" server apps/random_server "$port"
	serves=$TAP_PID
	k_says "server$port" 'bound to' || tap_bail 'random_server starts'
	k_player "client$port" client1 sh -c 'exec apps/random_client "$@" >"$0"' "$output" \
		"$address" "$port" "$bytes" "$pause"
	gets=$TAP_PID
}

# The window is closed, and the server sleeps in a send() that has copied a part of its chunk. One that
# sleeps before the first byte has nothing to return: room is made, and it sleeps elsewhere.
stalled()
{
	local socket
	socket=$(k_in server ss -Htnoi "sport = :$1")
	[[ $socket == *'timer:(persist'* && $(awk '{ print $3 }' "/proc/$serves/stat") == S &&
		$socket =~ ^[A-Z]+\ +[0-9]+\ +([0-9]+)\ .*bytes_acked:([0-9]+) ]] || return 1
	(((BASH_REMATCH[1] + BASH_REMATCH[2]) % 1024)) ||
		{ head -c 40000 <&"$full" >/dev/null; return 1; }
}

# O26: a client that does not read, and is interrupted.
interrupted()
{
	local what=$1 address=$2 peer=$3 port=$4
	local to="src=$address sport=$port dst=$peer"

	served "$address" "$port" 1000000000 0 "$TAP_TMP/full"
	tap_wait_until stalled "$port" || tap_bail 'the transfer stalls'
	tap_stop "$gets"
	tap_wait "$serves"
	tap_is "O26 $what: SIGPIPE ends the server" $? 141
	tap_is "O26 $what: it was told before" "$(<"$TAP_TMP/server$port.err")" \
		'random_server: send: Connection reset by peer'
	tap_like "O26 $what: and the first one came back short" "$(tail -n 1 "$TAP_TMP/server$port.out")" \
		'^send\(\) = [0-9]+ of 1024$'
	k_wait 1+ type=signal signal=SIGPIPE
	k_stop
	k_sound "O26 $what"

	k_expect "O26 $what: RST in ESTABLISHED, because the client ends with bytes unread" "
		signal SIGTERM pid=$gets fatal
		{ state CLOSE before=ESTABLISHED end=client netns=$client pid=$gets call=exit cause_kind=call as \$end
		reset from=client dst=$address dport=$port flags=RST+ACK by=random_client call=exit cause_kind=call \
			cause_text~'B unread' flow=\$end.flow netns=$server as \$rst
		state CLOSE before=ESTABLISHED end=server netns=$server pid=$serves cause=\$rst }
		no journey flags~FIN"
	k_expect "O26 $what: the send() that was blocked returns what it had copied" "
		reset from=client as \$rst
		state CLOSE end=server cause=\$rst as \$state
		call sendto pid=$serves ret>0 ret<1024 len=1024 errno=none signal=none flow=\$rst.flow \
			began<\$rst.began ended>\$state.began as \$short
		call sendto pid=$serves ret=-1 errno=ECONNRESET signal=none error_from=\$rst sent=none hint~RST \
			began>\$short.ended as \$reset
		{ call sendto pid=$serves ret=-1 errno=EPIPE signal=SIGPIPE error_from=\$rst sent=none \
			began>\$reset.ended
		signal SIGPIPE pid=$serves fatal call=sendto cause=\$rst socket=\$state.socket }
		call sendto pid=$serves ret=-1 x2; call sendto pid=$serves ret>0 ret<1024 x1; signal SIGPIPE x1"
}

# O26: the client was interrupted with nothing unread: its FIN comes first, and SIGPIPE without a word.
after_fin()
{
	local what=$1 address=$2 peer=$3 port=$4

	served "$address" "$port" 1000000 200 /dev/null
	k_says "server$port" 'pause 200 ms' || tap_bail 'random_server serves'
	# Between two chunks, for as long as the test likes.
	tap_wait_until has_read "$port"
	kill -STOP "$serves"
	tap_wait_until is_stopped "$serves"
	tap_wait_until has_read "$port"
	tap_stop "$gets"
	k_wait 1 type=state after=CLOSE_WAIT
	kill -CONT "$serves"
	tap_wait "$serves"
	tap_is "O26 $what, after FIN: SIGPIPE ends the server" $? 141
	tap_is "O26 $what, after FIN: nothing is told before" "$(<"$TAP_TMP/server$port.err")" ''
	k_wait 1 type=signal signal=SIGPIPE
	k_stop
	k_sound "O26 $what, after FIN"

	k_expect "O26 $what, after FIN: the next send() works and is answered by RST, the one after is the end" "
		journey flags~FIN from=client by=random_client call=exit cause_kind=call netns=$server as \$fin
		state CLOSE_WAIT before=ESTABLISHED end=server cause=\$fin as \$wait
		call sendto pid=$serves ret=1024 errno=none signal=none began>\$wait.began as \$last
		journey payload=1024 from=server id=\$last as \$data
		reset from=client dst=$address dport=$port flags=RST cause=\$data cause_kind=journey as \$rst
		state CLOSE before=CLOSE_WAIT end=server cause=\$rst
		{ call sendto pid=$serves ret=-1 errno=EPIPE signal=SIGPIPE error_from=\$rst sent=none began>\$last.ended
		signal SIGPIPE pid=$serves fatal call=sendto cause=\$rst }
		call sendto pid=$serves began>\$wait.began x2; reset x1; no call errno=ECONNRESET"
}

is_stopped()
{
	[[ $(awk '{ print $3 }' "/proc/$1/stat") == T ]]
}

# Something has come to the client, and is read.
has_read()
{
	[[ $(k_in client1 ss -Htni "dport = :$1") =~ ^ESTAB\ +0\ .*bytes_received:[1-9] ]]
}

mkfifo "$TAP_TMP/full"
exec {full}<>"$TAP_TMP/full" # nobody reads it
killed IPv4 10.0.1.1 10.0.1.2 8080
killed IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8081
unread IPv4 10.0.1.1 10.0.1.2 8082
unread IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8083
interrupted IPv4 10.0.1.1 10.0.1.2 8084
interrupted IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8085
after_fin IPv4 10.0.1.1 10.0.1.2 8086
after_fin IPv6 fd00:0:0:1::1 fd00:0:0:1::2 8087

tap_done
