#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs that nobody here wrote, and tcpdump at each device beside them: dig and dnsmasq, ping, traceroute,
# through a router. Each packet that was captured is in one journey, and each journey has a fate.
# shellcheck disable=SC2016,SC2317 # the names in expectations are not the shell's; functions called by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=witness_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/witness_lib.sh"

witness_need
k_lab_cold
witness_of client1/veth_c1=server/veth_srv_c1 client2/veth_c2=server/veth_srv_c2
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2
server=${TOPO_PREFIX}ns_server
for who in client1 server client2; do
	k_in "$who" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
done

whole_mark()
{
	mark_by client1 "$1" 10.0.2.2
	mark_by client1 "$1" fd00:0:0:2::2 # so that both neighbours are known
}

has()
{
	command -v "$1" >/dev/null || {
		tap_skip "$1" "$1 is not installed"
		return 1
	}
}

# Its threads have names of their own in BIND 9.18, not in 9.20.
dig='isc-net|dig'

# ---- dig and dnsmasq ----

serves()
{
	[[ $(k_in server ss -Hlun 'sport = :53' | wc -l) == 2 ]]
}

# dig_at ADDRESS OPTION...: one question, one try
dig_at()
{
	local at=$1
	shift
	tap_run ip netns exec "$client1" dig +tries=1 +time=30 +short "$@" "@$at" name.test A
}

# asked WHAT ADDRESS PEER: what became of the question there, which was answered
asked()
{
	k_expect "$1: the query is read by dnsmasq, and its answer by dig" "
		queued proto=UDP src=$3 dst=$2 dport=53 by~$dig born_netns=$client1 netns=$server reader=dnsmasq as \$query
		queued proto=UDP src=$2 dst=$3 sport=53 by=dnsmasq cause_kind=call born_netns=$server netns=$client1 \
			reader~$dig cut=0
		no drop src=$2 dport!=9; no drop dst=$2"
}

# refused WHAT ADDRESS PEER: nobody listens there
refused()
{
	k_expect "$1, refused: no socket, an ICMP error of that, and dig hears of it" "
		drop proto=UDP src=$3 dst=$2 dport=53 by~$dig netns=$client2 reason=$(k_reason NO_SOCKET) as \$query
		icmp cause=\$query src=$2 name~'port unreachable' born_netns=$client2 netns=$client1 \
			told_to~$dig errno=ECONNREFUSED"
}

names()
{
	whole_begin
	tap_background dnsmasq ip netns exec "$server" dnsmasq -k -C /dev/null --no-resolv --no-hosts \
		--user=root --group=root --pid-file= --bind-interfaces --except-interface=lo \
		--listen-address=10.0.1.1 --listen-address=fd00:0:0:1::1 --address=/name.test/192.0.2.7
	tap_wait_until serves || tap_bail 'dnsmasq starts' "$(<"$TAP_TMP/dnsmasq.err")"
	for address in 10.0.1.1 fd00:0:0:1::1; do
		dig_at "$address"
		tap_is "dig, $address: the answer" "$TAP_STATUS $TAP_OUT" '0 192.0.2.7'
		dig_at "$address" +tcp
		tap_is "dig, $address: and by TCP" "$TAP_STATUS $TAP_OUT" '0 192.0.2.7'
	done
	for address in 10.0.2.2 fd00:0:0:2::2; do
		dig_at "$address"
		tap_like "dig, $address: refused" "$TAP_STATUS $TAP_OUT" '^[1-9].*refused'
	done
	whole_end 'dig and dnsmasq'
	asked 'dig, IPv4' 10.0.1.1 10.0.1.2
	asked 'dig, IPv6' fd00:0:0:1::1 fd00:0:0:1::2
	refused 'dig, IPv4' 10.0.2.2 10.0.1.2
	refused 'dig, IPv6' fd00:0:0:2::2 fd00:0:0:1::2
	tap_stop "$TAP_PID"
}

if has dig && has dnsmasq; then
	names
fi

# ---- ping ----

# pinged WHAT ADDRESS PEER PROTO REPLY REQUEST
pinged()
{
	k_is "$1: each request is answered by the kernel, because of it, and each answer read" 2 type=journey \
		packet.src="$2" packet.dst="$3" packet.icmp.type="$5" packet.payload=56 fate.kind=queued read.task.comm=ping \
		cause.journey.packet.icmp.type="$6" cause.journey.cause.call=sendto cause.journey.cause.task.comm=ping
	k_expect "$1, too large for a packet: in fragments, of which one answer is made" "
		journey x3 src=$3 dst=$2 fragment=yes by=ping netns=$client2; journey x3 src=$2 dst=$3 fragment=yes netns=$client1"
	k_expect "$1, with a TTL of 1: the router says so, and ping hears it" "
		drop proto=$4 src=$3 dst=$2 ttl=1 by=ping netns=$server why~'was used up' as \$lost
		icmp cause=\$lost name~exceeded born_netns=$server netns=$client1"
}

pings()
{
	local address
	whole_begin
	for address in 10.0.2.2 fd00:0:0:2::2; do
		k_in client1 ping -n -q -c 2 -i 0.01 -W "$TAP_LIMIT" "$address" >/dev/null || tap_fail "ping, $address: both come back"
		k_in client1 ping -n -q -c 1 -s 4000 -W "$TAP_LIMIT" "$address" >/dev/null || tap_fail "ping, $address: a large one comes back"
		quiet client1 ping -n -c 1 -t 1 -W "$TAP_LIMIT" "$address"
	done
	whole_end 'ping'
	pinged 'ping, IPv4' 10.0.2.2 10.0.1.2 ICMP 0 8
	pinged 'ping, IPv6' fd00:0:0:2::2 fd00:0:0:1::2 ICMPv6 129 128
}
pings

# ---- traceroute ----

# routed WHAT ADDRESS PEER ROUTER
routed()
{
	local port steps=
	for port in 33434 33435 33436; do
		steps+="drop proto=UDP src=$3 dst=$2 dport=$port ttl=1 by=traceroute netns=$server why~'was used up' as \$at$port
			icmp src=$4 cause=\$at$port name~exceeded born_netns=$server netns=$client1;"
	done
	for port in 33437 33438 33439; do
		steps+="drop proto=UDP src=$3 dst=$2 dport=$port ttl=2 by=traceroute netns=$client2 reason=$(k_reason NO_SOCKET) as \$at$port
			icmp src=$2 cause=\$at$port name~'port unreachable' born_netns=$client2 netns=$client1;"
	done
	k_expect "$1: each probe dies where its TTL ends, the last at a port without a socket, and of each an error tells" "$steps
		drop x3 src=$3 dst=$2 ttl=1; drop x3 src=$3 dst=$2 ttl=2; icmp x3 src=$4 name~exceeded"
}

routes()
{
	local address
	whole_begin
	for address in 10.0.2.2 fd00:0:0:2::2; do
		tap_run ip netns exec "$client1" traceroute -n -q 3 -w "$TAP_LIMIT" "$address"
		tap_is "traceroute, $address: two lines of hops" "$TAP_STATUS $(grep -cE '^ *[12] ' <<<"$TAP_OUT")" '0 2'
	done
	whole_end 'traceroute'
	routed 'traceroute, IPv4' 10.0.2.2 10.0.1.2 10.0.1.1
	routed 'traceroute, IPv6' fd00:0:0:2::2 fd00:0:0:1::2 fd00:0:0:1::1
}

if has traceroute; then
	routes
fi

tap_done
