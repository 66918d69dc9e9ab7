#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client and a server whose packets are switched by label in between: the sender pushes a label
# before the IP header, the router swaps it for another and never looks at the address, the receiver
# pops it.
#
#	ns_client              ns_router                        ns_server
#	veth_c -------------- veth_r_c    veth_r_s ----------- veth_s
#	10.0.1.2/24           10.0.1.1/24 10.0.2.1/24          10.0.2.2/24
#	fd00:0:0:1::2/64      ...:1::1/64 ...:2::1/64          fd00:0:0:2::2/64
#
#	push 100 -----------> 100 becomes 101 ---------------> pop 101
#	pop 201 <------------ 200 becomes 201 <--------------- push 200
#
# The router forwards neither IPv4 nor IPv6, and the ends have no other route to each other.
#
# Try: sudo topo/mpls.sh up
#      sudo ip netns exec ns_client ping 10.0.2.2
#      sudo ip -n ns_router -M route
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace ns_client
topo_namespace ns_router
topo_namespace ns_server

topo_link ns_client veth_c ns_router veth_r_c
topo_link ns_server veth_s ns_router veth_r_s

topo_address ns_client veth_c 10.0.1.2/24 fd00:0:0:1::2/64
topo_address ns_router veth_r_c 10.0.1.1/24 fd00:0:0:1::1/64
topo_address ns_router veth_r_s 10.0.2.1/24 fd00:0:0:2::1/64
topo_address ns_server veth_s 10.0.2.2/24 fd00:0:0:2::2/64

topo_mpls ns_client veth_c
topo_mpls ns_router veth_r_c veth_r_s
topo_mpls ns_server veth_s

# A label says nothing about what it stands before: the same ones carry IPv4 and IPv6.
topo_route ns_client 10.0.2.0/24 encap mpls 100 via 10.0.1.1 dev veth_c
topo_route ns_client fd00:0:0:2::/64 encap mpls 100 via fd00:0:0:1::1 dev veth_c
topo_mpls_route ns_router 100 as to 101 via inet 10.0.2.2 dev veth_r_s
topo_mpls_route ns_server 101 dev lo

topo_route ns_server 10.0.1.0/24 encap mpls 200 via 10.0.2.1 dev veth_s
topo_route ns_server fd00:0:0:1::/64 encap mpls 200 via fd00:0:0:2::1 dev veth_s
topo_mpls_route ns_router 200 as to 201 via inet 10.0.1.2 dev veth_r_c
topo_mpls_route ns_client 201 dev lo

topo_main "$@"
