#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O37, O44: a rate limit. One that polices throws away what is too much, at once; one that queues (tbf) makes it
# wait, as long as there is room. The output tells them apart.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/qdisc_lib.sh"

# police WHO DEV HOOK PROTOCOL PORT: what is above a low rate is dropped
police()
{
	k_netns "$1"
	tc -n "$K_NETNS" filter add dev "$2" "$3" protocol "$4" flower ip_proto udp dst_port "$5" \
		action police rate 8kbit burst 200 conform-exceed drop || tap_bail "tc filter add dev $2 $3"
}

# policed WHO DEV HOOK PORT: prints how many of those to PORT the filter has dropped
policed()
{
	k_netns "$1"
	tc -n "$K_NETNS" -s filter show dev "$2" "$3" |
		awk -v port="$4" '$1 == "dst_port" { here = $2 == port }
			here && match($0, /dropped [0-9]+/) { print substr($0, RSTART + 8, RLENGTH - 8); exit }'
}

k_need
q_need tbf tbf rate 8kbit burst 200 latency 1s
# shellcheck disable=SC2016 # that shell expands it
unshare -n sh -c 'tc qdisc add dev lo clsact && tc filter add dev lo egress protocol ip flower ip_proto udp \
	dst_port 9 action police rate 8kbit burst 200 conform-exceed drop' 2>/dev/null ||
	tap_skip_all 'police: clsact, cls_flower or act_police is not in this kernel'
k_lab
client2=${TOPO_PREFIX}ns_client2
server=${TOPO_PREFIX}ns_server
k_in client2 tc qdisc add dev veth_c2 clsact
k_in server tc qdisc add dev veth_srv_c2 clsact

# some N NAME: of 8, at least one was, and at least one was not
some()
{
	tap_check "$2 ($1 of 8)" test "$1" -gt 0 -a "$1" -lt 8
}

# limited ADDRESS PROTOCOL
limited()
{
	local address=$1 port said out in full egress='' ingress='' all='tbf, the queueing discipline of veth_c2'
	police client2 veth_c2 egress "$2" 8086
	police server veth_srv_c2 ingress "$2" 8087
	for port in 8086 8087 8088 8089; do
		k_server server apps/time_server "$address" "$port"
	done
	k_run client2 bash tests/kernel/police.sh "$address" veth_c2
	said=$TAP_OUT
	tap_is "O37 $address: all steps run" "$TAP_STATUS" 0
	k_sound "$address"
	out=$(policed client2 veth_c2 egress 8086)
	in=$(policed server veth_srv_c2 ingress 8087)
	full=$(sed -n 's/^full //p' <<<"$said")
	if q_has_reasons; then
		egress="reason=TC_EGRESS why~'a filter of tc on veth_c2 dropped it on its way out*police*'"
		ingress="reason=TC_INGRESS why~'a filter of tc on veth_srv_c2 dropped it on its way in*police*'"
	fi

	some "$out" "O37 $address, policed on the way out: some were dropped"
	k_expect "O37 $address, policed on the way out: dropped before they reach the device's queue, as many as tc counts" "
		call sendto rport=8086 ret=24 errno=none x8
		drop dport=8086 dst=$address netns=$client2 dev=veth_c2 path=$client2/veth_c2 $egress \
			stage!='device queue' stage!=transmit function!=none by=time_burst_clie call=sendto x$out
		drop port=8086 x$out; read dport=8086 reader=time_server qdisc=none x$((8 - out))"

	some "$in" "O37 $address, policed on the way in: some were dropped"
	k_expect "O37 $address, policed on the way in: dropped at the server's device, as many as tc counts" "
		drop dport=8087 dst=$address netns=$server dev=veth_srv_c2 $ingress stage=receive stage!='ip receive' \
			path='$client2/veth_c2 > $server/veth_srv_c2' function!=none x$in
		drop port=8087 x$in; read dport=8087 reader=time_server qdisc=none x$((8 - in))"
	if q_has_reasons; then
		k_is "O37 $address: the remedies name filters, and where" 1+ type=journey packet.dport=8086 \
			'fate.remedy~tc -s filter show dev veth_c2 egress in ns_client2'
		k_is "O37 $address: on the way in too" 1+ type=journey packet.dport=8087 \
			'fate.remedy~tc -s filter show dev veth_srv_c2 ingress in ns_server'
		k_expect "O37 $address: the calls that wait in vain are told which were policed" "
			call recvfrom rport=8086 errno=EAGAIN \
				hint~'*: $(q_ids 8086), which it sent, w*dropped by a filter of tc on veth_c2'
			call recvfrom rport=8087 errno=EAGAIN \
				hint~'*: $(q_ids 8087), which it sent, w*dropped by a filter of tc on veth_srv_c2'"
	else
		tap_skip "O37 $address: that a filter dropped it" 'Linux 5.17 was the first to give drops a reason'
	fi

	tap_like "O37 $address, queued: the client has all its answers" "$said" '8 answered, 0 missing, 0 out of order'
	k_expect "O37, O44 $address, queued: none is dropped; each waits in tbf, the later the longer, in order" "
		{ queued dport=8088 qdisc=tbf qdisc_wait!=none as \$early
		queued dport=8088 qdisc=tbf qdisc_wait>\$early.qdisc_wait*2 qdisc_wait>=50ms began>\$early.began \
			text~'*ms in tbf' stage='qdisc dequeue' passes=veth_c2 overtook=none overtaken_by=none }
		read dport=8088 reader=time_server qdisc=tbf overtook=none x8
		no drop port=8088; no journey sport=8088 qdisc!=none"

	some "$full" "O37 $address, a full queue: some were dropped"
	k_expect "O37 $address, a full queue: what finds no room is dropped by the queueing discipline, not by a filter" "
		drop dport=8089 netns=$client2 dev=veth_c2 stage='device queue' stage!='qdisc enqueue' qdisc_wait=none \
			why~'$all, dropped it: its queue was full' reason!~TC_ x$full
		drop port=8089 x$full; read dport=8089 qdisc=tbf qdisc_wait!=none x$((8 - full))
		call recvfrom rport=8089 errno=EAGAIN \
			hint~'*: $(q_ids 8089), which it sent, w*dropped by $all'"
}

limited 10.0.2.1 ip
limited fd00:0:0:2::1 ipv6

tap_done
