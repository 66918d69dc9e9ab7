#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O25: a slow reader closes the window; the sender's send() waits, and a timer asks for room. And what
# is sent again when nobody answers, until the connection is given up.
# shellcheck disable=SC2317,SC2016 # functions that tap.sh calls by name; inner shells expand
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_need_reasons
k_lab
tap_need_program apps/random_server apps/random_client
server=${TOPO_PREFIX}ns_server
client=${TOPO_PREFIX}ns_client1

# The window is closed, and the server sleeps in send().
stalled()
{
	k_in server ss -Htno "sport = :$1" | grep -q 'timer:(persist' &&
		[[ $(awk '{ print $3 }' "/proc/$serves/stat") == S ]]
}

# How often the timer has asked; the answers do not set it back. ss leaves out a zero.
backoff()
{
	local times
	times=$(k_in server ss -HtniO "sport = :$1" | sed -n 's/.* backoff:\([0-9]*\).*/\1/p')
	echo "${times:-0}"
}

# asks_again PORT TIMES: more often than that
asks_again()
{
	(($(backoff "$1") > $2))
}

# Reads what the client wrote, once it shall.
slow_reader()
{
	read -r <"$1" && exec cat "$2" >/dev/null
}

# O25
slow()
{
	local what=$1 address=$2 port=$3 start gets bytes=6000000
	local full=$TAP_TMP/full$port

	k_start -p $$
	k_player "server$port" server apps/random_server "$port"
	serves=$TAP_PID
	k_says "server$port" 'bound to' || tap_bail 'random_server starts'
	mkfifo "$full" "$TAP_TMP/start$port"
	exec {start}<>"$TAP_TMP/start$port"
	tap_background "reader$port" slow_reader "$TAP_TMP/start$port" "$full"
	k_player "client$port" client1 sh -c 'exec apps/random_client "$@" 1<>"$0"' "$full" \
		"$address" "$port" "$bytes"
	gets=$TAP_PID
	tap_wait_until stalled "$port" || tap_bail 'the transfer stalls'
	# One of the timer's questions comes while send() waits: on a slow machine others came before the buffer was full.
	tap_wait_until asks_again "$port" "$(backoff "$port")" || tap_bail 'the timer asks'
	# Four of them, each of which is answered: no.
	k_wait 4+ type=journey segment.window_probe=true caused.n=1
	echo go >&"$start"
	tap_wait "$gets"
	tap_is "O25 $what: all comes in the end" "$?" 0
	k_says "server$port" "^$bytes of $bytes bytes sent" || tap_bail 'random_server sends all'
	exec {start}>&-
	k_stop
	k_sound "O25 $what"

	k_expect "O25 $what: the receive buffer fills, and the window is closed" "
		flow client_comm=random_client server=$address sport=$port as \$flow
		journey zero_window from=client flags=ACK window=0 payload=0 flow=\$flow netns=$server
		socket comm=random_client pid=$gets flow=\$flow rcv_window=0 rcv_queued>30000 rcv_limit>30000"
	# The kernel lets the buffer grow with the congestion window: where all is slow, it closes at 160 kB.
	k_expect "O25 $what: the sender's buffer fills" "
		journey zero_window from=client as \$closed
		socket comm=random_server pid=$serves flow=\$closed.flow snd_window=0 snd_queued>100000 snd_limit>100000"
	k_expect "O25 $what: its send() waits until there is room" "
		journey zero_window from=client as \$closed
		journey window_probe from=server flow=\$closed.flow as \$first
		{ journey from=client flow=\$closed.flow window>0 zero_window=no flags=ACK began>\$first.ended as \$opened
		call sendto pid=$serves ret>0 len=1024 errno=none flow=\$closed.flow began<\$opened.began \
			ended>\$opened.began buffer_full=yes window_full=yes as \$waits
		journey window_probe from=server flow=\$closed.flow began>\$waits.began ended<\$opened.began }"
	k_expect "O25 $what: a timer asks whether the window has opened, less and less often; the answer is no" "
		journey window_probe from=server flags=ACK payload=0 cause_kind=timer timer='zero-window probe' \
			netns=$client as \$first
		journey zero_window from=client cause=\$first flags=ACK payload=0 netns=$server as \$no
		journey window_probe cause_kind=timer began>\$first.began+300ms as \$second
		journey zero_window from=client cause=\$second
		journey window_probe cause_kind=timer began>\$second.began+600ms as \$third
		journey zero_window from=client cause=\$third
		no journey window_probe from=client; no journey window_probe payload>0"
	k_expect "O25 $what: the reader reads, its kernel says so, and data comes again" "
		journey window_probe as \$probe
		journey from=client window>0 zero_window=no flags=ACK payload=0 cause_kind=call call=recvfrom by=random_client \
			began>\$probe.ended as \$opened
		journey from=server payload>0 cause=\$opened cause_kind=journey
		queued from=server payload>0 began>\$opened.began held_by=window owner=random_client
		call recvfrom pid=$gets ret>0 ended>\$opened.began
		no reset; no signal SIGPIPE"
	# A late ACK may provoke a retransmission; the receiver has those bytes already. What only
	# asks about the window is thrown away, too, and Linux 6.1 calls that TCP_INVALID_SEQUENCE.
	k_expect "O25 $what: nothing is lost: what was dropped had come before" "
		no drop retransmission=0 window_probe=no
		no drop window_probe=no reason!=TCP_OLD_DATA|TCP_OLD_SEQUENCE"
}

# What nobody answers. The rule is in ns_server, so that the segments arrive there and die.
silence()
{
	k_in server nft -f - <<-END
		table inet silence {
			chain in {
				type filter hook input priority 0;
				tcp dport $1 drop
			}
		}
	END
}

