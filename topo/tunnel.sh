#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A client and a server between which packets travel inside other packets: each device below puts another
# header before the packet and gives it to the link; the same kind of device at the other end takes it off.
#
#	ns_client                                        ns_server
#	veth_c ------------------ link ------------------ veth_s
#	10.0.0.2/24                                      10.0.0.1/24
#	fd00::2/64                                       fd00::1/64
#
#	ipip_c    IPv4 in IPv4                           ipip_s
#	10.0.1.2/24                                      10.0.1.1/24
#	sit_c     IPv6 in IPv4                           sit_s
#	fd00:0:0:1::2/64                                 fd00:0:0:1::1/64
#	gre_c     either in GRE, key 7, in IPv4          gre_s
#	10.0.2.2/24  fd00:0:0:2::2/64                    10.0.2.1/24  fd00:0:0:2::1/64
#	tap_c     Ethernet in GRE, key 8, in IPv4        tap_s
#	10.0.3.2/24  fd00:0:0:3::2/64                    10.0.3.1/24  fd00:0:0:3::1/64
#	six_c     either in IPv6                         six_s
#	10.0.4.2/24  fd00:0:0:4::2/64                    10.0.4.1/24  fd00:0:0:4::1/64
#
# Try: sudo topo/tunnel.sh up
#      sudo ip netns exec ns_client ping 10.0.1.1
#      sudo ip -n ns_client -d link show ipip_c
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace ns_client
topo_namespace ns_server

topo_link ns_client veth_c ns_server veth_s

topo_device ns_client ipip_c type ipip local 10.0.0.2 remote 10.0.0.1
topo_device ns_server ipip_s type ipip local 10.0.0.1 remote 10.0.0.2
topo_device ns_client sit_c type sit local 10.0.0.2 remote 10.0.0.1
topo_device ns_server sit_s type sit local 10.0.0.1 remote 10.0.0.2
topo_device ns_client gre_c type gre local 10.0.0.2 remote 10.0.0.1 key 7
topo_device ns_server gre_s type gre local 10.0.0.1 remote 10.0.0.2 key 7
topo_device ns_client tap_c type gretap local 10.0.0.2 remote 10.0.0.1 key 8
topo_device ns_server tap_s type gretap local 10.0.0.1 remote 10.0.0.2 key 8
topo_device ns_client six_c type ip6tnl mode any local fd00::2 remote fd00::1
topo_device ns_server six_s type ip6tnl mode any local fd00::1 remote fd00::2

topo_address ns_client veth_c 10.0.0.2/24 fd00::2/64
topo_address ns_server veth_s 10.0.0.1/24 fd00::1/64
topo_address ns_client ipip_c 10.0.1.2/24
topo_address ns_server ipip_s 10.0.1.1/24
topo_address ns_client sit_c fd00:0:0:1::2/64
topo_address ns_server sit_s fd00:0:0:1::1/64
topo_address ns_client gre_c 10.0.2.2/24 fd00:0:0:2::2/64
topo_address ns_server gre_s 10.0.2.1/24 fd00:0:0:2::1/64
topo_address ns_client tap_c 10.0.3.2/24 fd00:0:0:3::2/64
topo_address ns_server tap_s 10.0.3.1/24 fd00:0:0:3::1/64
topo_address ns_client six_c 10.0.4.2/24 fd00:0:0:4::2/64
topo_address ns_server six_s 10.0.4.1/24 fd00:0:0:4::1/64

topo_main "$@"
