#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client and a server on an Ethernet network of their own, VXLAN 42, which is carried through
# another network: each of its frames travels as the payload of a UDP datagram to port 4789.
#
#	ns_client                             ns_server
#	vxlan_c                               vxlan_s
#	10.0.1.2/24                           10.0.1.1/24
#	fd00:0:0:1::2/64                      fd00:0:0:1::1/64
#	    |                                     |
#	veth_c ------------ UDP ------------- veth_s
#	10.0.0.2/24                           10.0.0.1/24
#
# Try: sudo topo/vxlan.sh up
#      sudo ip netns exec ns_client ping 10.0.1.1
#      sudo ip -n ns_client -d link show vxlan_c
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace ns_client
topo_namespace ns_server

topo_link ns_client veth_c ns_server veth_s

topo_device ns_client vxlan_c type vxlan id 42 dev veth_c local 10.0.0.2 remote 10.0.0.1 dstport 4789
topo_device ns_server vxlan_s type vxlan id 42 dev veth_s local 10.0.0.1 remote 10.0.0.2 dstport 4789

topo_address ns_client veth_c 10.0.0.2/24
topo_address ns_server veth_s 10.0.0.1/24
topo_address ns_client vxlan_c 10.0.1.2/24 fd00:0:0:1::2/64
topo_address ns_server vxlan_s 10.0.1.1/24 fd00:0:0:1::1/64

topo_main "$@"
