#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O10: a datagram longer than its reader's buffer. And what nobody reads before the socket closes.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

cut()
{
	local what=$1 copied=$2 lost=$3 ret=$4
	k_is "$what: 40 bytes sent, $copied copied, $lost lost" 1 type=journey packet.payload=40 \
		fate.kind=queued "read.ret=$ret" "read.copied=$copied" "read.lost=$lost"
	k_is "$what: told by a line of its own too" 1 type=read journey.packet.payload=40 \
		"copied=$copied" "lost=$lost"
}

# echo_server asks with MSG_TRUNC how long the datagram was, so that its call returns 40.
k_server server apps/echo_server 5678
server=$TAP_PID
for address in 10.0.1.1 fd00:0:0:1::1; do
	k_start -p "$server"
	k_in client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 5678 1 40
	tap_wait_until grep -q 'read 16 of 40 bytes' "$TAP_TMP/server1.out"
	k_stop
	cut "O10 $address, reader followed" 16 24 40
	k_is "O10 $address, reader followed: its call" 1 type=call name=recvfrom ret=40 len=16 \
		read.packet.payload=40
	k_is "O10 $address, reader followed: only 16 go back" 1 type=call name=sendto ret=16 \
		journeys.packet.payload=16

	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 5678 1 40
	cut "O10 $address, sender followed" 16 24 40
done
tap_stop "$server"

# Without MSG_TRUNC the call returns what it copied.
for address in 10.0.1.1 fd00:0:0:1::1; do
	k_server server "$PYTHON" -IS tests/kernel/peer.py read "$address" 5678 1 16
	k_start -p "$TAP_PID" -n "${TOPO_PREFIX}ns_server"
	k_in client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 5678 1 40
	tap_wait_until grep -q 'read 16' "$TAP_TMP/server$((k_runs - 1)).out"
	k_stop
	cut "O10 $address, no MSG_TRUNC" 16 24 16

	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 5678 1 40
	k_is 'nobody reads, nobody closes: queued, and still waiting' 1 type=journey fate.kind=queued \
		read=null unread_at_close=false
	tap_stop "$TAP_PID"
done

tap_done
