#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client behind a router that translates addresses, as at home: whatever the client sends to the
# server's network bears the router's address there. The server knows no way to the client; but what
# it sends to port 8080 of the router is passed on to port 8080 of the client.
#
#	ns_client              ns_router                        ns_server
#	veth_c -------------- veth_r_c    veth_r_s ----------- veth_s
#	10.0.1.2/24           10.0.1.1/24 10.0.2.1/24          10.0.2.2/24
#	fd00:0:0:1::2/64      ...:1::1/64 ...:2::1/64          fd00:0:0:2::2/64
#
#	from 10.0.1.2 ------> masquerade --------------------> from 10.0.2.1
#	to 10.0.1.2:8080 <--- dnat <-------------------------- to 10.0.2.1:8080
#
# Try: sudo topo/nat.sh up
#      sudo ip netns exec ns_client ping 10.0.2.2
#      sudo ip netns exec ns_router nft list ruleset
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace ns_client
topo_namespace ns_router router
topo_namespace ns_server

topo_link ns_client veth_c ns_router veth_r_c
topo_link ns_server veth_s ns_router veth_r_s

topo_address ns_client veth_c 10.0.1.2/24 fd00:0:0:1::2/64
topo_address ns_router veth_r_c 10.0.1.1/24 fd00:0:0:1::1/64
topo_address ns_router veth_r_s 10.0.2.1/24 fd00:0:0:2::1/64
topo_address ns_server veth_s 10.0.2.2/24 fd00:0:0:2::2/64

topo_gateway ns_client 10.0.1.1 fd00:0:0:1::1

topo_nft ns_router 'table inet nat {
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 10.0.2.1 tcp dport 8080 dnat ip to 10.0.1.2
		ip daddr 10.0.2.1 udp dport 8080 dnat ip to 10.0.1.2
		ip6 daddr fd00:0:0:2::1 tcp dport 8080 dnat ip6 to fd00:0:0:1::2
		ip6 daddr fd00:0:0:2::1 udp dport 8080 dnat ip6 to fd00:0:0:1::2
	}
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "veth_r_s" masquerade
	}
}'

topo_main "$@"
