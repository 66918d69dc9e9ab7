#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Relatives that a person makes seldom: segments that are cut from a larger one, and what goes to a group: to its
# sender too, and out of two devices of a router. Fragments: o_fragments.t; what a bridge floods: foreign_bridge.t;
# duplicates: o_netem.t; retransmissions: o_half_open.t and others.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2
server=${TOPO_PREFIX}ns_server
relatives=("$PYTHON" -IS tests/kernel/relatives.py)

# --- TCP leaves the cutting to a device that does not do it

if k_in client1 "$PYTHON" -IS tests/kernel/offload.py veth_c1 tso off 2>/dev/null; then
	k_server server "${relatives[@]}" sink 10.0.1.1 9009
	k_run client1 "${relatives[@]}" pour 10.0.1.1 9009 20000
	tap_stop "$K_SERVER"
	k_sound segments
	k_expect 'segments: the large one ends where it is cut, each part is of it' "
		journey proto=TCP dport=9009 len>1500 netns=$client1 fate=consumed why~'cut into segments' relation=none as \$whole
		journey proto=TCP dport=9009 len=1500 relation=segment of=\$whole netns=$server fate=queued
		no journey proto=TCP len<=1500 relation=segment of=none; no journey len>1500 relation=segment"
else
	tap_skip segments 'this kernel does not let veth change its offloads'
fi

# --- a group, by a router to two networks

ip link add veth_t netns "$client2" type veth peer name veth_srv_t netns "$server" || tap_bail 'a third link'
ip -n "$client2" address add 10.0.3.2/24 dev veth_t
ip -n "$server" address add 10.0.3.1/24 dev veth_srv_t
ip -n "$client2" link set veth_t up
ip -n "$server" link set veth_srv_t up
# shellcheck disable=SC2317 # called by tap_wait_until
third_is_up()
{
	[[ $(ip -n "$client2" -br link show dev veth_t) == *' UP '* ]]
}
tap_wait_until third_is_up || tap_bail 'the third link is up'

tap_background router ip netns exec "$server" "${relatives[@]}" router 239.1.1.1 veth_srv_c1 veth_srv_c2 veth_srv_t
router=$TAP_PID
k_says router ready || tap_bail 'the router of groups' "$(<"$TAP_TMP/router.err")"
k_run client1 "${relatives[@]}" send 239.1.1.1 9000
tap_stop "$router"
k_sound 'a group'
k_expect 'a group: its sender gets it back, and the router sends it by both devices' "
	call sendto ret=6 as \$send
	{ journey udp dst=239.1.1.1 call=sendto born_netns=$client1 netns=$client1 relation=looped as \$looped
	journey udp dst=239.1.1.1 id=\$looped.of call=sendto born_netns=$client1 netns=$client2 relation=none as \$sent }
	journey udp dst=239.1.1.1 relation=multicast of=\$sent duplicate_of=\$sent born_netns=$server netns=$client2 cause=\$sent
	journey udp dst=239.1.1.1 x3
	drop proto=UDP netns=$client2 why~'has not joined the group 239.1.1.1' x2"

tap_done
