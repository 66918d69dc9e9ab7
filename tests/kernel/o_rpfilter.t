#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O32: the reverse path filter of a router drops what says to come from where an answer would not go back
# by the same device: a forged source, or a way there and another way back.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2

# filter MODE: 1 strict, 2 loose, 0 off; the larger of both counts
filter()
{
	k_in server sysctl -qw net.ipv4.conf.all.rp_filter="$1" net.ipv4.conf.veth_srv_c1.rp_filter="$1" ||
		tap_bail 'the sysctl rp_filter'
}

# says NAME SOURCE SIZE: a socket of ns_client1 that is bound to SOURCE sends to ns_client2
says()
{
	k_start -p $$
	k_player "$1" client1 "$PYTHON" -IS tests/kernel/peer.py talk 10.0.2.2 8080 "from=$2"
	k_says "$1" '^connected' || tap_bail "$1 talks" "$(<"$TAP_TMP/$1.err")"
	echo "$3" >&"$K_KEYS"
	k_says "$1" "^sent $3" || tap_bail "$1 sends"
	k_wait 1+ type=journey packet.dport=8080 fate.kind!=underway
	k_stop
	exec {K_KEYS}>&-
	tap_wait "$TAP_PID"
}

# dropped WHAT SOURCE SIZE WAY: where an answer would have gone
dropped()
{
	k_sound "O32 $1"
	k_expect "O32 $1: send() succeeds; the router drops it: where, why, and nobody is told" "
		call sendto ret=$3 errno=none as \$send
		drop id=\$send src=$2 dst=10.0.2.2 payload=$3 netns=$router dev=veth_srv_c1 \
			reason=IP_RPFILTER|NOT_SPECIFIED function~ip_rcv path='$client1/veth_c1 > $router/veth_srv_c1' \
			why~'$2' why~'veth_srv_c1' why~'reverse path filter' why~'$4' \
			no_route=rp_filter route_table=main
		drop x1; no icmp; no told; no queued"
	k_is "O32 $1: the remedy names the sysctl of that device, and the route to look at" 1 type=journey \
		packet.dport=8080 'fate.remedy~net.ipv4.conf.veth_srv_c1.rp_filter' "fate.remedy~ip route get $2"
}

k_server client2 "$PYTHON" -IS tests/kernel/peer.py hold 10.0.2.2 8080
# Addresses of ns_client1 that the router does not know, and one that it looks for on the other side.
for address in 10.0.7.7 10.0.2.77; do
	ip -n "$client1" addr add "$address/32" dev lo || tap_bail "address $address"
done

filter 1
says forged 10.0.2.77 11
dropped 'forged' 10.0.2.77 11 'leave by veth_srv_c2 (table main), not by veth_srv_c1'
says unknown 10.0.7.7 12
dropped 'no way back' 10.0.7.7 12 'no route leads back to that: nothing in table main'
says honest 10.0.1.2 13
k_expect 'O32: its own address passes' "
	queued src=10.0.1.2 payload=13 netns=$client2; no drop"

# Loosely it is enough that there is any way back.
filter 2
says loose 10.0.2.77 14
k_expect 'O32: the loose filter lets pass what any device leads back to' "
	queued src=10.0.2.77 payload=14 netns=$client2; no drop"
filter 0
says off 10.0.7.7 15
k_expect 'O32: without the filter it arrives' "
	queued src=10.0.7.7 payload=15 netns=$client2; no drop"

tap_done
