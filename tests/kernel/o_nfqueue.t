#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O43: a rule gives a packet to a program, which says what becomes of it. It is one packet, before and after,
# and belongs to the call that sent it, though it goes on in the program's call.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
command -v nft >/dev/null || tap_skip_all 'nft is not installed'
server=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2

# queue WHO HOOK NUMBER: what comes to port 8080 or is a ping there is given to that queue.
queue()
{
	k_in "$1" nft -f - <<-RULES 2>"$TAP_TMP/nft.err" ||
		table inet ask {
			chain $2 {
				type filter hook $2 priority 0
				udp dport 8080 queue num $3
				tcp dport 8080 queue num $3
				icmp type echo-request queue num $3
				icmpv6 type echo-request queue num $3
			}
		}
	RULES
		tap_skip_all "this kernel's nftables has no queue: $(head -n 1 "$TAP_TMP/nft.err")"
}

queue client1 output 1
queue server input 2
queue server forward 3
# reader WHO NUMBER: reads that queue; its keyboard is ${keys[NUMBER]}
reader()
{
	k_player "queue$2" "$1" "$PYTHON" -IS tests/kernel/nfqueue.py "$2"
	keys[$2]=$K_KEYS reads[$2]=$TAP_PID
	k_says "queue$2" 'reading queue' || tap_bail "a program reads queue $2"
}
keys=() reads=() runs=0
reader client1 1
reader server 2
reader server 3

# verdict NUMBER WORD: on the next packet that comes to that queue
verdict()
{
	echo "$2" >&"${keys[$1]}"
}

k_server server apps/time_server 10.0.1.1 8080
k_server server apps/time_server fd00:0:0:1::1 8080
k_server client2 apps/time_server 10.0.2.2 8080
k_server client2 apps/time_server fd00:0:0:2::2 8080

# Where functions are probed the ways out and back have a time each; else a stack tells of the way back alone.
timed=0
[[ $(k_way NFQUEUE_OUT) != function ]] || timed=1

# goes_out WHAT HOOK NUMBER COND...: that packet waits for a verdict, which accepts it.
goes_out()
{
	local what=$1 hook=$2 number=$3
	shift 3
	if ((timed)); then
		k_is "$what: given to a program at the $hook hook, back when it had said accept" 1 type=journey "$@" \
			hops.stage=nfqueue_out "hops.text=$hook: waits in queue $number for a verdict" \
			hops.stage=nfqueue_back "hops.text~^$hook: python.*\\[${reads[number]}\\] said accept"
	else
		k_is "$what: back from a program at the $hook hook" 1 type=journey "$@" hops.stage=nfqueue_back
	fi
}

# accepted WHAT ADDRESS PEER NAME QUEUE...: a request that programs of these queues let pass
accepted()
{
	local what=$1 address=$2 peer=$3 owner=$4 hop
	shift 4
	k_start -p $$
	for hop; do
		verdict "$hop" accept
	done
	k_player "client$((++runs))" client1 apps/time_client "$address" 8080
	tap_wait "$TAP_PID"
	tap_is "$what: the client is answered" $? 0
	k_stop
	k_sound "$what"
	k_expect "$what: sent by the client's call, one journey, read by the server" "
		call sendto comm=time_client ret=24
		queued proto=UDP src=$peer dst=$address dport=8080 by=time_client call=sendto cause_kind=call \
			reader=time_server netns=$owner as \$request
		queued proto=UDP src=$address dst=$peer sport=8080 by=time_server call=sendto cause_kind=call reader=time_client
		journey udp x2; no drop; no told"
}

accepted 'O43 IPv4, output and input' 10.0.1.1 10.0.1.2 "$server" 1 2
goes_out 'O43 IPv4' output 1 packet.dport=8080
goes_out 'O43 IPv4' input 2 packet.dport=8080
accepted 'O43 IPv6, output and input' fd00:0:0:1::1 fd00:0:0:1::2 "$server" 1 2
goes_out 'O43 IPv6' output 1 packet.dport=8080
goes_out 'O43 IPv6' input 2 packet.dport=8080
accepted 'O43 IPv4, output and forward' 10.0.2.2 10.0.1.2 "$client2" 1 3
goes_out 'O43 IPv4' forward 3 packet.dport=8080
accepted 'O43 IPv6, output and forward' fd00:0:0:2::2 fd00:0:0:1::2 "$client2" 1 3
goes_out 'O43 IPv6' forward 3 packet.dport=8080

