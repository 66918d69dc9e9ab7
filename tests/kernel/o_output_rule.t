#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O33, the sender's own firewall: a rule of the output hook drops a packet before any device sees it. The call
# fails, and the packet is seen all the same.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
command -v nft >/dev/null || tap_skip_all 'nft is not installed'
client1=${TOPO_PREFIX}ns_client1
k_in client1 nft -f - <<'RULES' || tap_bail 'the rules'
table inet filter {
	chain output {
		type filter hook output priority 0
		udp dport 8080 drop
		tcp dport 8080 drop
	}
}
RULES

# refused WHAT ADDRESS CLIENT
refused()
{
	local what="O33 $1" address=$2 peer=$3
	local drop="src=$peer dst=$address dport=8080 netns=$client1 dev=veth_c1 path='$client1/veth_c1' \
		reason=NETFILTER_DROP|NOT_SPECIFIED function~nf"

	k_run client1 apps/time_client "$address" 8080
	tap_is "$what: the client fails" "$TAP_STATUS" 1
	k_sound "$what"
	k_expect "$what: sendto() = EPERM; what it sent is dropped by the output hook, at no device yet" "
		call sendto comm=time_client ret=-1 errno=EPERM as \$send
		drop proto=UDP id=\$send $drop by=time_client call=sendto cause_kind=call payload=24
		journey x1; no icmp; no told; no queued"

	# And where nothing forbids it, it is born as others are, though at the memory of one that died so.
	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 8081 2 10
	k_expect "$what: another port passes" "
		drop dport=8081 NO_SOCKET|NOT_SPECIFIED stage=receive crossings=2 x2
		journey udp x2"

	k_start -p $$
	k_netns client1
	tap_background nc ip netns exec "$K_NETNS" apps/simple_nc "$address" 8080
	k_wait 2+ type=journey packet.proto=TCP fate.kind=dropped || tap_bail "$what: two SYNs"
	tap_stop "$TAP_PID"
	k_stop
	k_expect "$what: TCP keeps trying in silence" "
		state SYN_SENT call=connect comm=simple_nc
		drop proto=TCP flags=SYN $drop retransmission=0 call=connect as \$syn
		drop proto=TCP flags=SYN $drop retransmission=1 of=\$syn timer~retransmission cause_kind=timer
		no state ESTABLISHED; no icmp"
}

refused IPv4 10.0.2.2 10.0.1.2
refused IPv6 fd00:0:0:2::2 fd00:0:0:1::2

tap_done
