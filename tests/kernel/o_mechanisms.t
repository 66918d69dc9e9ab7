#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O50: through NAT, a bridge, a VLAN, MPLS and VXLAN a request is one journey, from the call that sent it to
# the queue of the server, and so is the answer. What is put before the packet, or changed in it, is told.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_need
k_attempts
export TOPO_PREFIX=k$$_
client=${TOPO_PREFIX}ns_client
server=${TOPO_PREFIX}ns_server
router=${TOPO_PREFIX}ns_router
bridge=${TOPO_PREFIX}ns_bridge

# lab NAME: its topology is up, and nobody has to ask for an address any more. Fails where the kernel cannot.
lab()
{
	[[ -z ${topo-} ]] || "topo/$topo.sh" down >/dev/null
	topo=$1
	tap_run "topo/$1.sh" up
	if [[ $TAP_ERR == *': this kernel '*' has no '* || $TAP_ERR == *' is missing: '* ]]; then
		tap_skip "$1" "${TAP_ERR#*: }"
		return 1
	fi
	((TAP_STATUS == 0)) || tap_bail "$1: the lab cannot be set up" "$TAP_ERR"
	tap_defer "topo/$1.sh" down
}

# met ADDRESS...: the client has heard of each, so that no ARP and ND comes between.
met()
{
	local address
	for address; do
		k_in client ping -n -c 1 -W 2 "$address" >/dev/null || tap_fail "$topo: ping $address"
	done
}

# talk WHAT ADDRESS: a request of ns_client to that address of ns_server, and the answer
talk()
{
	talk_between "$1" client "$2" server "$2"
}

# talk_between WHAT WHO ADDRESS WHERE BOUND: the server runs in WHERE, bound to BOUND
talk_between()
{
	what=$1
	k_server "$4" apps/time_server "$5" 8080
	k_run "$2" apps/time_client "$3" 8080
	tap_is "$what: the client is answered" "$TAP_STATUS" 0
	k_sound "$what"
	tap_stop "$K_SERVER"
}

# one REQUEST ANSWER: each is one journey, with what is said of it.
one()
{
	k_expect "O50 $what: the request is one journey, and so is the answer" "
		call sendto comm=time_client ret=24 as \$send
		read id=\$send udp by=time_client owner=time_server reader=time_server copied=24 cut=0 $1
		journey udp by=time_server owner=time_client read reader=time_client copied=24 cut=0 $2
		call recvfrom comm=time_client ret=24
		journey udp x2; no drop; no icmp; no unread"
}

# --- NAT: the addresses change, the packet does not

nat()
{
	local server_at=$1 client_at=$2 outside=$3 out="\\[$3\\]" in="\\[$2\\]"
	local there="$client/veth_c > $router/veth_r_c > $router/veth_r_s > $server/veth_s"
	local back="$server/veth_s > $router/veth_r_s > $router/veth_r_c > $client/veth_c"

	[[ $outside == *:* ]] || out=$outside in=$client_at
	one "born_netns=$client netns=$server path='$there' crossings=2 src=$client_at dst=$server_at dport=8080 \
			text~'*now from $out:*' now_src=$outside now_dst=$server_at now_dport=8080 conntrack=new" \
		"born_netns=$server netns=$client path='$back' crossings=2 src=$server_at dst=$outside sport=8080 \
			text~'*now to $in:*' now_src=$server_at now_dst=$client_at conntrack='established reply'"

	talk_between "$what, port forward" server "$outside" client "$client_at"
	one "born_netns=$server netns=$client path='$back' crossings=2 src=$server_at dst=$outside dport=8080 \
			text~'*now to $in:8080*' translated=yes now_dst=$client_at conntrack=new" \
		"born_netns=$client netns=$server path='$there' crossings=2 src=$client_at dst=$server_at sport=8080 \
			text~'*now from $out:8080*' translated=yes now_src=$outside conntrack='established reply'"
}
if lab nat; then
	met 10.0.2.2 fd00:0:0:2::2
	talk 'NAT, IPv4' 10.0.2.2
	nat 10.0.2.2 10.0.1.2 10.0.2.1
	talk 'NAT, IPv6' fd00:0:0:2::2
	nat fd00:0:0:2::2 fd00:0:0:1::2 fd00:0:0:2::1
