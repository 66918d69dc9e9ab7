#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O10: a datagram longer than its reader's buffer: how many bytes were sent, copied and lost.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

# cut WHAT RET: of 40 bytes 16 are copied; RET is what the reading call returned
cut()
{
	k_sound "$1"
	k_expect "$1: 40 bytes sent, 16 copied, 24 lost" '
		queued payload=40 dport=5678 as $long
		read id=$long copied=16 cut=24; no drop dport=5678'
	k_is "$1: told by a line of its own too, with what the call returned" 1 type=read \
		journey.packet.payload=40 journey.fate.kind=queued "ret=$2" copied=16 lost=24
}

send()
{
	k_in client1 "$PYTHON" -IS tests/kernel/peer.py send "$1" 5678 1 "$2"
}

# echo_server asks with MSG_TRUNC how long the datagram was, so that its call returns 40.
for address in 10.0.1.1 fd00:0:0:1::1; do
	k_start --in "${TOPO_PREFIX}ns_server" -- apps/echo_server 5678
	tap_wait_until grep -q 'bound to' "$K_OUT"
	send "$address" 40
	send "$address" 7
	tap_wait_until grep -q 'read 7 of 7 bytes' "$K_OUT"
	k_stop_command
	cut "O10 $address" 40
	k_expect "O10 $address: the call asked for 16 and returned 40, and only 16 go back; what fits is not cut" '
		queued payload=40 dport=5678 as $long
		call recvfrom comm=echo_server ret=40 len=16 read=$long as $read
		call sendto comm=echo_server ret=16 began>$read.ended as $answer
		journey payload=16 sport=5678 id=$answer
		read payload=7 dport=5678 reader=echo_server copied=7 cut=0 as $short
		call recvfrom comm=echo_server ret=7 len=16 read=$short'
done

# Followed when it waits in its call already; then only its peer.
k_server server apps/echo_server 5678
log=$K_LOG
for address in 10.0.1.1 fd00:0:0:1::1; do
	[[ $address == *:* ]] && peer=fd00:0:0:1::2 || peer=10.0.1.2
	k_start -p "$K_SERVER"
	send "$address" 40
	tap_wait_until grep -q "16 of 40 bytes from .*$peer" "$log"
	k_stop
	cut "O10 $address, followed inside its call" 40
	k_expect "O10 $address, followed inside its call: that call" '
		call recvfrom ret=40 len=16 as $read; queued payload=40 id=$read.read x1'

	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 5678 1 40
	cut "O10 $address, sender followed" 40
done
tap_stop "$K_SERVER"

# Without MSG_TRUNC the call returns what it copied.
for address in 10.0.1.1 fd00:0:0:1::1; do
	k_server server "$PYTHON" -IS tests/kernel/peer.py read "$address" 5678 1 16
	k_start -n "${TOPO_PREFIX}ns_server"
	send "$address" 40
	tap_wait_until grep -q 'read 16' "$K_LOG"
	k_stop
	cut "O10 $address, no MSG_TRUNC" 16

	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 5678 1 40
	k_expect "O10 $address: nobody reads, nobody closes: it waits" '
		queued payload=40 read=no unread=no; no read; no unread; journey x1'
	tap_stop "$K_SERVER"
done

tap_done
