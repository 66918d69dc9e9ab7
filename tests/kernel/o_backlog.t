#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O18: a client that is gone before accept(), and more clients than listen() has room for: nobody is
# told that they are refused, by no RST and no event, so it is concluded; the kernel counts them too.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
# shellcheck disable=SC2034 # set by one function for another
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_host
tap_need_program apps/byte_sink apps/simple_nc
client=${TOPO_PREFIX}myns
server=${TOPO_PREFIX}myhost

# overflows: how many segments full accept queues have refused there, as the kernel counts
overflows()
{
	k_in myhost cat /proc/net/netstat | awk '
		$1 == "TcpExt:" && !names { names = split($0, name); next }
		$1 == "TcpExt:" { split($0, value); for (i in name) if (name[i] == "ListenOverflows") print value[i] }'
}

# listening PORT: a sink that stops before accept(). Sets sink, enter.
listening()
{
	k_player "sink$1" myhost apps/byte_sink "$1"
	sink=$TAP_PID enter=$K_KEYS
	echo >&"$enter"
	echo >&"$enter"
	k_says "sink$1" '^next: accept' || tap_bail 'byte_sink listens'
}

# connected NAME ADDRESS PORT: a client that has connected and waits. Sets nc, typed.
connected()
{
	k_player "$1" myns apps/simple_nc "$2" "$3"
	nc=$TAP_PID typed=$K_KEYS
	k_says "$1" 'connected from' || tap_bail "$1 connects"
}

# gone WHAT ADDRESS CLIENT PORT: a client that has sent a line and closed before accept()
gone()
{
	local what="gone before accept(), $1" address=$2 peer=$3 port=$4
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	k_start -p $$
	listening "$port"
	k_in myns apps/simple_nc "$address" "$port" <<<'a line' >"$TAP_TMP/gone.out"
	k_wait 1+ type=state after=FIN_WAIT2
	for _ in accept recv recv close; do
		echo >&"$enter"
	done
	k_says "sink$port" '^close' || tap_bail 'byte_sink serves it'
	k_wait 1+ type=state before=LAST_ACK after=CLOSE
	k_stop
	exec {enter}>&-
	tap_wait "$sink"

	k_sound "$what"
	k_expect "$what: connected, its line taken, and closed, while nobody accepts" "
		state ESTABLISHED end=server netns=$server as \$done
		socket state=LISTEN lport=$port accept_queued=1 accept_limit=1 comm=byte_sink
		queued $to payload=7 by=simple_nc call=write as \$data
		state FIN_WAIT1 end=client call=close comm=simple_nc
		journey flags=FIN+ACK $to seq=8 from=client as \$fin
		state CLOSE_WAIT before=ESTABLISHED end=server cause=\$fin
		state FIN_WAIT2 end=client as \$left
		call accept comm=byte_sink ret>2 accept_before=1 accept_queued=0 sent=none addr=$peer flow=\$done.flow began>\$left.began"
	k_expect "$what: accept() hands it out all the same: the line, and then its end" "
		queued $to payload=7 as \$data
		call accept comm=byte_sink as \$accept
		call recvfrom comm=byte_sink fd=\$accept.ret ret=7 rcv_queued=0 read=\$data
		call recvfrom comm=byte_sink fd=\$accept.ret ret=0
		state LAST_ACK end=server comm=byte_sink call=close
		journey flags=FIN+ACK $from from=server
		no drop; no reset; no refused; no retransmission"
}

