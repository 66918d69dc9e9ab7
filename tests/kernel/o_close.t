#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O17, O19: a connection ends without a reset. Who closes first keeps it for a while in TIME_WAIT: the
# client, which does not mind, or a server that was killed, which cannot bind() its port again.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_host
tap_need_program apps/byte_sink apps/simple_nc
client=${TOPO_PREFIX}myns
server=${TOPO_PREFIX}myhost

# connected ADDRESS PORT: traces; a sink has accepted a client, that has sent a line, and has read it.
# Sets sink, nc (processes) and enter, typed (what is written there is their input).
connected()
{
	local address=$1 port=$2
	k_start -p $$
	k_player "sink$port" myhost apps/byte_sink "$port"
	sink=$TAP_PID enter=$K_KEYS
	echo >&"$enter"
	echo >&"$enter"
	k_says "sink$port" '^next: accept' || tap_bail 'byte_sink listens'
	k_player "nc$port" myns apps/simple_nc "$address" "$port"
	nc=$TAP_PID typed=$K_KEYS
	k_says "nc$port" 'connected from' || tap_bail 'simple_nc connects'
	echo 'a line' >&"$typed"
	k_says "nc$port" '^write\(\) = 7$' || tap_bail 'simple_nc writes'
	echo >&"$enter"
	echo >&"$enter"
	k_says "sink$port" '^recv\(\) = 7' || tap_bail 'byte_sink reads'
	# So that its ACK is not the one of the FIN that is to come.
	k_wait 1+ type=journey packet.proto=TCP segment.rel_ack=8
}

# moved END AFTER: waits until an end of the connection is in that state
moved()
{
	k_wait 1+ type=state "after=$2" "end=$1" flow!=null ||
		tap_bail "end $1 of the connection gets to $2" "$(<"$TAP_TMP/trace$k_runs.err")"
}

# time_waits WHO PORT: how many are in TIME_WAIT there, as others see it
time_waits()
{
	k_in "$1" ss -Htan state time-wait "( sport = :$2 or dport = :$2 )" | wc -l
}

# ladder WHAT REGEX...: the sequence diagram is 80 columns wide, and has such lines in this order
ladder()
{
	local what=$1
	shift
	tap_run env LC_ALL=C.UTF-8 "$TRACE" read "$K_REC" --ladder
	tap_check "$what: the ladder, in 80 columns" "$PYTHON" -IS -c '
import re, sys
lines = sys.argv[1].splitlines()
wide = [line for line in lines if len(line) > 80]
if wide:
    sys.exit("too wide:\n" + "\n".join(wide))
at = 0
for wanted in sys.argv[2:]:
    found = [i for i in range(at, len(lines)) if re.search(wanted, lines[i])]
    if not found:
        sys.exit(f"no line with {wanted} from line {at} on:\n" + sys.argv[1])
    at = found[0] + 1' "$TAP_OUT" "$@"
}

