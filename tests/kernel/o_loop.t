#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O30: two routers name each other as the way to a network: the packet goes round until its TTL is used up.
# Which router gives it up, how often it came by, and who is told.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2
# The router says: by ns_client2. That says: by the router, its default gateway.
ip -n "$router" route add 10.0.9.0/24 via 10.0.2.2 || tap_bail 'the route of the loop'
ip -n "$router" -6 route add fd00:0:0:9::/64 via fd00:0:0:2::2 || tap_bail 'the route of the loop'
k_in client2 sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || tap_bail 'a second router'
# A router that sends a packet back where it came from tells the sender of a better way.
for who in server client2; do
	for dev in all default veth_c2 veth_srv_c2; do
		k_in "$who" sysctl -qw "net.ipv4.conf.$dev.send_redirects=0" 2>/dev/null
	done
done
# fd00:... has no default gateway any more once ns_client2 is a router itself.
ip -n "$client2" -6 route replace default via fd00:0:0:2::1 || tap_bail 'the default gateway'

# loop WHAT ADDRESS CLIENT TTL WHERE VISITS NAME DEV BY: it dies in namespace WHERE when it comes there for the
# VISITS-th time, and BY reports it
loop()
{
	local what="O30 $1, TTL $4" address=$2 peer=$3 ttl=$4 where=$5 visits=$6 name=$7 dev=$8 by=$9
	local path="$client1/veth_c1 > $router/veth_srv_c1 > $router/veth_srv_c2" i

	for ((i = 2; i < ttl; i++)); do
		((i % 2)) && path+=" > $router/veth_srv_c2" || path+=" > $client2/veth_c2"
	done
	((ttl % 2)) && path+=" > $router/veth_srv_c2" || path+=" > $client2/veth_c2"

	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 8080 1 24 "$ttl"
	k_sound "$what"
	k_expect "$what: it goes round, and where it is given up, and why" "
		call sendto ret=24 errno=none addr=$address as \$send
		drop id=\$send src=$peer dst=$address ttl=$ttl netns=$where dev=$dev reason=IP_INHDR|NOT_SPECIFIED \
			function~forward path='$path' crossings=$ttl \
			why~'of $ttl was used up' why~'came to $where $visits times'
		drop x1; no queued"
	k_expect "$what: time exceeded, by that router, back to the sender" "
		drop dport=8080 as \$datagram
		icmp name=$name src=$by dst=$peer cause=\$datagram cause_text~built born_netns=$where netns=$client1 fate=consumed
		icmp x1"
	k_expect "$what: nobody is told: the socket is not connected" "
		told told=nobody told_why~'not connected' name=$name; told x1"
	k_is "$what: the remedy says what to compare" 1 type=journey packet.dport=8080 \
		'fate.remedy~ip route get' 'fate.remedy~each other'
}

loop IPv4 10.0.9.9 10.0.1.2 5 "$router" 3 TTL-exceeded veth_srv_c2 10.0.1.1
loop IPv4 10.0.9.9 10.0.1.2 6 "$client2" 3 TTL-exceeded veth_c2 10.0.2.2
loop IPv6 fd00:0:0:9::9 fd00:0:0:1::2 5 "$router" 3 hop-limit-exceeded veth_srv_c2 fd00:0:0:2::1
loop IPv6 fd00:0:0:9::9 fd00:0:0:1::2 6 "$client2" 3 hop-limit-exceeded veth_c2 fd00:0:0:2::2

# The same with a TTL that is too small for the way, and a socket that wants to hear of it.
short()
{
	local what="O30 $1, no loop" address=$2 name=$3

	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 8080 1 24 1
	k_expect "$what: a TTL of 1 ends at the first router, and that is no loop" "
		drop dst=$address ttl=1 netns=$router dev=veth_srv_c1 why~'of 1 was used up' why!~'came to' as \$datagram
		icmp name=$name cause=\$datagram"
}

short IPv4 10.0.2.2 TTL-exceeded
short IPv6 fd00:0:0:2::2 hop-limit-exceeded

tap_done
