#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client and a server on two ports of a bridge: what a switch is in the Linux kernel. Nothing is
# routed; both are on the same network, and the bridge has no address.
#
#	ns_client              ns_bridge                        ns_server
#	veth_c -------------- veth_br_c -- br0 -- veth_br_s --- veth_s
#	10.0.1.2/24                                             10.0.1.1/24
#	fd00:0:0:1::2/64                                        fd00:0:0:1::1/64
#
# Without STP and its delays: the ports forward as soon as they are up.
#
# Try: sudo topo/bridge.sh up
#      sudo ip netns exec ns_client ping 10.0.1.1
#      sudo bridge -n ns_bridge fdb show br br0
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace ns_client
topo_namespace ns_bridge switch
topo_namespace ns_server

topo_link ns_client veth_c ns_bridge veth_br_c
topo_link ns_server veth_s ns_bridge veth_br_s

topo_device ns_bridge br0 type bridge stp_state 0 forward_delay 0
topo_port ns_bridge veth_br_c br0
topo_port ns_bridge veth_br_s br0

topo_address ns_client veth_c 10.0.1.2/24 fd00:0:0:1::2/64
topo_address ns_server veth_s 10.0.1.1/24 fd00:0:0:1::1/64

topo_main "$@"
