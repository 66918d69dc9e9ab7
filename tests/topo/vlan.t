#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/vlan.sh: a trunk with a VLAN device at each end.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # lib.sh reads them

topo_name=vlan
topo_ups='ns_client ns_server'
topo_spaces='ns_client ns_server'
topo_pings='client:10.0.1.1 client:fd00:0:0:1::1 server:10.0.1.2 server:fd00:0:0:1::2'

topo_begin "$@"
topo_holds
topo_shows 'veth_c.100 UP link veth_c type vlan id 100' 'veth_s.100 UP link veth_s type vlan id 100' \
	"veth_c UP <-> veth_s in ${A}ns_server"
topo_asks IPv4 client 10.0.1.1 server 10.0.1.1
topo_asks IPv6 client fd00:0:0:1::1 server fd00:0:0:1::1
topo_broken 'veth_s.100 up' ip -n "${A}ns_server" link delete veth_s.100
topo_broken '10.0.1.2/24 on veth_c.100' ip -n "${A}ns_client" address delete 10.0.1.2/24 dev veth_c.100
topo_failed 'a VLAN device' "ip -n ${A}ns_server link add veth_s.100 .* link veth_s .*" '.*nosuch.*' \
	'/add veth_s.100/s,link veth_s,link nosuch,'
topo_end
