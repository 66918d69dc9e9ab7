#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O31: a path with a smaller MTU behind a router. What must not be fragmented is dropped there, the sender is
# told and sends less; and where the ICMP that tells it is filtered, the connection stalls: a black hole.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2
ip -n "$router" link set veth_srv_c2 mtu 1300 || tap_bail 'a smaller MTU'
# So that each segment of TCP is a packet that can be seen.
ip -n "$client1" link set veth_c1 gso_max_segs 1 || tap_bail 'no TSO'

# The drop at the router, the same for all
too_big="netns=$router dev=veth_srv_c1 reason=PKT_TOO_BIG|NOT_SPECIFIED function~forward \
	path='$client1/veth_c1 > $router/veth_srv_c1' why~'1300 B'"

# forget: what ns_client1 has learned of paths, and of TCP's peers
forget()
{
	ip -n "$client1" route flush cache
	ip -n "$client1" -6 route flush cache
	k_in client1 ip tcp_metrics flush all >/dev/null 2>&1
}

# udp WHAT ADDRESS CLIENT ROUTER NAME PORT
udp()
{
	local what="O31 $1" address=$2 peer=$3 by=$4 name=$5 port=$6

	k_start -p $$
	k_server client2 "$PYTHON" -IS tests/kernel/peer.py read "$address" "$port" 1 2000
	k_player "df$port" client1 "$PYTHON" -IS tests/kernel/peer.py talk "$address" "$port" df
	k_says "df$port" '^connected' || tap_bail "$what talks"
	printf '1400\nrecv 60\n1400\n1200\n' >&"$K_KEYS"
	k_says "df$port" '^sent 1200' || tap_bail "$what: what fits is sent" "$(<"$TAP_TMP/df$port.out")"
	exec {K_KEYS}>&-
	tap_wait_until grep -q '^read 1200' "$K_LOG"
	k_stop
	tap_stop "$K_SERVER"

	k_sound "$what"
	k_expect "$what: send() succeeds, and the router drops it: longer than the next MTU" "
		call sendto ret=1400 errno=none as \$send
		drop id=\$send dst=$address dport=$port payload=1400 $too_big as \$big
		drop x1; no queued payload=1400"
	k_expect "$what: which it reports, with that MTU, and the socket is told" "
		drop payload=1400 as \$big
		icmp name=$name src=$by dst=$peer cause=\$big born_netns=$router netns=$client1 fate=consumed as \$error
		told EMSGSIZE id=\$error told=call told_to~python told_call=recvfrom
		icmp x1; told x1"
	k_expect "$what: the next one of that length fails without a packet, and a shorter one arrives" "
		drop payload=1400 as \$big
		call recvfrom errno=EMSGSIZE error_from!=none hint~'about #'
		call sendto len=1400 errno=EMSGSIZE sent=none error_from=none \
			hint~'the MTU on the way to $address, 1300 B' as \$long
		call sendto len=1200 ret=1200 began>\$long.ended as \$short
		read id=\$short payload=1200 copied=1200 path~'$client2/veth_c2'"

	# The path is known by now. A socket that does not forbid it has its datagrams cut at once.
	k_start -p $$
	k_server client2 "$PYTHON" -IS tests/kernel/peer.py read "$address" "$port" 1 2000
	k_player "cut$port" client1 "$PYTHON" -IS tests/kernel/peer.py talk "$address" "$port"
	k_says "cut$port" '^connected'
	echo 1400 >&"$K_KEYS"
	k_says "cut$port" '^sent 1400'
	exec {K_KEYS}>&-
	tap_wait_until grep -q '^read 1400' "$K_LOG" || tap_bail "$what: fragments arrive"
	k_stop
	tap_stop "$K_SERVER"
	k_expect "$what: path MTU discovery: cut into fragments by the sender itself, from then on" "
		call sendto ret=1400 as \$send
		{ journey id=\$send fragment offset=0 len<=1300 stage=ip-fragment|ip-output
		journey id=\$send fragment offset>0 len<=1300 }
		call recvfrom ret=1400
		journey fragment x2; no drop; no icmp"
}

