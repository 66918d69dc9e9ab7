#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client and a server in VLAN 100. The link between them is a trunk: it carries packets of any VLAN,
# each with a tag that says which. The VLAN devices put the tag on and take it off.
#
#	ns_client                             ns_server
#	veth_c.100                            veth_s.100
#	10.0.1.2/24                           10.0.1.1/24
#	fd00:0:0:1::2/64                      fd00:0:0:1::1/64
#	    |                                     |
#	veth_c -------- trunk, tag 100 ------ veth_s
#
# Try: sudo topo/vlan.sh up
#      sudo ip netns exec ns_client ping 10.0.1.1
#      sudo ip -n ns_client -d link show veth_c.100
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace ns_client
topo_namespace ns_server

topo_link ns_client veth_c ns_server veth_s

topo_device ns_client veth_c.100 link veth_c type vlan id 100
topo_device ns_server veth_s.100 link veth_s type vlan id 100

topo_address ns_client veth_c.100 10.0.1.2/24 fd00:0:0:1::2/64
topo_address ns_server veth_s.100 10.0.1.1/24 fd00:0:0:1::1/64

topo_main "$@"
