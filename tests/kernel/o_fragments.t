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
		journey fragment offset=0 dst=$address dport=9000 fate=merged netns=$server relation=none as \$first
		journey fragment offset>0 dport=none fate=merged netns=$server relation=fragment of=\$first \
			merged_into=\$first.merged_into
		queued fragment offset>2800 netns=$server relation=fragment of=\$first id=\$first.merged_into \
			merged_into=none as \$last
		read id=\$last copied=$copied cut=$lost
		journey fragment dst=$address cause_kind=call call=sendto x3
		journey x3; journey fate=merged x2; no drop"
}

for address in 10.0.1.1 fd00:0:0:1::1; do
	fragments "all of it, $address" "$address" 4000 3000 0
	fragments "cut, $address" "$address" 100 100 2900
done

# A router cuts what is longer than the next device takes.
client2=${TOPO_PREFIX}ns_client2
ip -n "$server" link set veth_srv_c2 mtu 1000
ip -n "$client2" link set veth_c2 mtu 1000
k_run client1 ping -n -c 1 -W 2 -M dont -s 1400 10.0.2.2
tap_is 'cut by a router: ping is answered' "$TAP_STATUS" 0
k_sound 'cut by a router'
k_expect 'cut by a router: the whole one ends there, its fragments go on and are put together with the last' "
	icmp name='echo request' fragment=no by=ping call=sendto fate=consumed netns=$server function=ip_do_fragment|none \
		why~'cut into fragments' caused!=none as \$whole
	journey fragment offset=0 relation=fragment of=\$whole cause=\$whole born_netns=$server netns=$client2 fate=merged as \$first
	journey fragment offset>0 relation=fragment of=\$whole cause=\$whole born_netns=$server netns=$client2 fate=consumed \
		id=\$first.merged_into as \$last
	icmp name='echo reply' cause=\$last fragment offset=0 fate=merged as \$reply
	queued fragment offset>0 cause=\$last relation=fragment of=\$reply id=\$reply.merged_into owner=ping
	read reader=ping; journey x5; no drop"
tap_done
