#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# curl and nginx, with a router between them that translates addresses, and tcpdump at each device: a request and
# its answer are one connection, and each packet that was captured is in one journey, whatever its addresses are there.
# shellcheck disable=SC2016,SC2317 # the names in expectations are not the shell's; functions called by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=witness_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/witness_lib.sh"

# shellcheck source-path=SCRIPTDIR source=foreign_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/foreign_lib.sh"

witness_need
command -v curl >/dev/null || tap_skip_all 'curl is not installed'
command -v nginx >/dev/null || tap_skip_all 'nginx is not installed'
k_topo nat
witness_of client/veth_c=router/veth_r_c server/veth_s=router/veth_r_s
client=${TOPO_PREFIX}ns_client
server=${TOPO_PREFIX}ns_server

whole_mark()
{
	mark_by client "$1" 10.0.2.2
	mark_by client "$1" fd00:0:0:2::2
}

mkdir "$TAP_TMP/www"
head -c 300000 /dev/urandom >"$TAP_TMP/www/file"

# fetch WHAT WHO HOST
fetch()
{
	k_in "$2" curl -sS --noproxy '*' -m "$TAP_LIMIT" -o "$TAP_TMP/got" "http://$3:8080/file" || tap_fail "$1: ends well"
	tap_check "$1: with the file" cmp "$TAP_TMP/www/file" "$TAP_TMP/got"
}

# one WHAT FROM TO CLIENT SERVER THERE: one connection, whose client is CLIENT in FROM, and THERE seen from TO
one()
{
	k_expect "$1: one connection, both state machines, nothing dropped" "
		flow x1; flow client_comm=curl client_netns=$2 client=$4 as \$flow
		state ESTABLISHED end=client netns=$2 comm=curl flow=\$flow
		state ESTABLISHED end=server netns=$3 flow=\$flow
		no drop proto=TCP retransmission=0; no reset"
	k_expect "$1: the SYN keeps its identity, and its answer comes back to where it began" "
		journey flags=SYN from=client src=$4 born_netns=$2 netns=$3 by=curl call=connect text~'$6' text~'$7' as \$syn
		journey flags=SYN+ACK from=server cause=\$syn born_netns=$3 netns=$2 as \$synack
		journey flags=ACK payload=0 from=client cause=\$synack netns=$3"
}

# out ADDRESS HOST CLIENT ROUTER
out()
{
	local what="curl through a masquerade, $1"
	whole_begin
	fetch "$what" client "$2"
	closed 1
	whole_end "$what"
	one "$what" "$client" "$server" "$3" "$1" "now from" "$4"
}
nginx_serves server 8080
out 10.0.2.2 10.0.2.2 10.0.1.2 10.0.2.1
out fd00:0:0:2::2 '[fd00:0:0:2::2]' fd00:0:0:1::2 fd00:0:0:2::1

# inward ADDRESS HOST CLIENT
inward()
{
	local what="curl to a forwarded port, $1"
	whole_begin
	fetch "$what" server "$2"
	closed 1
	whole_end "$what"
	one "$what" "$server" "$client" "$3" "$1" "now to" "$4"
}
tap_stop "$TAP_PID"
nginx_serves client 8080
inward 10.0.1.2 10.0.2.1 10.0.2.2 10.0.1.2
inward fd00:0:0:1::2 '[fd00:0:0:2::1]' fd00:0:0:2::2 fd00:0:0:1::2

tap_done
