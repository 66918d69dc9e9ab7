#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A datagram that nobody reads before its socket closes was delivered: it is not a drop.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

for address in 10.0.1.1 fd00:0:0:1::1; do
	k_server server "$PYTHON" -IS tests/kernel/peer.py read "$address" 9000 1 100
	k_start -n "${TOPO_PREFIX}ns_server"
	k_in client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 9000 3 50
	tap_wait_until grep -q 'read 50' "$K_LOG"
	tap_stop "$K_SERVER"
	k_wait 2 type=unread
	k_stop
	k_sound "unread $address"
	k_is "unread $address: all three were queued, at one socket" 3 type=journey fate.kind=queued \
		"fate.socket=$(k_first fate.socket type=journey)"
	k_is "unread $address: the first was read" 1 type=journey read.copied=50 read.lost=0 \
		unread_at_close=false
	k_is "unread $address: the others were not, before the socket closed" 2 type=journey read=null \
		unread_at_close=true
	k_is "unread $address: a line of their own tells it" 2 type=unread journey.fate.kind=queued
	k_is "unread $address: nothing was dropped" 1 type=summary queued=3 read=1 unread_at_close=2 \
		dropped=0
done

tap_done
