#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A datagram in three fragments: each is a journey of its own, the last one stands for the whole.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
server=${TOPO_PREFIX}ns_server

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
	k_expect "$what: three packets by one call; two are put together with the last, which is queued" "
		journey fragment offset=0 dst=$address dport=9000 fate=merged netns=$server
		journey fragment offset>0 dport=none fate=merged netns=$server
		queued fragment offset>2800 netns=$server as \$last
		read id=\$last copied=$copied cut=$lost
		journey fragment dst=$address cause_kind=call call=sendto x3
		journey x3; journey fate=merged x2; no drop"
}

for address in 10.0.1.1 fd00:0:0:1::1; do
	fragments "all of it, $address" "$address" 4000 3000 0
	fragments "cut, $address" "$address" 100 100 2900
done

tap_done
