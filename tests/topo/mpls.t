#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/mpls.sh: a label is pushed, swapped and popped.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # lib.sh reads them

topo_name=mpls
topo_ups='ns_client ns_router ns_server'
topo_spaces='ns_client ns_router ns_server'
topo_pings='client:10.0.2.2 client:fd00:0:0:2::2 server:10.0.1.2 server:fd00:0:0:1::2'

topo_begin "$@"
topo_holds
topo_shows 'route 10.0.2.0/24 encap mpls 100 via 10.0.1.1 dev veth_c' \
	'MPLS route 100 as to 101 via inet 10.0.2.2 dev veth_r_s' 'MPLS route 101 dev lo'
topo_asks IPv4 client 10.0.2.2 server 10.0.2.2
topo_asks IPv6 client fd00:0:0:2::2 server fd00:0:0:2::2
tap_is 'the router forwards by label only' \
	"$(ip netns exec "${A}ns_router" cat /proc/sys/net/ipv4/ip_forward \
		/proc/sys/net/ipv6/conf/all/forwarding | xargs)" '0 0'
topo_broken 'MPLS route 100 as to 101' ip -n "${A}ns_router" -M route delete 100
topo_broken 'route 10.0.1.0/24 encap mpls 200' ip -n "${A}ns_server" route delete 10.0.1.0/24
topo_broken 'mpls/conf/veth_r_c/input=1' \
	ip netns exec "${A}ns_router" sh -c 'echo 0 >/proc/sys/net/mpls/conf/veth_r_c/input'
topo_failed 'a label' "ip -n ${A}ns_router -M route add 100 .*" '.+' '/inet/s,dev veth_r_s,dev nosuch,'
topo_failed 'a route' "ip -n ${A}ns_client .*route add 10.0.2.0/24 encap mpls 100 .*" '.+' \
	'/encap mpls/s,via 10.0.1.1,via 10.9.9.9,'
topo_end
