#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O29: nobody answers for the next hop (a dead neighbour, a wrong gateway). The question for its link-layer
# address is repeated, the packet that waited is given up after some seconds, and who is told.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
tap_need_program apps/simple_nc
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1

# A gateway that nobody is.
ip -n "$client1" route add 10.0.9.0/24 via 10.0.1.7 || tap_bail 'a wrong gateway'
ip -n "$client1" -6 route add fd00:0:0:9::/64 via fd00:0:0:1::7 || tap_bail 'a wrong gateway'

# All of one IP version wait at once.
# sends NAME ADDRESS PORT [OPTION]: a connected socket sends a datagram there
sends()
{
	k_player "$1" client1 "$PYTHON" -IS tests/kernel/peer.py talk "$2" "$3" ${4+"$4"}
	k_says "$1" '^connected' || tap_bail "$1 talks" "$(<"$TAP_TMP/$1.err")"
	echo 24 >&"$K_KEYS"
	k_says "$1" '^sent 24' || tap_bail "$1 sends"
}

# given_up PORT NETNS NEIGHBOUR: waits until what waits there for that neighbour is seen to die. Some kernels run no
# BPF program in a softirq that interrupts certain tasks: when the kernel has given up and no event says so, that
# proves nothing.
given_up()
{
	k_wait 1+ type=journey packet.dport="$1" fate.kind=dropped && return
	! ip -n "$2" neigh show to "$3" | grep -q FAILED || echo "no event of what waited for $3" >>"$K_LOST"
	tap_bail "$what: given up, port $1"
}

# dead WHAT CLIENT NEIGHBOUR OTHER GATEWAY BEHIND FAR BY PROTO NAME NOISE
#	NEIGHBOUR, OTHER: nobody's addresses on the link; GATEWAY: nobody, and BEHIND is behind it; FAR: on the
#	other link, where the router BY has to ask
dead()
{
	local what="O29 $1" peer=$2 neighbour=$3 other=$4 gateway=$5 behind=$6 far=$7
	local by=$8 proto=$9 name=${10} noise=${11} v=$1
	local plain keys_plain hears distant
	# It is born when it dies, at the latest; before, it is nowhere to be seen.
	local vain="netns=$client1 dev=veth_c1 path='$client1/veth_c1' reason=NEIGH_FAILED|NOT_SPECIFIED \
		inferred=no stage=neighbour text~'waited' text~'nobody answered' why~'Nobody answered'"
	local error="proto=$proto name=$name src=$peer dst=$peer passes=lo netns=$client1 fate=consumed"

	k_start -p $$
	sends "plain$v" "$neighbour" 8001
	plain=$TAP_PID keys_plain=$K_KEYS
	sends "hears$v" "$other" 8002 recverr
	hears=$TAP_PID
	# It waits for an answer when the error comes.
	echo recv 60 >&"$K_KEYS"
	sends "distant$v" "$far" 8004
	distant=$TAP_PID
	k_in client1 apps/simple_nc "$behind" 8003 </dev/null >"$TAP_TMP/nc$v.out" 2>"$TAP_TMP/nc$v.err"
	tap_is "$what: connect() fails" "$?" 1
	given_up 8001 "$client1" "$neighbour"
	given_up 8002 "$client1" "$other"
	given_up 8003 "$client1" "$gateway"
	given_up 8004 "$router" "$far"
	k_says "hears$v" '^recv: ' || tap_bail "$what: recv() returns"
	echo recv 0.1 >&"$keys_plain"
	k_says "plain$v" '^recv: ' || tap_bail "$what: recv() returns"
	k_stop
	tap_stop "$plain"
	tap_stop "$hears"
	tap_stop "$distant"
	k_sound "$what"

	k_expect "$what: a dead neighbour: send() succeeds, its question goes out, and nobody answers" "
		call sendto pid=$plain ret=24 errno=none as \$send
		journey id=\$send noise=$noise born_netns=$client1 born_dev=veth_c1 netns=$router as \$question
		no journey noise=$noise dst=$peer cause=\$question
		no queued"
	k_expect "$what: the datagram that waited dies: where, why, after how long, and whose it was" "
		call sendto pid=$plain ret=24 as \$send
		drop proto=UDP dst=$neighbour dport=8001 payload=24 by~python pid=$plain call=sendto ret=24 \
			cause_kind=call $vain born>\$send.ended+500ms as \$datagram
		icmp $error cause=\$datagram cause_kind=journey as \$error
		told told=nobody id=\$error told_why~'IP_RECVERR'
		no call pid=$plain errno=EHOSTUNREACH"
	k_expect "$what: a socket with IP_RECVERR is told" "
		drop proto=UDP dst=$other dport=8002 pid=$hears $vain as \$datagram
		icmp $error cause=\$datagram as \$error
		told EHOSTUNREACH id=\$error told=call told_call=recvfrom told_to~python
		call recvfrom pid=$hears errno=EHOSTUNREACH error_from=\$error hint~'about #'"
	k_expect "$what: a wrong gateway: the SYN dies, and connect() returns it" "
		state SYN_SENT call=connect comm=simple_nc
		drop proto=TCP flags=SYN dst=$behind dport=8003 by=simple_nc call=connect retransmission=0 $vain as \$syn
		icmp $error cause=\$syn as \$error
		told EHOSTUNREACH id=\$error told=call told_call=connect told_to=simple_nc
		call connect comm=simple_nc ret=-1 errno=EHOSTUNREACH error_from=\$error lasted>500ms
		no state ESTABLISHED; no reset"
	k_expect "$what: a dead next hop of the router: it waits there, and the sender's kernel is told" "
		call sendto pid=$distant ret=24 as \$send
		journey noise=$noise born_netns=$router born_dev=veth_srv_c2 as \$question
		drop caused=\$question id=\$send proto=UDP dst=$far dport=8004 netns=$router reason=NEIGH_FAILED|NOT_SPECIFIED \
			stage=receive text~'waited' text~'nobody answered' began>\$send.ended+500ms as \$datagram
		icmp proto=$proto name=$name src=$by dst=$peer cause=\$datagram cause_text~'$name_text' \
			born_netns=$router netns=$client1 fate=consumed as \$error
		told told=nobody id=\$error told_why~'IP_RECVERR'"
	k_is "$what: the remedy names the command" 4+ type=journey fate.kind=dropped 'fate.remedy~ip neigh show'
}

name_text='host unreachable'
dead IPv4 10.0.1.2 10.0.1.9 10.0.1.8 10.0.1.7 10.0.9.9 10.0.2.9 10.0.1.1 ICMP host-unreachable ARP
name_text='address unreachable'
dead IPv6 fd00:0:0:1::2 fd00:0:0:1::9 fd00:0:0:1::8 fd00:0:0:1::7 fd00:0:0:9::9 fd00:0:0:2::9 fd00:0:0:1::1 ICMPv6 address-unreachable ND

# Every other packet is born as before: where the neighbour is known nothing waits.
k_run client1 apps/time_client -t 1 10.0.1.1 8080
k_expect 'O29: a neighbour that is there: nothing waits, nothing of a neighbour is said' "
	drop NO_SOCKET|NOT_SPECIFIED dport=8080 text!~waited
	journey udp x1"

tap_done
