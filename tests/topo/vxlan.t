#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/vxlan.sh: a VXLAN device at each end of a link.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # lib.sh reads them

topo_name=vxlan
topo_ups='ns_client ns_server'
topo_spaces='ns_client ns_server'
topo_pings='client:10.0.1.1 client:fd00:0:0:1::1 server:10.0.1.2 server:fd00:0:0:1::2 client:10.0.0.1'

topo_begin "$@"
topo_holds
topo_shows 'vxlan_c UNKNOWN type vxlan id 42 dev veth_c local 10.0.0.2 remote 10.0.0.1' \
	'vxlan_s UNKNOWN type vxlan id 42 dev veth_s local 10.0.0.1 remote 10.0.0.2'
topo_asks IPv4 client 10.0.1.1 server 10.0.1.1
topo_asks IPv6 client fd00:0:0:1::1 server fd00:0:0:1::1
topo_broken 'vxlan_s up' ip -n "${A}ns_server" link set vxlan_s down
topo_broken '10.0.0.2/24 on veth_c' ip -n "${A}ns_client" address delete 10.0.0.2/24 dev veth_c
topo_failed 'a VXLAN device' "ip -n ${A}ns_client link add vxlan_c .* dev veth_c .*" '.+' \
	'/add vxlan_c/s,dev veth_c,dev nosuch,'
topo_end
