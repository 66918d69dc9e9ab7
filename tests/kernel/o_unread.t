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
	k_expect "unread $address: three were queued at one socket; the first was read, the others were not" "
		queued payload=50 dst=$address to!=none netns=${TOPO_PREFIX}ns_server owner~python as \$first
		read id=\$first copied=50 cut=0 unread=no
		unread to=\$first.to read=no fate=queued id!=\$first
		unread to=\$first.to read=no fate=queued x2
		queued to=\$first.to x3; read x1; unread x2; no drop"
	k_is "unread $address: the summary agrees" 1 type=summary queued=3 read=1 unread_at_close=2 dropped=0
done

tap_done
