#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/bridge.sh: two ports of a bridge.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # lib.sh reads them

topo_name=bridge
topo_ups='ns_client ns_bridge ns_server'
topo_spaces='ns_bridge ns_client ns_server'
topo_pings='client:10.0.1.1 client:fd00:0:0:1::1 server:10.0.1.2 server:fd00:0:0:1::2'

topo_begin "$@"
topo_holds
topo_shows 'br0 UP type bridge' "veth_br_c UP <-> veth_c in ${A}ns_client, port of br0" \
	"veth_br_s UP <-> veth_s in ${A}ns_server, port of br0"
topo_asks IPv4 client 10.0.1.1 server 10.0.1.1
topo_asks IPv6 client fd00:0:0:1::1 server fd00:0:0:1::1
tap_is 'the bridge has no IPv6 of its own' "$(ip -n "${A}ns_bridge" -6 address)" ''
topo_broken 'veth_br_c forwarding on br0' ip -n "${A}ns_bridge" link set veth_br_c nomaster
topo_broken 'br0 up' ip -n "${A}ns_bridge" link delete br0
topo_failed 'the bridge' "ip -n ${A}ns_bridge link add br0 .*" '.+' '/add br0/s,type bridge,type nosuch,'
topo_failed 'a port' "ip -n ${A}ns_bridge .*link set veth_br_s master br0.*" '.*nosuch.*' \
	'/veth_br_s/s,master br0,master nosuch,'
topo_end
