#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O27: a link is down. Where it is the sender's own side, the route is gone and the call fails; where it is the
# other side, the call succeeds, and the packet dies at the device without a carrier.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2

# link WHO DEV up|down
link()
{
	k_netns "$1"
	ip -n "$K_NETNS" link set "$2" "$3" || tap_bail "$2 $3"
}

# carrier WHO DEV 0|1: waits until the device knows of it
carrier()
{
	tap_wait_until has_carrier "$@" || tap_bail "carrier of $2"
}

# shellcheck disable=SC2317 # tap_wait_until calls it
has_carrier()
{
	[[ $(k_in "$1" cat "/sys/class/net/$2/carrier") == "$3" ]] || return 1
	# The queueing discipline follows a little later: linkwatch_event().
	[[ $3 == 1 || $(k_in "$1" cat "/sys/class/net/$2/operstate") != up ]]
}

# dies_at WHAT WHO NETNS DEV PATH ADDRESS: a datagram and a SYN die at that device
dies_at()
{
	local what=$1 who=$2 netns=$3 dev=$4 path=$5 address=$6
	local drop="dst=$address dport=8080 netns=$netns dev=$dev path='$path' \
		reason=QDISC_DROP|NOT_SPECIFIED function~dev_queue_xmit|kfree_skb_list why='$dev has no carrier: its other end is down'"

	k_run "$who" apps/time_client -t 0.2 "$address" 8080
	tap_is "$what: there is no answer" "$TAP_STATUS" 1
	k_sound "$what"
	k_expect "$what: the call succeeds, and the packet dies at the device: where and why" "
		call sendto comm=time_client ret=24 errno=none as \$send
		drop proto=UDP id=\$send $drop payload=24 by=time_client call=sendto ret=24 as \$datagram
		call recvfrom errno=EAGAIN error_from=none
		drop x1; no icmp; no told; no queued"
	k_is "$what: the remedy names the device" 1 type=journey packet.dport=8080 "fate.remedy~ip link show $dev"

	k_start -p $$
	k_netns "$who"
	tap_background nc ip netns exec "$K_NETNS" apps/simple_nc "$address" 8080
	k_wait 2+ type=journey packet.proto=TCP fate.kind=dropped || tap_bail "$what: two SYNs"
	tap_stop "$TAP_PID"
	k_stop
	k_expect "$what: TCP tries again by itself, and that dies there, too" "
		state SYN_SENT call=connect comm=simple_nc as \$syn_sent
		drop proto=TCP flags=SYN $drop call=connect retransmission=0 id=\$syn_sent.sent as \$syn
		drop proto=TCP flags=SYN $drop retransmission=1 of=\$syn timer~retransmission
		no state ESTABLISHED; no reset; no icmp"
}

# own WHAT ADDRESS: the sender's own device is down
own()
{
	local what=$1 address=$2

	k_run client2 apps/time_client -U -t 1 "$address" 8080
	tap_is "$what: the client fails" "$TAP_STATUS" 1
	k_expect "$what: the route went with the device: ENETUNREACH, and no packet" "
		call sendto comm=time_client ret=-1 errno=ENETUNREACH addr=$address sent=none \
			hint~'$client2 has no route to $address' hint~'ip link'
		no journey; no drop"
}

link client2 veth_c2 down
own 'O27 own side, IPv4' 10.0.2.1
own 'O27 own side, IPv6' fd00:0:0:2::1

# The other side of that, on the way from ns_client1: the router sends into a device without a carrier.
carrier server veth_srv_c2 0
dies_at 'O27 at the router, IPv4' client1 "$router" veth_srv_c2 \
	"$client1/veth_c1 > $router/veth_srv_c1 > $router/veth_srv_c2" 10.0.2.2
dies_at 'O27 at the router, IPv6' client1 "$router" veth_srv_c2 \
	"$client1/veth_c1 > $router/veth_srv_c1 > $router/veth_srv_c2" fd00:0:0:2::2

# And from the host beside it: only the router's side is down.
link server veth_srv_c1 down
carrier client1 veth_c1 0
dies_at 'O27 peer side, IPv4' client1 "$client1" veth_c1 "$client1/veth_c1" 10.0.1.1
dies_at 'O27 peer side, IPv6' client1 "$client1" veth_c1 "$client1/veth_c1" fd00:0:0:1::1

tap_done