fi

# same_network REQUEST ANSWER: between the addresses that bridge, VLAN and VXLAN give the ends
same_network()
{
	local version address=10.0.1.1 peer=10.0.1.2

	met 10.0.1.1 fd00:0:0:1::1
	for version in IPv4 IPv6; do
		talk "$topo, $version" "$address"
		one "born_netns=$client netns=$server src=$peer dst=$address dport=8080 $1" \
			"born_netns=$server netns=$client src=$address dst=$peer sport=8080 $2"
		address=fd00:0:0:1::1 peer=fd00:0:0:1::2
	done
}

# --- a bridge: in at one port, out at the other, without IP

if lab bridge; then
	same_network "crossings=2 stage=bridge-forward passes=$bridge \
			path='$client/veth_c > $bridge/veth_br_c > $bridge/veth_br_s > $server/veth_s'" \
		"crossings=2 stage=bridge-forward passes=$bridge \
			path='$server/veth_s > $bridge/veth_br_s > $bridge/veth_br_c > $client/veth_c'"
	k_expect 'O50 bridge: it does not route' "no journey udp stage=ip-forward; journey udp x2"
fi

# --- a VLAN: the tag is put on and taken off

if lab vlan; then
	if [[ $(k_way VLAN_IN) == function ]]; then
		same_network "crossings=1 stage=vlan-tag stage=vlan-untag put_on='vlan 100' taken_off='vlan 100' \
				path='$client/veth_c.100 > $client/veth_c > $server/veth_s > $server/veth_s.100'" \
			"crossings=1 stage=vlan-tag stage=vlan-untag put_on='vlan 100' taken_off='vlan 100' \
				path='$server/veth_s.100 > $server/veth_s > $client/veth_c > $client/veth_c.100'"
	else
		# What takes the tag off has returned before the next tracepoint, which may know no device.
		same_network "crossings=1 stage=vlan-tag put_on='vlan 100' \
				path~'$client/veth_c.100 > $client/veth_c > $server/veth_s'" \
			"crossings=1 stage=vlan-tag put_on='vlan 100' \
				path~'$server/veth_s.100 > $server/veth_s > $client/veth_c'"
		tap_skip 'O50 vlan: the tag is taken off' 'no function is probed here'
	fi
fi

# --- VXLAN: the frame travels in a datagram, and is one packet with it

if lab vxlan; then
	same_network "crossings=1 text~'inside UDP 10.0.0.2:' text~'10.0.0.1:4789, VXLAN 42' \
			put_on='vxlan 42' taken_off='vxlan 42' stage=encapsulate stage=decapsulate \
			path='$client/vxlan_c > $client/veth_c > $server/veth_s > $server/vxlan_s'" \
		"crossings=1 text~'inside UDP 10.0.0.1:' text~'10.0.0.2:4789, VXLAN 42' \
			put_on='vxlan 42' taken_off='vxlan 42' stage=encapsulate stage=decapsulate \
			path='$server/vxlan_s > $server/veth_s > $client/veth_c > $client/vxlan_c'"
	k_expect 'O50 vxlan: the datagram around it is no journey of its own' "no journey port=4789; journey udp x2"
fi

# --- MPLS: a label is pushed, swapped and popped

mpls()
{
	one "born_netns=$client netns=$server path='$client/veth_c > $router/veth_r_c > $router/veth_r_s > $server/veth_s > $server/lo' \
			src=$2 dst=$1 dport=8080 stage=mpls-push stage=mpls-forward text~'label 100' text~'label 101'" \
		"born_netns=$server netns=$client path='$server/veth_s > $router/veth_r_s > $router/veth_r_c > $client/veth_c > $client/lo' \
			src=$1 dst=$2 sport=8080 stage=mpls-push stage=mpls-forward text~'label 200' text~'label 201'"
	k_expect "O50 $what: nobody routes it by its address in between" "no journey udp stage=ip-forward; journey udp x2"
}
if lab mpls; then
	met 10.0.2.2 fd00:0:0:2::2
	talk 'MPLS, IPv4' 10.0.2.2
	mpls 10.0.2.2 10.0.1.2
	talk 'MPLS, IPv6' fd00:0:0:2::2
	mpls fd00:0:0:2::2 fd00:0:0:1::2
fi

tap_done