# client_first WHAT ADDRESS CLIENT PORT: O17
client_first()
{
	local what="O17 $1" address=$2 peer=$3 port=$4
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	connected "$address" "$port"
	exec {typed}>&- # the end of its input: the client closes
	tap_wait "$nc"
	# The FIN is acknowledged before the program has seen it.
	moved 0 FIN_WAIT2
	moved 1 CLOSE_WAIT
	echo >&"$enter"
	k_says "sink$port" '^recv\(\) = 0' || tap_bail 'byte_sink sees the end'
	echo >&"$enter"
	k_says "sink$port" '^close' || tap_bail 'byte_sink closes'
	moved 0 TIME_WAIT
	moved 1 CLOSE
	tap_is "$what: ss: TIME_WAIT at the client only" \
		"$(time_waits myns "$port") $(time_waits myhost "$port")" '1 0'
	k_stop
	exec {enter}>&-
	tap_wait "$sink"

	k_sound "$what"
	k_expect "$what: the client closes: FIN, and the server's kernel acknowledges it" "
		state FIN_WAIT1 before=ESTABLISHED end=client netns=$client comm=simple_nc cause_kind=call call=close as \$first
		journey flags=FIN+ACK $to seq=8 ack=1 payload=0 from=client by=simple_nc call=close netns=$server flow=\$first.flow as \$fin
		state CLOSE_WAIT before=ESTABLISHED end=server netns=$server comm=byte_sink cause=\$fin
		journey flags=ACK $from ack=9 payload=0 from=server as \$ack
		state FIN_WAIT2 before=FIN_WAIT1 end=client cause=\$ack"
	k_expect "$what: the server's recv() returns 0 for it" "
		journey flags=FIN+ACK from=client as \$fin
		call recvfrom comm=byte_sink ret=0 errno=none flow=\$fin.flow began>\$fin.began as \$end
		call recvfrom comm=byte_sink ret=0 x1
		no call recvfrom comm=byte_sink began>\$end.began"
	k_expect "$what: the server closes too: both machines come down" "
		state CLOSE_WAIT end=server as \$wait
		call recvfrom comm=byte_sink ret=0
		state LAST_ACK before=CLOSE_WAIT end=server comm=byte_sink cause_kind=call call=close
		journey flags=FIN+ACK $from seq=1 ack=9 payload=0 from=server by=byte_sink call=close netns=$client as \$fin
		state TIME_WAIT before=FIN_WAIT2 end=client netns=$client cause=\$fin inferred minisocket socket=none
		journey flags=ACK $to seq=9 ack=2 payload=0 cause=\$fin netns=$server as \$last
		state CLOSE before=LAST_ACK end=server cause=\$last inferred=no"
	k_expect "$what: each end goes through its states once, and only the first comes to TIME_WAIT" "
		state SYN_SENT as \$s
		state TIME_WAIT x1
		state end=client flow=\$s.flow x5
		state end=server flow=\$s.flow x5
		journey flags~FIN x2
		flow x1"
	k_expect "$what: nothing was dropped, reset or sent twice" "
		no drop; no reset; no retransmission; no refused; no icmp; no signal comm=byte_sink|simple_nc"
	ladder "$what" '^ *CLOSE +│.*│ LISTEN$' '^ *\S+ [µm]?s SYN_SENT +│─ #1 SYN.*│ \(SYN_RECV\)$' \
		' ESTABLISHED +│◀.* #2 SYN\+ACK' '#3 ACK 1 .*│ ESTABLISHED$' ' FIN_WAIT1 +│ close\(3\) (= 0|…)' \
		'─ #[0-9]+ FIN .*│ CLOSE_WAIT$' ' FIN_WAIT2 +│◀' '= 0, end of stream │' \
		'close\(4\) (= 0|…) +│ LAST_ACK$' ' \(?TIME_WAIT\)? +│' '▶│ CLOSE$'
}

# half_closed WHAT ADDRESS PORT: who only shuts down one direction keeps a socket until the FIN of the
# other comes. That this then leaves a minisocket is looked up in the kernel's table, if not at once
# (there, every program's are looked up, and not too many in a second).
half_closed()
{
	local what="half-closed, $1" address=$2 port=$3

	k_server myhost apps/byte_sink -a "$port"
	for _ in 1 2 3 4 5; do
		k_start -p $$
		k_in myns "$PYTHON" -IS -c '
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as sock:
    sock.sendall(b"a line")
    sock.shutdown(socket.SHUT_WR)
    sys.exit(sock.recv(1) != b"")' "$address" "$port" || tap_bail "$what: Python's socket"
		moved 0 TIME_WAIT
		moved 1 CLOSE
		k_stop
		(($(k_number type=state after=TIME_WAIT confirmed=true) == 0)) || break
	done
	k_sound "$what"
	# tcp_fin() sends the ACK for the other end first, then makes the minisocket: either may be seen first.
	k_expect "$what: both state machines" "
		call shutdown how=SHUT_WR ret=0 as \$shutdown
		state FIN_WAIT1 before=ESTABLISHED end=client call=shutdown
		journey flags=FIN+ACK from=client id=\$shutdown as \$first
		state CLOSE_WAIT end=server cause=\$first
		state LAST_ACK before=CLOSE_WAIT end=server call=close
		journey flags=FIN+ACK from=server call=close by=byte_sink as \$last
		{ state FIN_WAIT2 before=FIN_WAIT1 end=client
		state TIME_WAIT before=FIN_WAIT2 end=client cause=\$last inferred
		state CLOSE before=LAST_ACK end=server }"
	k_expect "$what: TIME_WAIT is inferred, and found in the kernel" "
		state TIME_WAIT end=client inferred confirmed minisocket socket=none
		state TIME_WAIT x1; no drop; no reset"
}

