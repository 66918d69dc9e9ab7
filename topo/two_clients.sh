#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Two clients, each on a network of its own, and a server that is on both and routes between them.
#
#	ns_client1             ns_server                        ns_client2
#	veth_c1 ------------- veth_srv_c1   veth_srv_c2 ------- veth_c2
#	10.0.1.2/24           10.0.1.1/24   10.0.2.1/24         10.0.2.2/24
#	fd00:0:0:1::2/64      ...:1::1/64   ...:2::1/64         fd00:0:0:2::2/64
#
# Try: sudo topo/two_clients.sh up
#      sudo ip netns exec ns_client1 ping 10.0.2.2
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace ns_client1
topo_namespace ns_server router
topo_namespace ns_client2

topo_link ns_client1 veth_c1 ns_server veth_srv_c1
topo_link ns_client2 veth_c2 ns_server veth_srv_c2

topo_address ns_client1 veth_c1 10.0.1.2/24 fd00:0:0:1::2/64
topo_address ns_server veth_srv_c1 10.0.1.1/24 fd00:0:0:1::1/64
topo_address ns_server veth_srv_c2 10.0.2.1/24 fd00:0:0:2::1/64
topo_address ns_client2 veth_c2 10.0.2.2/24 fd00:0:0:2::2/64

topo_gateway ns_client1 10.0.1.1 fd00:0:0:1::1
topo_gateway ns_client2 10.0.2.1 fd00:0:0:2::1

topo_main "$@"
