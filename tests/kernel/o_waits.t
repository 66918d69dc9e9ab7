#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What waited, and for whom: the reader that was blocked, asleep or elsewhere when a datagram was queued; the bytes
# that TCP kept back after they were written, and why.
# shellcheck disable=SC2317 # functions that tap.sh calls by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
asleep=elsewhere
[[ $(k_way WAKEUP) != tracepoint ]] || asleep=asleep

# datagram ADDRESS PORT
datagram()
{
	k_in client1 "$PYTHON" -IS tests/kernel/peer.py send "$1" "$2" 1 50
}

# Is PID in a call that waits?
sleeps()
{
	[[ $(awk '{ print $3 }' "/proc/$1/stat") == S ]]
}

# The program has said for the second time that it will read, and sleeps.
blocked()
{
	(($(grep -c reading "$TAP_TMP/told$2.out") == 2)) && sleeps "$1"
}

# readers WHAT ADDRESS PORT: and the port after it
readers()
{
	local what=$1 address=$2 port=$3 other=$(($3 + 1))

	k_start -p $$
	k_player "told$port" server "$PYTHON" -IS tests/kernel/wait_peer.py told "$address" "$port"
	local told=$TAP_PID keys=$K_KEYS
	k_player "poll$port" server "$PYTHON" -IS tests/kernel/wait_peer.py poll "$address" "$other"
	local polls=$TAP_PID
	k_says "told$port" bound || tap_bail 'the reader starts'
	k_says "poll$port" bound || tap_bail 'the reader that polls starts'

	tap_wait_until sleeps "$polls"
	datagram "$address" "$other"
	k_says "poll$port" 'read 50'
	# queued while its reader waits for a word from us
	datagram "$address" "$port"
	k_wait 1 type=journey fate.kind=queued packet.dport="$port"
	echo go >&"$keys"
	k_says "told$port" 'read 50'
	# and while it waits for a datagram
	echo go >&"$keys"
	tap_wait_until blocked "$told" "$port"
	datagram "$address" "$port"
	k_wait 2+ type=read "task.pid=$told"
	k_stop
	k_sound "$what"
	tap_stop "$told"
	tap_stop "$polls"

	k_expect "$what: the reader was elsewhere, and called only then" "
		journey dport=$port read_call=recvfrom reader_was=elsewhere waited>1ms as \$first
		call recvfrom pid=$told read=\$first began>\$first.ended"
	k_expect "$what: the reader was blocked in the call that read it" "
		journey dport=$port reader_was=elsewhere as \$first
		journey dport=$port read_call=recvfrom reader_was=blocked began>\$first.ended as \$second
		call recvfrom pid=$told read=\$second began<\$second.ended"
	k_expect "$what: the reader was asleep in another call, poll()" "
		journey dport=$other reader_was=$asleep read_call=recvfrom as \$it
		call recvfrom pid=$polls read=\$it began>\$it.ended"
}

# held WHAT ADDRESS PORT
held()
{
	local what=$1 address=$2 port=$3

	k_server server "$PYTHON" -IS tests/kernel/wait_peer.py echo "$address" "$port"
	k_start -p $$
	k_player "write$port" client1 "$PYTHON" -IS tests/kernel/wait_peer.py write "$address" "$port"
	local writes=$TAP_PID keys=$K_KEYS
	k_says "write$port" connected || tap_bail 'the writer connects'
	# Both ask and answer: the server's kernel hopes to send its ACK with an answer, and delays it.
	echo '5 recv' >&"$keys"
	k_says "write$port" 'read 5'
	echo '1 2' >&"$keys"
	tap_wait_until grep -q 'total 3' "$K_LOG"
	echo 'cork 7' >&"$keys"
	k_says "write$port" 'done cork 7'
	echo 'uncork' >&"$keys"
	tap_wait_until grep -q 'total 10' "$K_LOG"
	k_stop
	k_sound "$what"
	tap_stop "$writes"
	tap_stop "$K_SERVER"

	k_expect "$what: a short segment waits for the ACK of one before it, which the peer delays: Nagle" "
		call sendto pid=$writes ret=1 as \$one
		{ journey id=\$one payload=1 held=none as \$first
		call sendto pid=$writes ret=2 began>\$one.ended as \$two }
		journey payload=0 flags=ACK cause_kind=timer timer='delayed ACK timer' began>\$first.ended as \$ack
		journey payload=2 from=client cause=\$ack held>10ms held_by=nagle held_delayed_ack=yes \
			began>\$two.ended text~\"Nagle's algorithm\""
	k_expect "$what: what is corked waits until it is not" "
		call sendto pid=$writes ret=7 as \$corked
		journey payload=7 from=client held_by=cork held_delayed_ack=no began>\$corked.ended"
}

readers 'reader, IPv4' 10.0.1.1 9000
readers 'reader, IPv6' fd00:0:0:1::1 9002
held 'writer, IPv4' 10.0.1.1 9100
held 'writer, IPv6' fd00:0:0:1::1 9101
tap_done
