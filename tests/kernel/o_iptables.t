#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O33, O42 with iptables: what iptables-legacy drops or rejects, by table and chain; what iptables-nft does,
# by the rule in nftables' words; and neither is taken for the other where both are used.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
for program in iptables-legacy iptables-nft; do
	command -v "$program" >/dev/null || tap_skip_all "$program is not installed"
done
unshare -n iptables-legacy -S >/dev/null 2>&1 || tap_skip_all 'this kernel has no tables of iptables-legacy (ip_tables)'
unshare -n ip6tables-legacy -S >/dev/null 2>&1 || tap_skip_all 'this kernel has no tables of ip6tables-legacy'
server=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1

# add PROGRAM WHO WORD...: a rule there, of both IP versions
add()
{
	local variant=$1 who=$2
	shift 2
	if ! k_in "$who" "iptables-$variant" "$@" || ! k_in "$who" "ip6tables-$variant" "$@"; then
		tap_bail "rule $* of iptables-$variant"
	fi
}

# sent COUNT ROUTER BEHIND PORT...: a datagram to each port of the router; to those from 9010 on behind it
sent()
{
	local count=$1 router=$2 behind=$3 port places=()
	shift 3
	for port; do
		((port < 9010)) && places+=("$router/$port") || places+=("$behind/$port")
	done
	k_start -n "$client1"
	k_in client1 "$PYTHON" -IS tests/kernel/routes.py send "${places[@]}" >/dev/null
	k_wait "$count" type=journey packet.proto=UDP fate.kind=dropped || tap_bail "$count datagrams are dropped"
	k_stop
}

add legacy server -A INPUT -p udp --dport 9001 -j DROP
add legacy server -A INPUT -p udp --dport 9002 -j REJECT
add legacy server -A FORWARD -p udp --dport 9011 -j DROP
add legacy server -A FORWARD -p udp --dport 9012 -j REJECT
add legacy server -t raw -A PREROUTING -p udp --dport 9003 -j DROP
add legacy client1 -A OUTPUT -p udp --dport 9004 -j DROP
add legacy client1 -A OUTPUT -p udp --dport 9005 -j REJECT

# legacy WHAT ROUTER BEHIND FAMILY
legacy()
{
	local what="$1, legacy" family=$4 tool=iptables
	local by="no_route=none rules=1 rule=none"
	[[ $family == ip ]] || tool=ip6tables

	sent 7 "$2" "$3" 9001 9002 9003 9004 9005 9011 9012
	k_sound "$what"
	k_expect "O33 $what: dropped: table and chain, and nobody is told" "
		drop dport=9001 netns=$server hook=input table=filter chain=INPUT $by why~'a rule of iptables-legacy drops it: chain INPUT of table $family filter' as \$in
		drop dport=9003 netns=$server hook=prerouting table=raw chain=PREROUTING $by
		drop dport=9011 netns=$server hook=forward table=filter chain=FORWARD $by as \$forward
		no icmp cause=\$in; no icmp cause=\$forward"
	k_expect "O33 $what: rejected: the ICMP error is because of the packet" "
		drop dport=9002 netns=$server hook=input table=filter chain=INPUT $by why~'rejects it' as \$in
		icmp cause=\$in netns=$client1
		drop dport=9012 netns=$server hook=forward table=filter chain=FORWARD $by why~'rejects it' as \$forward
		icmp cause=\$forward netns=$client1; no drop proto=ICMP"
	k_expect "O42 $what: before it leaves: where, by which table and chain, and who hears of it" "
		drop dport=9004 netns=$client1 hook=output table=filter chain=OUTPUT $by as \$drop
		drop dport=9005 netns=$client1 hook=output table=filter chain=OUTPUT $by why~'rejects it' as \$reject
		no icmp cause=\$drop"
	k_is "O42 $what: the answer to that one has it as its cause" 1 type=journey packet.icmp.error=true \
		"cause.journey=$(k_get id type=journey packet.dport=9005)"
	k_is "$what: the remedy lists that chain of that table" 1 type=journey packet.dport=9003 \
		"fate.remedy~$tool-legacy -t raw -L PREROUTING"
	k_is "$what: and is of iptables-legacy" 7 type=journey fate.rule.legacy=true "fate.rule.family=$family"
}

legacy IPv4 10.0.1.1 10.0.2.2 ip
legacy IPv6 fd00:0:0:1::1 fd00:0:0:2::2 ip6

# ---- both are used ----

# Older kernels free both kinds in the same function, so that conditions which are not known (xt) leave it open.
if ! printf '6.7\n%s\n' "$(uname -r)" | sort -CV; then
	tap_skip 'both: which of them' 'the kernel does not say which of them dropped a packet (before Linux 6.7)'
	tap_done
fi
add nft server -A INPUT -p udp --dport 9006 -m comment --comment 'of nft' -j DROP
add nft server -A INPUT -p udp --dport 9007 -j REJECT
add nft server -A FORWARD -p udp -m multiport --dports 9013,9014 -j DROP

# both WHAT ROUTER BEHIND FAMILY
both()
{
	local what="$1, both" family=$4

	sent 5 "$2" "$3" 9001 9006 9007 9011 9013
	k_sound "$what"
	k_expect "$what: iptables-nft: the rule in its own words" "
		drop dport=9006 netns=$server hook=input table=filter chain=INPUT rules=1 rule~'udp dport 9006' rule~drop
		drop dport=9007 netns=$server hook=input table=filter chain=INPUT rules=1 rule~'udp dport 9007' rule~reject as \$in
		icmp cause=\$in netns=$client1
		drop dport=9013 netns=$server hook=forward table=filter chain=FORWARD rules=1 rule~9014 rule~drop"
	k_expect "$what: iptables-legacy beside it" "
		drop dport=9001 netns=$server hook=input table=filter chain=INPUT rules=1 rule=none why~'iptables-legacy'
		drop dport=9011 netns=$server hook=forward table=filter chain=FORWARD rules=1 rule=none why~'iptables-legacy'"
	k_is "$what: which is which" 2 type=journey fate.rule.legacy=true "fate.rule.family=$family"
	k_is "$what: and the others" 3 type=journey fate.rule.legacy=false "fate.rule.family=$family"
}

both IPv4 10.0.1.1 10.0.2.2 ip
both IPv6 fd00:0:0:1::1 fd00:0:0:2::2 ip6

tap_done
