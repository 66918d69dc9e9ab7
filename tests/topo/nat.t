#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/nat.sh: a router that translates addresses.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # lib.sh reads them

topo_name=nat
topo_ups='ns_client ns_router ns_server'
topo_spaces='ns_client ns_router ns_server'
topo_pings='client:10.0.2.2 client:fd00:0:0:2::2 server:10.0.2.1 server:fd00:0:0:2::1'

topo_begin "$@"
topo_holds
topo_shows 'oifname "veth_r_s" masquerade' 'ip daddr 10.0.2.1 udp dport 8080 dnat ip to 10.0.1.2'

# seen WHAT ADDRESS FROM: the server saw the request of the client come from there
seen()
{
	topo_asks "$1" client "$2" server "$2"
	tap_like "$1: the server sees the router's address" "$(<"$TOPO_LOG")" "$3"
}
seen IPv4 10.0.2.2 '10\.0\.2\.1:'
seen IPv6 fd00:0:0:2::2 'fd00:0:0:2::1\]?:'
topo_asks 'IPv4, port forward' server 10.0.2.1 client 10.0.1.2 8080
topo_asks 'IPv6, port forward' server fd00:0:0:2::1 client fd00:0:0:1::2 8080
tap_is 'the server has no way to the client' "$(ip -n "${A}ns_server" route get 10.0.1.2 2>&1 | grep -c veth)" 0
topo_broken 'oifname "veth_r_s" masquerade' ip netns exec "${A}ns_router" nft flush chain inet nat postrouting
topo_failed 'the rules' "nft rules in ${A}ns_router" '.+' 's,oifname,nosuch,'
topo_end
