#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O50: in each kind of tunnel a request is one journey, and so is the answer. Both headers are told: what the
# tunnel puts before the packet, and that the other end takes it off. What dies in a tunnel has its cause.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_need
k_attempts
export TOPO_PREFIX=k$$_
client=${TOPO_PREFIX}ns_client
server=${TOPO_PREFIX}ns_server

tap_run topo/tunnel.sh up
[[ $TAP_ERR != *': this kernel '*' has no '* ]] || tap_skip_all "${TAP_ERR#*: }"
((TAP_STATUS == 0)) || tap_bail 'the lab cannot be set up' "$TAP_ERR"
tap_defer topo/tunnel.sh down

# tunnel NAME WRAP ADDRESS PEER OUTER OUTERPEER PROTO [ID]: the devices are NAME_c and NAME_s; WRAP is what they
# put on, between the addresses OUTER (the server's) and OUTERPEER.
tunnel()
{
	local name=$1 wrap=$2 address=$3 peer=$4 outer="$7 $6 → $5${8:+, $8}" back="$7 $5 → $6${8:+, $8}"

	what="$name, ${address//[^:]/}"
	[[ $address == *:* ]] && what="$name, IPv6" || what="$name, IPv4"
	k_in client ping -n -c 1 -W 2 "$address" >/dev/null || tap_fail "$what: ping $address"
	k_server server apps/time_server "$address" 8080
	k_run client apps/time_client "$address" 8080
	tap_is "$what: the client is answered" "$TAP_STATUS" 0
	k_sound "$what"
	tap_stop "$K_SERVER"
	k_expect "O50 $what: the request is one journey, and so is the answer" "
		call sendto comm=time_client ret=24 as \$send
		read id=\$send udp by=time_client owner=time_server reader=time_server copied=24 cut=0 \
			src=$peer dst=$address dport=8080 crossings=1 \
			path='$client/${name}_c > $client/veth_c > $server/veth_s > $server/${name}_s' \
			put_on='$wrap' taken_off='$wrap' text='inside $outer' text='out of $outer'
		journey udp by=time_server owner=time_client read reader=time_client copied=24 cut=0 \
			src=$address dst=$peer sport=8080 crossings=1 \
			path='$server/${name}_s > $server/veth_s > $client/veth_c > $client/${name}_c' \
			put_on='$wrap' taken_off='$wrap' text='inside $back' text='out of $back'
		call recvfrom comm=time_client ret=24
		journey udp x2; no drop; no icmp; no unread"
	k_expect "O50 $what: the tunnel is told where it begins and ends" "
		journey udp stage=encapsulate stage=decapsulate x2"
}

tunnel ipip ipip 10.0.1.1 10.0.1.2 10.0.0.1 10.0.0.2 IPIP
tunnel sit sit fd00:0:0:1::1 fd00:0:0:1::2 10.0.0.1 10.0.0.2 IPv6-in-IP
tunnel gre 'gre 7' 10.0.2.1 10.0.2.2 10.0.0.1 10.0.0.2 GRE 'key 7'
tunnel gre 'gre 7' fd00:0:0:2::1 fd00:0:0:2::2 10.0.0.1 10.0.0.2 GRE 'key 7'
tunnel tap 'gretap 8' 10.0.3.1 10.0.3.2 10.0.0.1 10.0.0.2 GRE 'key 8'
tunnel six ip6tnl 10.0.4.1 10.0.4.2 fd00::1 fd00::2 IPIP
tunnel six ip6tnl fd00:0:0:4::1 fd00:0:0:4::2 fd00::1 fd00::2 IPv6-in-IP

# --- nobody takes it out: the other end has no such tunnel

ip -n "$server" link set gre_s down
k_run client apps/time_client 10.0.2.1 8080
k_sound 'no tunnel at the other end'
k_expect 'O50 no tunnel at the other end: it is dropped there, and the sender of the outer packet hears of it' "
	drop proto=UDP by=time_client src=10.0.2.2 dst=10.0.2.1 dport=8080 netns=$server dev=veth_s crossings=1 put_on='gre 7' \
		why='no tunnel of $server takes GRE 10.0.0.2 → 10.0.0.1, key 7' as \$lost
	icmp 'port unreachable' cause=\$lost src=10.0.0.1 dst=10.0.0.2 netns=$client
	no journey taken_off='gre 7'; journey udp x1; journey icmp x1"

# --- the way is narrower than the tunnel believes

ip -n "$client" link set ipip_c mtu 1500
ip -n "$client" link set veth_c mtu 1400
k_run client ping -n -c 1 -W 1 -M 'do' -s 1400 10.0.1.1
k_sound 'longer than the way through the tunnel'
k_expect 'O50 longer than the way through the tunnel: dropped before it, with ICMP, and the program is told' "
	drop name='echo request' by=ping src=10.0.1.2 dst=10.0.1.1 netns=$client dev=ipip_c why~'*1380 B*DF*' as \$big
	told name='fragmentation needed' cause=\$big told_to=ping errno=EMSGSIZE
	no journey put_on=ipip"

tap_done