silence_over()
{
	k_in server nft delete table inet silence
}

# asked ADDRESS PORT TIMEOUT: traces; a client connects, and asks when nobody answers any more. It gives up
# after TIMEOUT ms, 0 for never. Sets asks (process) and keys (its keyboard).
asked()
{
	local address=$1 port=$2 timeout=$3

	k_start -p $$
	k_server server "$PYTHON" -IS tests/kernel/tcp_peer.py sink "$address" "$port"
	k_player "asks$port" client1 "$PYTHON" -IS tests/kernel/tcp_peer.py ask "$address" "$port" "$timeout"
	asks=$TAP_PID keys=$K_KEYS
	k_says "asks$port" connected || tap_bail 'the client connects'
	k_wait 1 type=state before=SYN_RECV after=ESTABLISHED
	silence "$port"
	echo hello >&"$keys"
}

# unanswered WHAT ADDRESS PEER PORT: nobody ever answers.
unanswered()
{
	local what=$1 address=$2 peer=$3 port=$4 asks keys
	local to="src=$peer dst=$address dport=$port"

	# Three times 0.2 s and its doubles fit: 1.4 s; the fourth would be after 3 s.
	asked "$address" "$port" 2000
	k_says "asks$port" 'recv: ' || tap_bail 'the client gives up'
	tap_is "$what: the client is told" "$(tail -n 1 "$TAP_TMP/asks$port.out")" 'recv: Connection timed out'
	silence_over
	k_stop
	k_sound "$what"
	exec {keys}>&-
	tap_stop "$K_SERVER"

	k_expect "$what: a segment and three retransmissions are four journeys, each dropped by the rule" "
		call sendto pid=$asks ret=6 first_byte=1 next_byte=7 as \$call
		journey $to payload=6 seq=1 retransmission=0 of=none id=\$call by~python cause_kind=call \
			fate=dropped netns=$server as \$first
		retransmission $to payload=6 seq=1 retransmission=1 of=\$first id!=\$first netns=$server as \$second
		retransmission $to payload=6 seq=1 retransmission=2 of=\$first id!=\$first netns=$server as \$third
		retransmission $to payload=6 seq=1 retransmission=3 of=\$first id!=\$first netns=$server
		retransmission x3
		drop NETFILTER_DROP $to netns=$server dev=veth_srv_c1 payload=6 seq=1 x4; drop x4"
	k_expect "$what: sent again by the retransmission timer, each time after twice as long" "
		retransmission retransmission=1 cause_kind=timer timer='retransmission timer' resent_after>=190ms
		retransmission retransmission=2 cause_kind=timer timer='retransmission timer' resent_after>=380ms
		retransmission retransmission=3 cause_kind=timer timer='retransmission timer' resent_after>=760ms
		retransmission resent_after<2s x3"
	k_expect "$what: in the end the timer closes the socket, and ETIMEDOUT names what was not answered" "
		journey $to payload=6 retransmission=0 as \$first
		retransmission retransmission=3 of=\$first
		state CLOSE before=ESTABLISHED end=client pid=$asks cause_kind=timer timer='retransmission timer'
		call recvfrom pid=$asks ret=-1 errno=ETIMEDOUT error_from=\$first hint!=none lasted>1.8s
		no icmp; no reset from=server; no state end=server before=ESTABLISHED"
}

# answered WHAT ADDRESS PEER PORT: after a while somebody does.
answered()
{
	local what=$1 address=$2 peer=$3 port=$4 asks keys
	local to="src=$peer dst=$address dport=$port"

	asked "$address" "$port" 0
	k_wait 1+ type=journey 'segment.retransmission>0' fate.kind=dropped
	silence_over
	tap_wait_until grep -q '^read 6' "$K_LOG" || tap_bail 'the server reads'
	tap_stop "$asks"
	k_wait 1 type=state before=ESTABLISHED after=FIN_WAIT1
	k_stop
	k_sound "$what"
	exec {keys}>&-
	tap_stop "$K_SERVER"

	k_expect "$what: the segment is dropped, a retransmission of it is queued and read, each byte once" "
		drop NETFILTER_DROP $to payload=6 seq=1 retransmission=0 as \$first
		drop NETFILTER_DROP $to payload=6 retransmission=1 of=\$first
		queued $to payload=6 seq=1 retransmission>1 of=\$first timer='retransmission timer' netns=$server as \$again
		call recvfrom comm~python ret=6 first_byte=1 next_byte=7 read=\$again|\$first
		journey from=server flags=ACK ack=7 payload=0 cause=\$again
		queued payload=6 x1; no call errno=ETIMEDOUT; no reset"
}

# Each question gets an answer, however soon after the one before it comes.
k_in client1 sysctl -qw net.ipv4.tcp_invalid_ratelimit=0
slow IPv4 10.0.1.1 8080
slow IPv6 fd00:0:0:1::1 8081

if ! command -v nft >/dev/null; then
	tap_skip 'retransmissions' 'nft (nftables) is not installed'
elif ! silence 1 2>/dev/null; then
	tap_skip 'retransmissions' 'this kernel has no nf_tables'
else
	silence_over
	# A tail loss probe would be the first to be sent again, and not after a timeout.
	k_in client1 sysctl -qw net.ipv4.tcp_early_retrans=0
	unanswered 'unanswered, IPv4' 10.0.1.1 10.0.1.2 8082
	unanswered 'unanswered, IPv6' fd00:0:0:1::1 fd00:0:0:1::2 8083
	answered 'answered late, IPv4' 10.0.1.1 10.0.1.2 8084
	answered 'answered late, IPv6' fd00:0:0:1::1 fd00:0:0:1::2 8085
fi

tap_done