# tcp WHAT ADDRESS CLIENT ROUTER NAME PORT: two segments, each after the other was acknowledged
tcp()
{
	local what="O31 $1" address=$2 peer=$3 by=$4 name=$5 port=$6

	forget
	k_server client2 "$PYTHON" -IS tests/kernel/tcp_peer.py sink "$address" "$port"
	k_start -p $$
	k_in client1 "$PYTHON" -IS tests/kernel/tcp_peer.py count "$address" "$port" 2 1400 >"$TAP_TMP/count$port"
	k_wait 1 type=state before=LAST_ACK after=CLOSE || tap_bail "$what: it ends"
	k_stop
	tap_stop "$K_SERVER"
	k_sound "$what"
	k_expect "$what: a segment is too big, the router reports it, and TCP itself uses that" "
		call sendto ret=1400 errno=none as \$send
		drop id=\$send dport=$port payload=1400 seq=1 $too_big as \$big
		icmp name=$name src=$by dst=$peer cause=\$big netns=$client1 fate=consumed as \$error
		told told=nobody id=\$error told_why~'TCP needs no program for that' told_why~1300
		call sendto ret=1400 errno=none first_byte=1401
		drop x1; icmp x1; no call errno!=none"
	k_expect "$what: it sends again at once, and from then on in segments that fit" "
		drop payload=1400 as \$big
		retransmission of=\$big seq=1 dport=$port fate=queued netns=$client2 resent_after<10s
		call sendto ret=1400 first_byte=1401 as \$second
		queued id=\$second dport=$port payload>0 payload<=1260 netns=$client2
		no queued dport=$port payload>1260 began>\$second.began
		journey flags~FIN dport=$port seq=2801; no reset"
}

# black_hole WHAT ADDRESS CLIENT ROUTER NAME PORT
black_hole()
{
	local what="O31 $1" address=$2 peer=$3 by=$4 name=$5 port=$6
	local again="dport=$port payload=1400 seq=1 $too_big timer~'retransmission'"

	forget
	k_server client2 "$PYTHON" -IS tests/kernel/tcp_peer.py sink "$address" "$port"
	k_start -p $$
	k_player "hole$port" client1 "$PYTHON" -IS tests/kernel/tcp_peer.py ask "$address" "$port" 0
	k_says "hole$port" '^connected' || tap_bail "$what connects"
	printf '%1399s\n' x >&"$K_KEYS"
	k_says "hole$port" '^sent 1400'
	k_wait 1+ type=journey packet.dport="$port" fate.kind=dropped 'segment.retransmission>=4' ||
		tap_bail "$what: four retransmissions"
	k_stop
	tap_stop "$TAP_PID"
	tap_stop "$K_SERVER"
	exec {K_KEYS}>&-
	k_sound "$what"
	k_expect "$what: send() succeeds, each segment is too big, and each report is dropped by the sender's own rule" "
		call sendto ret=1400 errno=none as \$send
		drop id=\$send dport=$port payload=1400 $too_big as \$big
		drop proto=ICMP|ICMPv6 name=$name cause=\$big netns=$client1 dev=veth_c1 reason=NETFILTER_DROP|NOT_SPECIFIED \
			function~nf src=$by dst=$peer
		drop retransmission=1 of=\$big as \$again
		drop proto=ICMP|ICMPv6 name=$name cause=\$again netns=$client1
		no icmp fate=consumed; no told; no queued dport=$port"
	k_expect "$what: the connection stalls: the same segment again and again, ever later, no error, nothing arrives" "
		drop retransmission=0 payload=1400 as \$big
		drop retransmission=2 of=\$big $again resent_after>190ms
		drop retransmission=3 of=\$big $again resent_after>390ms
		drop retransmission=4 of=\$big $again resent_after>780ms
		no journey dport=$port payload>0 netns=$client2; no call errno!=none; no reset"
}

udp 'UDP over IPv4' 10.0.2.2 10.0.1.2 10.0.1.1 fragmentation-needed 8001
udp 'UDP over IPv6' fd00:0:0:2::2 fd00:0:0:1::2 fd00:0:0:1::1 packet-too-big 8002
tcp 'TCP over IPv4' 10.0.2.2 10.0.1.2 10.0.1.1 fragmentation-needed 9001
tcp 'TCP over IPv6' fd00:0:0:2::2 fd00:0:0:1::2 fd00:0:0:1::1 packet-too-big 9002

if ! command -v nft >/dev/null; then
	tap_skip 'O31, black hole' 'nft is not installed'
	tap_done
fi
k_in client1 nft -f - <<'RULES' || tap_bail 'the rules'
table inet filter {
	chain input {
		type filter hook input priority 0
		icmp type destination-unreachable drop
		icmpv6 type packet-too-big drop
	}
}
RULES
black_hole 'black hole, IPv4' 10.0.2.2 10.0.1.2 10.0.1.1 fragmentation-needed 9003
black_hole 'black hole, IPv6' fd00:0:0:2::2 fd00:0:0:1::2 fd00:0:0:1::1 packet-too-big 9004

tap_done
