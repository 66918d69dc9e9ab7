#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# curl, and nginx behind a bridge; rules reject some of the requests, at the server or on the bridge. tcpdump looks
# on at each device: each packet that was captured is in one journey, the copies that the bridge floods among them.
# shellcheck disable=SC2016,SC2317 # the names in expectations are not the shell's; functions called by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=witness_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/witness_lib.sh"
# shellcheck source-path=SCRIPTDIR source=foreign_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/foreign_lib.sh"

witness_need
for program in curl nginx nft; do
	command -v "$program" >/dev/null || tap_skip_all "$program is not installed"
done
k_topo bridge
witness_of client/veth_c=bridge/veth_br_c server/veth_s=bridge/veth_br_s
witness_also bridge/br0
client=${TOPO_PREFIX}ns_client
server=${TOPO_PREFIX}ns_server
bridge=${TOPO_PREFIX}ns_bridge

# What is for all reaches the bridge itself. Nobody answers.
whole_mark()
{
	mark_by client "$1" 10.0.1.255 -b -W 0.01
	mark_by client "$1" 10.0.1.1
	mark_by client "$1" fd00:0:0:1::1
}

mkdir "$TAP_TMP/www"
head -c 100000 /dev/urandom >"$TAP_TMP/www/file"

k_in server nft -f - <<-'RULES' || tap_bail 'the rules in server'
	table inet guard {
		chain input {
			type filter hook input priority 0;
			tcp dport 81 reject with tcp reset
			tcp dport 82 reject
		}
	}
RULES

# on_bridge FAMILY HOOK: rules there
on_bridge()
{
	k_in bridge nft -f - <<-RULES 2>/dev/null
		table $1 guard {
			chain gate {
				type filter hook $2 priority 0;
				tcp dport 83 reject with tcp reset
				tcp dport 84 reject
			}
		}
	RULES
}

# Of the bridge's own, or else of its port.
hook=
if on_bridge bridge prerouting; then
	hook=prerouting
elif on_bridge netdev 'ingress device veth_br_c'; then
	hook=ingress
fi

# refused URL: curl is told at once, or by a second try
refused()
{
	tap_run ip netns exec "$client" curl -sS --noproxy '*' -m "$TAP_LIMIT" -o /dev/null "$1"
	tap_is "$1: is refused" "$TAP_STATUS" 7
}

# rejected WHAT PORT DST SRC WHERE HOOK RULE ANSWER
rejected()
{
	k_expect "$1, port $2: the rule that rejects the SYN, and the answer that it makes, which arrives" "
		drop proto=TCP flags=SYN src=$4 dst=$3 dport=$2 born_netns=$client netns=$5 hook=$6 table=guard rules=1 \
			rule='tcp dport $2 $7' why~rejects by=curl as \$syn
		$8 src=$3 dst=$4 cause=\$syn born_netns=$5 netns=$client; no drop dport=$2 retransmission=0 hook!=$6"
}

# requests WHAT ADDRESS PEER HOST ICMP
requests()
{
	local what=$1 port
	whole_begin
	k_in client curl -sS --noproxy '*' -m "$TAP_LIMIT" -o "$TAP_TMP/got" "http://$4:80/file" || tap_fail "$what: ends well"
	tap_check "$what: with the file" cmp "$TAP_TMP/www/file" "$TAP_TMP/got"
	for port in 81 82 ${hook:+83 84}; do
		refused "http://$4:$port/file"
	done
	closed 1
	whole_end "$what"
	k_expect "$what: the SYN crosses the bridge, and is answered" "
		journey flags=SYN src=$3 dst=$2 dport=80 born_netns=$client netns=$server by=curl call=connect \
			passes=$bridge passes=veth_br_c passes=veth_br_s as \$syn
		journey flags=SYN+ACK sport=80 cause=\$syn netns=$client
		no drop proto=TCP dport=80 retransmission=0; no drop proto=TCP sport=80 retransmission=0"
	k_expect "$what: one connection to nginx, opened by curl" "
		flow x1 sport=80; flow client_comm=curl client=$3 server=$2 sport=80 as \$flow
		state ESTABLISHED end=server netns=$server flow=\$flow"
	rejected "$what" 81 "$2" "$3" "$server" input 'reject with tcp reset' 'reset flags=RST+ACK'
	rejected "$what" 82 "$2" "$3" "$server" input reject "icmp name~'port unreachable'"
	if [[ -z $hook ]]; then
		tap_skip "$what: a rule on the bridge" 'neither bridge nor netdev tables of this kernel can reject'
		return
	fi
	rejected "$what" 83 "$2" "$3" "$bridge" "$hook" 'reject with tcp reset' 'reset flags=RST+ACK'
	rejected "$what" 84 "$2" "$3" "$bridge" "$hook" reject "icmp name~'port unreachable'"
}

nginx_serves server 80 81 82 83 84
requests 'IPv4' 10.0.1.1 10.0.1.2 10.0.1.1
requests 'IPv6' fd00:0:0:1::1 fd00:0:0:1::2 '[fd00:0:0:1::1]'

# What asks for a link-layer address, or is for a group, is for more than one: there are copies, and all are followed.
whole_begin
for who in client server; do
	k_netns "$who"
	ip -n "$K_NETNS" neighbour flush all
done
k_in client ping -n -q -c 1 10.0.1.1 >/dev/null
k_in client ping -n -q -c 1 fd00:0:0:1::1 >/dev/null
k_in client ping -n -q -c 1 ff02::1%veth_c >/dev/null
whole_end 'to all'
k_expect 'ARP: what the bridge floods is a copy, which is answered' "
	journey proto=ARP src=10.0.1.2 dst=10.0.1.1 born_netns=$client dev=br0 netns=$bridge as \$asked
	journey proto=ARP born_netns=$bridge born_dev=veth_br_s duplicate_of=\$asked cause=\$asked netns=$server \
		relation=flooded of=\$asked as \$copy
	journey proto=ARP src=10.0.1.1 dst=10.0.1.2 cause=\$copy netns=$client"
k_expect 'ND: the same' "
	icmp name='neighbour solicitation' src=fd00:0:0:1::2 born_netns=$client dev=br0 netns=$bridge as \$asked
	icmp name='neighbour solicitation' born_dev=veth_br_s duplicate_of=\$asked netns=$server relation=flooded of=\$asked as \$copy
	icmp name='neighbour advertisement' src=fd00:0:0:1::1 cause=\$copy netns=$client"
k_expect 'to a group that its sender is in: one for itself, one out of the device' "
	icmp name='echo request' payload=56 src~fe80 dst=ff02::1 by=ping call=sendto born_netns=$client netns=$client \
		relation=looped as \$looped
	icmp name='echo request' payload=56 src~fe80 dst=ff02::1 by=ping call=sendto born_netns=$client netns=$bridge \
		id=\$looped.of relation=none as \$asked
	icmp name='echo request' duplicate_of=\$asked netns=$server relation=flooded of=\$asked"
tap_done
