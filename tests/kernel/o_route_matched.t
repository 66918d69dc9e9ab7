#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O40, by which prefix: of the routes of a table that have the address, the one that led the packet on.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
client1=${TOPO_PREFIX}ns_client1

# route VERSION WORD...: one more there
route()
{
	ip "-$1" -n "$client1" route add "${@:2}" || tap_bail "route ${*:2}"
}

# matched WHAT ADDRESS TABLE PREFIX INFERRED [TEXT]: by the client's one lookup
matched()
{
	k_is "$1: $2 goes by $4 (table $3)" 1 type=journey "packet.dst=$2" cause.kind=call hops.netns=ns_client1 \
		"hops.stage=route_out" "hops.matched.prefix=$4" "hops.matched.table=$3" "hops.matched.inferred=$5" \
		"hops.text~${6-}"
}

route 4 10.9.0.0/16 via 10.0.1.1
route 4 10.9.1.0/24 via 10.0.1.1
route 4 10.9.1.128/25 via 10.0.1.3
route 4 10.9.1.7 via 10.0.1.1
route 4 10.5.0.0/16 nexthop via 10.0.1.4 nexthop via 10.0.1.1
route 4 10.4.0.0/16 via inet6 fd00:0:0:1::1 dev veth_c1
route 4 default via 10.0.1.1 table 1000
route 6 fd00:9::/32 via fd00:0:0:1::1
route 6 fd00:9:1::/48 via fd00:0:0:1::1
for version in 4 6; do
	[[ $version == 4 ]] && to=10.6.0.0/16 || to=fd00:6::/32
	ip "-$version" -n "$client1" rule add pref 200 to "$to" lookup 1000 || tap_bail 'a rule'
done
route 6 default via fd00:0:0:1::1 table 1000
for mac in 10.0.1.3 10.0.1.4; do
	k_neighbour client1 veth_c1 server veth_srv_c1 "$mac"
done
k_run client1 "$PYTHON" -IS tests/kernel/routes.py broadcast 10.9.2.1 10.9.1.{6,7,200} 10.7.1.1 10.5.1.1 10.4.1.1 10.6.1.1 \
	10.0.1.{1,255} fd00:9:2::1 fd00:9:1::1 fd00:6::1 fd00:0:0:1::1
k_sound 'routes'
matched 'IPv4' 10.9.2.1 main 10.9.0.0/16 true 'via 10.0.1.1'
matched 'IPv4, a longer one' 10.9.1.6 main 10.9.1.0/24 true
matched 'IPv4, a host' 10.9.1.7 main 10.9.1.7/32 true
matched 'IPv4, another next hop' 10.9.1.200 main 10.9.1.128/25 true 'via 10.0.1.3'
matched 'IPv4, none but' 10.7.1.1 main default true
matched 'IPv4, one of two next hops' 10.5.1.1 main 10.5.0.0/16 true
matched 'IPv4, an IPv6 next hop' 10.4.1.1 main 10.4.0.0/16 true 'via fd00:0:0:1::1'
matched 'IPv4, by a rule' 10.6.1.1 1000 default true
matched 'IPv4, on the link' 10.0.1.1 main 10.0.1.0/24 true 'on the link'
matched 'IPv4, broadcast' 10.0.1.255 main 10.0.1.255/32 true 'on the link'
matched 'IPv6' fd00:9:2::1 main fd00:9::/32 false
matched 'IPv6, a longer one' fd00:9:1::1 main fd00:9:1::/48 false
matched 'IPv6, by a rule' fd00:6::1 1000 default false
matched 'IPv6, on the link' fd00:0:0:1::1 main fd00:0:0:1::/64 false
k_expect 'the same in expectations' '
	journey udp dst=10.9.1.7 matched=10.9.1.7/32 by~python; no journey udp dst=10.9.1.7 matched=10.9.1.0/24'

k_run client1 "$PYTHON" -IS tests/kernel/routes.py send 10.0.1.255
k_sound 'broadcast'
k_expect 'a socket that may not send to all is told so' "
	call sendto comm~python ret=-1 errno=EACCES addr=10.0.1.255 hint~'SO_BROADCAST' no_route=none; no journey"

# A table that takes too long to read: where it leads is told all the same.
awk 'BEGIN { for (i = 0; i < 1100; i++)
	printf "route add 10.10.%d.%d via 10.0.1.1 table 1000\n", i / 250, i % 250 }' |
	ip -n "$client1" -batch - || tap_bail 'many routes'
k_run client1 "$PYTHON" -IS tests/kernel/routes.py send 10.6.1.1
k_sound 'many routes'
k_is 'many routes: no prefix is told' 1 type=journey packet.dst=10.6.1.1 cause.kind=call \
	'hops.text~^via 10\.0\.1\.1, veth_c1 \(table 1000\)$'

tap_done
