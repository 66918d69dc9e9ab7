#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A datagram in three fragments: each is a journey of its own, the last one stands for the whole.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

# fragments WHAT ADDRESS BUFFER COPIED LOST
fragments()
{
	local what=$1 address=$2 buffer=$3 copied=$4 lost=$5

	k_server server "$PYTHON" -IS tests/kernel/peer.py read "$address" 9000 1 "$buffer"
	k_start -n "${TOPO_PREFIX}ns_server"
	k_in client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 9000 1 3000
	tap_wait_until grep -q "read $copied" "$K_LOG"
	k_stop
	tap_stop "$K_SERVER"
	k_sound "$what"
	k_is "$what: three packets, by one call" 3 type=journey packet.proto=UDP "packet.dst=$address" \
		cause.kind=call cause.call=sendto
	k_is "$what: the first has the ports" 1 type=journey packet.fragment.offset=0 \
		packet.fragment.later=false packet.dport=9000
	k_is "$what: two are put together with the last" 2 type=journey fate.kind=merged \
		fate.netns=ns_server
	k_is "$what: which is queued: $copied bytes copied, $lost lost" 1 type=journey fate.kind=queued \
		'packet.fragment.offset>2800' "read.copied=$copied" "read.lost=$lost"
	k_is "$what: nothing dropped" 1 type=summary merged=2 queued=1 dropped=0
}

for address in 10.0.1.1 fd00:0:0:1::1; do
	fragments "all of it, $address" "$address" 4000 3000 0
	fragments "cut, $address" "$address" 100 100 2900
done

tap_done