# denied WHAT ADDRESS PEER NETNS BYTES QUEUE...: the last of these programs, in NETNS, says drop
denied()
{
	local what=$1 address=$2 peer=$3 netns=$4 bytes=$5 last=${*: -1} hop
	shift 5
	k_start -p $$
	for hop; do
		verdict "$hop" "$([[ $hop == "$last" ]] && echo drop || echo accept)"
	done
	k_player "client$((++runs))" client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 8080 1 "$bytes"
	tap_wait "$TAP_PID"
	k_wait 1 type=journey packet.dport=8080 fate.kind=dropped || tap_bail "$what: a drop"
	k_stop
	k_sound "$what"
	k_expect "$what: it is the sender's packet, and what the program said is told" "
		call sendto ret=$bytes
		drop proto=UDP src=$peer dst=$address dport=8080 by~python call=sendto cause_kind=call netns=$netns \
			why~'that said drop'
		journey x1; no icmp"
}

denied 'O43 IPv4, denied' 10.0.2.2 10.0.1.2 "$server" 10 1 3
denied 'O43 IPv6, denied' fd00:0:0:2::2 fd00:0:0:1::2 "$server" 10 1 3
# Of the sender's own machine, where the packet is born when it is dropped.
denied 'O43 IPv4, denied, output' 10.0.2.2 10.0.1.2 "$client1" 11 1
denied 'O43 IPv6, denied, output' fd00:0:0:2::2 fd00:0:0:1::2 "$client1" 11 1

# pinged WHAT ADDRESS PEER PROTO: the kernel answers in the call of the program that lets the request pass.
pinged()
{
	local what=$1 address=$2 peer=$3 proto=$4
	k_start -p $$
	verdict 1 accept
	verdict 2 accept
	k_player "ping$((++runs))" client1 ping -n -c 1 -W 30 "$address"
	tap_wait "$TAP_PID"
	tap_is "$what: it is answered" $? 0
	k_stop
	k_sound "$what"
	k_expect "$what: the reply is not of that program, though it was made in its call" "
		journey proto=$proto src=$peer dst=$address by=ping cause_kind=call as \$request
		journey proto=$proto src=$address dst=$peer cause_kind!=call read as \$reply
		no drop; no journey by~python"
	((timed)) || return 0
	k_expect "$what: but of the request that was let pass" "
		journey proto=$proto src=$peer dst=$address as \$request
		journey proto=$proto src=$address dst=$peer cause=\$request"
}

pinged 'O43 IPv4, a ping' 10.0.1.1 10.0.1.2 ICMP
pinged 'O43 IPv6, a ping' fd00:0:0:1::1 fd00:0:0:1::2 ICMPv6

# connects WHAT ADDRESS PEER: the SYN waits for the program's verdict, and is connect()'s all the same
connects()
{
	local what=$1 address=$2 peer=$3
	k_start -p $$
	verdict 1 accept
	verdict 2 accept
	k_player "nc$((++runs))" client1 apps/simple_nc "$address" 8080
	tap_wait "$TAP_PID"
	k_stop
	k_sound "$what"
	k_expect "$what: the SYN is of connect(), and the RST of the SYN" "
		journey tcp src=$peer dst=$address flags=SYN by=simple_nc call=connect cause_kind=call \
			retransmission=0 as \$syn
		reset src=$address dst=$peer cause_kind!=call as \$rst
		call connect comm=simple_nc ret=-1 errno=ECONNREFUSED"
}

connects 'O43 IPv4, a connection' 10.0.1.1 10.0.1.2
connects 'O43 IPv6, a connection' fd00:0:0:1::1 fd00:0:0:1::2

# Nobody reads that queue any more.
tap_stop "${reads[1]}"
for address in 10.0.2.2 fd00:0:0:2::2; do
	k_run client1 "$PYTHON" -IS tests/kernel/peer.py send "$address" 8080 1 12
	k_sound "O43 $address, nobody there"
	k_expect "O43 $address, nobody there: dropped, and it is told why" "
		call sendto
		drop proto=UDP dst=$address dport=8080 netns=$client1 why~'none reads that queue, or it is full'
		journey x1"
done
tap_done
