#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/tunnel.sh: a device of each kind of tunnel at each end of a link.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck disable=SC2034 # lib.sh reads them

topo_name=tunnel
topo_ups='ns_client ns_server'
topo_spaces='ns_client ns_server'
topo_pings='client:10.0.0.1 client:fd00::1'
for net in 1 2 3 4; do
	topo_pings+=" client:10.0.$net.1 server:10.0.$net.2 client:fd00:0:0:$net::1 server:fd00:0:0:$net::2"
done

topo_begin "$@"
topo_holds
topo_shows 'ipip_c UNKNOWN type ipip local 10.0.0.2 remote 10.0.0.1' \
	'gre_s UNKNOWN type gre local 10.0.0.1 remote 10.0.0.2 key 7' \
	'six_c UNKNOWN type ip6tnl mode any local fd00::2 remote fd00::1'
topo_asks IPv4 client 10.0.1.1 server 10.0.1.1
topo_asks IPv6 client fd00:0:0:1::1 server fd00:0:0:1::1
topo_broken 'ipip_s up' ip -n "${A}ns_server" link set ipip_s down
topo_broken '10.0.0.2/24 on veth_c' ip -n "${A}ns_client" address delete 10.0.0.2/24 dev veth_c
topo_failed 'a tunnel' "ip -n ${A}ns_client link add ipip_c .* local .*" '.+' \
	'/add ipip_c/s,local 10.0.0.2,local nosuch,'
topo_end
