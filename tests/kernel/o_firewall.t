#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O33, O42: a firewall that drops (silence) or rejects (an answer), with the rule that did it, wherever its
# hook is; and the hooks that a packet crossed, with their verdicts, where functions can be probed.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
command -v nft >/dev/null || tap_skip_all 'nft is not installed'
server=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
k_server client2 apps/time_server 10.0.2.2 8085
k_server client2 apps/time_server fd00:0:0:2::2 8085

# rules WHERE: those on standard input are all that there are
rules()
{
	k_in "$1" nft -f - < <(
		echo 'flush ruleset'
		cat
	) || tap_bail "the rules in $1"
}

# What decides: by port, so that one trace sees every kind of rule.
rules server <<'RULES'
table inet filter {
	set closed {
		type inet_service
		elements = { 9003 }
	}
	chain services {
		udp dport 9004 counter drop
		return
	}
	chain early {
		type filter hook prerouting priority -300
		udp dport 9000 drop
	}
	chain forward {
		type filter hook forward priority 0
		udp dport 8085 accept
		iifname "veth_c9" udp dport 9001 drop
		udp dport { 9001, 9011 } meta mark != 0x1234 drop
		meta l4proto udp th dport 9002 reject
		udp dport @closed drop
		udp dport 9004-9005 jump services
		tcp dport 9006 reject with tcp reset
		tcp dport 9007 drop
		tcp dport 9010 reject
		ct state established,related accept
		udp dport vmap { 9008 : drop, 8085 : accept }
		meta nfproto ipv4 udp dport 9009 limit rate 1/hour burst 1 packets drop
		udp dport 9009 drop
	}
}
table inet last {
	chain strict {
		type filter hook forward priority 10; policy drop;
		udp sport 8085 accept
		udp dport 8085 accept
		meta l4proto { icmp, ipv6-icmp } accept
		tcp sport 1-65535 accept
	}
}
RULES

# send ADDRESS PORT: one datagram
send()
{
	k_in client1 apps/time_client -U -t 0.1 "$1" "$2" >/dev/null 2>&1
}

# firewall NAME ADDRESS CLIENT
firewall()
{
	local what=$1 address=$2 port
	local drop="drop proto=UDP src=$3 dst=$2 netns=$server hook=forward table=filter"

	k_start -n "$client1"
	for port in 9000 9001 9002 9003 9004 9005 9008 9009; do
		send "$address" "$port"
	done
	k_in client1 apps/time_client "$address" 8085 >/dev/null || tap_fail "$what: what is accepted is served"
	k_wait 8 type=journey fate.kind=dropped || tap_bail "$what: eight datagrams"
	k_wait 1 type=journey packet.sport=8085 fate.kind=queued || tap_bail "$what: an answer"
	k_stop
	k_sound "$what"
	k_expect "$what: another device's rule does not count; the packet's mark is known" "
		$drop dport=9001 chain=forward rules=1 rule='udp dport { 9001, 9011 } meta mark != 0x00001234 drop'"
	k_expect "O33 $what: the rule that rejects, and its answer, which reaches the sender" "
		$drop dport=9002 chain=forward rules=1 rule='udp dport 9002 reject' why~rejects as \$d
		icmp cause=\$d netns=$client1; no drop proto=ICMP"
	k_expect "O33 $what: one that drops answers nobody" "
		$drop dport=9004 chain=services rules=1 rule~9004 as \$d
		no icmp cause=\$d"
	k_expect "$what: a named set's elements" "
		$drop dport=9003 chain=forward rules=1 rule='udp dport @closed drop'"
	k_expect "$what: through a chain that returns, to another table's policy" "
		drop proto=UDP dport=9005 dst=$address hook=forward table=last chain=strict rules=1 rule='policy drop' why~policy"
	k_expect "$what: a map of verdicts" "$drop dport=9008 chain=forward rules=1 rule~vmap"
	k_expect "$what: before the route is looked up" "
		drop proto=UDP dport=9000 netns=$server hook=prerouting table=filter chain=early rules=1"
	if [[ $address == *:* ]]; then
		k_expect "$what: a rule of IPv4 is none of IPv6" "$drop dport=9009 rules=1 rule='udp dport 9009 drop'"
	else
		k_expect "$what: two that may have, as nobody tells whether a limit was reached" "
			$drop dport=9009 rules=2 rule~limit why~'one of 2 rules'"
	fi
	k_expect "$what: what is accepted is read" "
		journey udp dport=8085 fate=queued read=yes; journey udp sport=8085 fate=queued read=yes"

	# TCP: refused by an RST of the router, or nothing at all
	k_run client1 apps/simple_nc "$address" 9006 </dev/null
	k_expect "O33 $what: a SYN that is reset, so that connect() fails at once" "
		drop proto=TCP dport=9006 flags=SYN netns=$server hook=forward chain=forward rules=1 rule~reset as \$syn
		journey tcp flags=RST+ACK cause=\$syn netns=$client1 as \$rst
		call connect errno=ECONNREFUSED"

	# A socket that is in use when the error comes, in connect(), only notes it; so it is a later one that counts.
	k_run client1 apps/simple_nc "$address" 9010 </dev/null
	k_expect "O33 $what: a SYN that is rejected by an ICMP error, which ends in connect()" "
		drop proto=TCP dport=9010 flags=SYN netns=$server hook=forward chain=forward rules=1 rule~reject as \$syn
		icmp cause=\$syn netns=$client1 told=call told_call=connect errno=ECONNREFUSED as \$icmp
		call connect errno=ECONNREFUSED error_from=\$icmp
		no icmp told_why~gone"
}

firewall IPv4 10.0.2.2 10.0.1.2
firewall IPv6 fd00:0:0:2::2 fd00:0:0:1::2

# O42: every hook on the way is asked, and says what it decided
for who in client1 server client2; do
	rules "$who" <<'RULES'
table inet hooks {
	chain prerouting { type filter hook prerouting priority 0; }
	chain input { type filter hook input priority 0; udp dport 9010 drop; }
	chain forward { type filter hook forward priority 0; }
	chain output { type filter hook output priority 0; }
	chain postrouting { type filter hook postrouting priority 0; }
}
RULES
done
by=$(k_way NETFILTER)
for address in 10.0.2.2 fd00:0:0:2::2; do
	k_run client1 apps/time_client -U "$address" 8085
	what="O42 $address: the hooks crossed, in order, with their verdicts"
	case $by in
	function)
		k_is "$what" 1 type=journey packet.dport=8085 'hops.text=output: accepted' \
			'hops.text=postrouting: accepted' 'hops.text=prerouting: accepted' \
			'hops.text=forward: accepted' 'hops.text=postrouting: accepted' \
			'hops.text=prerouting: accepted' 'hops.text=input: accepted'
		;;
	*) tap_skip "$what" "netfilter is not probed here ($by)" ;;
	esac
	k_run client1 apps/time_client -U -t 0.1 "$address" 9010
	k_expect "O42 $address: a drop names hook, table, chain and rule" "
		drop proto=UDP dport=9010 netns=${TOPO_PREFIX}ns_client2 hook=input table=hooks chain=input rules=1 rule='udp dport 9010 drop'"
done
tap_done