# server_killed WHAT ADDRESS CLIENT PORT: O19
server_killed()
{
	local what="O19 $1" address=$2 peer=$3 port=$4
	local to="src=$peer dst=$address dport=$port" from="src=$address sport=$port dst=$peer"

	connected "$address" "$port"
	tap_stop "$sink" KILL 2>/dev/null
	moved 1 FIN_WAIT2
	moved 0 CLOSE_WAIT
	exec {typed}>&- {enter}>&-
	tap_wait "$nc"
	moved 0 CLOSE
	moved 1 TIME_WAIT
	tap_is "$what: ss: TIME_WAIT at the server only" \
		"$(time_waits myns "$port") $(time_waits myhost "$port")" '0 1'
	tap_run ip netns exec "$server" apps/byte_sink -a "$port"
	tap_is "$what: it cannot be started again" "$TAP_STATUS $TAP_ERR" \
		'1 byte_sink: bind: Address already in use'
	k_stop

	k_sound "$what"
	k_expect "$what: with nothing unread, its kernel sends FIN, not RST" "
		call recvfrom comm=byte_sink ret=7 rcv_queued=0
		signal SIGKILL comm=byte_sink fatal
		state FIN_WAIT1 before=ESTABLISHED end=server netns=$server comm=byte_sink cause_kind=call call=exit as \$killed
		journey flags=FIN+ACK $from seq=1 ack=8 from=server by=byte_sink call=exit netns=$client as \$fin
		state CLOSE_WAIT before=ESTABLISHED end=client comm=simple_nc cause=\$fin
		journey flags=ACK $to ack=2 payload=0 from=client as \$ack
		state FIN_WAIT2 before=FIN_WAIT1 end=server cause=\$ack
		no reset"
	k_expect "$what: and the listener is closed with its process" "
		state FIN_WAIT1 before=ESTABLISHED end=server as \$killed
		state CLOSE before=LISTEN comm=byte_sink lport=$port call=exit began>\$killed.began"
	k_expect "$what: the client closes: TIME_WAIT at the server" "
		state CLOSE_WAIT end=client as \$wait
		state LAST_ACK before=CLOSE_WAIT end=client comm=simple_nc cause_kind=call call=close
		journey flags=FIN+ACK $to seq=8 ack=2 from=client by=simple_nc call=close netns=$server as \$fin
		state TIME_WAIT before=FIN_WAIT2 end=server netns=$server cause=\$fin inferred minisocket socket=none
		journey flags=ACK $from seq=2 ack=9 payload=0 cause=\$fin netns=$client as \$last
		state CLOSE before=LAST_ACK end=client cause=\$last
		state TIME_WAIT x1"
	k_expect "$what: bind() of the next one fails: EADDRINUSE, and why" "
		state TIME_WAIT end=server as \$state
		call bind comm=byte_sink ret=-1 errno=EADDRINUSE port=$port sent=none hint~TIME_WAIT hint~SO_REUSEADDR began>\$state.began
		call bind comm=byte_sink x2
		call listen comm=byte_sink x1"
	k_expect "$what: nothing was dropped, reset or sent twice" "
		no drop; no reset; no retransmission; no refused; no icmp; no signal comm=simple_nc"
	ladder "$what" 'killed by SIGKILL' 'by exit\(\) │ FIN_WAIT1$' ' CLOSE_WAIT +│◀.* FIN' '▶│ FIN_WAIT2$' \
		' LAST_ACK +│ close\(3\) (= 0|…)' ' FIN .*▶│ \(TIME_WAIT\)$' ' CLOSE +│◀.* ACK 9'
}

client_first IPv4 10.0.0.2 10.0.0.1 8080
client_first IPv6 fd00::2 fd00::1 8081
half_closed IPv4 10.0.0.2 8084
half_closed IPv6 fd00::2 8085
server_killed IPv4 10.0.0.2 10.0.0.1 8082
server_killed IPv6 fd00::2 fd00::1 8083

tap_done