# full WHAT ADDRESS CLIENT PORT: listen(1) has room for two, three come
full()
{
	local what="full, $1" address=$2 peer=$3 port=$4 before refused
	local to="src=$peer dst=$address dport=$port"

	before=$(overflows)
	k_start -p $$
	listening "$port"
	connected "first$port" "$address" "$port"
	connected "second$port" "$address" "$port"
	k_wait 1+ type=socket state=LISTEN queues.accept_queued=2 || tap_bail 'two wait'
	k_player "third$port" myns apps/simple_nc "$address" "$port"
	nc=$TAP_PID
	# A minute later it would give up. Before that a place becomes free.
	k_wait 3+ type=journey fate.kind=refused ||
		tap_bail "$what: refused" "$(<"$TAP_TMP/third$port.err")"
	echo >&"$enter"
	k_says "third$port" 'connected from' || tap_bail 'the third client connects'
	k_stop
	refused=$(k_number type=journey fate.kind=refused)
	tap_is "$what: as many as ListenOverflows" "$refused" "$(($(overflows) - before))"
	tap_check "$what: those and no more" test "$refused" -ge 3
	exec {enter}>&-
	tap_wait "$sink"

	k_sound "$what"
	k_expect "$what: two wait, one more than listen() was asked for" "
		call listen comm=byte_sink backlog=1 ret=0
		socket state=LISTEN lport=$port accept_queued=1 accept_limit=1
		socket state=LISTEN lport=$port accept_queued=2 accept_limit=1 as \$full
		refused began>\$full.began"
	k_expect "$what: the SYN of the third is refused, and why" "
		state SYN_SENT end=client call=connect comm=simple_nc as \$third
		refused flags=SYN $to id=\$third.sent fate=refused inferred netns=$server dev=veth0 reason=none \
			why~byte_sink why~':$port is full: 2 of 2' by=simple_nc call=connect as \$syn
		no state SYN_RECV cause=\$syn
		no journey cause=\$syn
		no drop; no reset; no icmp"
	k_expect "$what: its kernel tries again by itself, and is refused again" "
		refused retransmission=0 flags=SYN as \$syn
		refused retransmission=1 of=\$syn flags=SYN flow=\$syn.flow cause_kind=timer timer~retransmission resent_after>500ms resent_after<30s
		refused retransmission=2 of=\$syn flags=SYN flow=\$syn.flow cause_kind=timer timer~retransmission resent_after>500ms resent_after<30s
		refused x$refused
		no refused retransmission=0 id!=\$syn"
	k_expect "$what: until there is room" "
		refused retransmission=0 as \$syn
		refused retransmission=2
		call accept comm=byte_sink accept_before=2 accept_queued=1 sent=none as \$accept
		retransmission flags=SYN of=\$syn retransmission=$refused fate=consumed began>\$accept.began as \$again
		state SYN_RECV end=server cause=\$again flow=\$syn.flow
		journey flags=SYN+ACK cause=\$again
		state ESTABLISHED end=client flow=\$syn.flow
		call connect comm=simple_nc ret=0 flow=\$syn.flow lasted>1s began<\$accept.began
		retransmission x$refused"
}

# The last segment of a handshake is refused as well, if the queue became full while it was on its way.
# A client of nobody's kernel: 10.0.0.77 is no host.
refused_ack()
{
	local what='refused ACK' port=8084 before refused mac

	k_neighbour myhost veth0 myns veth1 10.0.0.77
	mac=$(k_in myhost cat /sys/class/net/veth0/address)
	before=$(overflows)
	k_start -n "$server"
	listening "$port"
	tap_run ip netns exec "$client" "$PYTHON" -IS tests/kernel/handshakes.py veth1 "$mac" \
		10.0.0.77 10.0.0.2 "$port" syn1 syn2 ack1 syn3 ack2 ack3 data3
	tap_is "$what: the handshakes" "$TAP_STATUS $TAP_ERR" '0 '
	k_stop
	refused=$(k_number type=journey fate.kind=refused)
	tap_is "$what: as many as ListenOverflows" "$refused" "$(($(overflows) - before))"
	exec {enter}>&-
	tap_wait "$sink"

	k_sound "$what"
	k_expect "$what: three are half open, two connected, the queue is full" "
		state SYN_RECV end=server x3
		state ESTABLISHED before=SYN_RECV end=server x2
		journey flags=SYN dport=$port sport=40003 fate=consumed as \$syn
		journey flags=SYN+ACK cause=\$syn
		journey flags=ACK sport=40002 as \$second
		state ESTABLISHED cause=\$second as \$full
		refused began>\$full.began"
	k_expect "$what: the third's ACK is refused, and the data that came after it" "
		journey flags=SYN+ACK dport=40003 sport=$port as \$synack
		refused flags=ACK sport=40003 ack=1 payload=0 flow=\$synack.flow netns=$server dev=veth0 why~'full: 2 of 2'
		refused flags=PSH+ACK sport=40003 payload=5 flow=\$synack.flow netns=$server why~'full: 2 of 2'
		refused x2
		no state before=SYN_RECV flow=\$synack.flow
		no reset"
}

gone IPv4 10.0.0.2 10.0.0.1 8080
gone IPv6 fd00::2 fd00::1 8081
full IPv4 10.0.0.2 10.0.0.1 8082
full IPv6 fd00::2 fd00::1 8083
refused_ack

tap_done
