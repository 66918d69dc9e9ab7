#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O8, O9, O35, O44: netem, a queueing discipline that loses, delays, reorders and doubles what is given to it.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/qdisc_lib.sh"

k_need
q_need netem netem loss 1%
k_lab
client2=${TOPO_PREFIX}ns_client2
server=${TOPO_PREFIX}ns_server
q_has_reasons && reason=QDISC_DROP || reason=NOT_SPECIFIED
q_has_enqueue && enqueue="stage='qdisc enqueue'" loss='a loss that it was told to make' || enqueue='' loss='a loss'

# netem ADDRESS: all of netem.sh, in one trace
netem()
{
	local address=$1 port log said lost all='netem, the queueing discipline of veth_c2' one
	for port in 8080 8082 8083 8084; do
		k_server server apps/time_server "$address" "$port"
		[[ $port != 8083 ]] || log=$K_LOG
	done
	k_run client2 bash tests/kernel/netem.sh "$address" veth_c2
	said=$TAP_OUT
	tap_is "$address: all steps run" "$TAP_STATUS" 0
	k_sound "$address"

	k_expect "O44 $address: a veth has no queueing discipline, and no packet was in one" "
		queued dport=8080 dst=$address passes=veth_c2 stage='device queue' stage=transmit qdisc=none \
			qdisc_wait=none
		queued sport=8080 passes=veth_srv_c2 qdisc=none qdisc_wait=none
		no journey port=8080 stage='qdisc enqueue'; no journey port=8080 stage='qdisc dequeue'"

	tap_like "O8 $address, all are lost: tc counts one drop" "$said" 'all 1'
	k_expect "O8 $address, all are lost: where, by what, and that it was told to" "
		call sendto rport=8081 ret=24 as \$send
		drop reason=$reason id=\$send dst=$address dport=8081 netns=$client2 dev=veth_c2 $enqueue \
			path=$client2/veth_c2 qdisc_wait=none inferred=no function!=none \
			why~'$all, dropped it: $loss'
		journey port=8081 x1"
	k_is "O8 $address: the remedy is a command for that device, in that namespace" 1+ type=journey \
		packet.dport=8081 'fate.remedy~tc -s qdisc show dev veth_c2 in ns_client2'
	one=$(k_get id type=journey packet.dport=8081)
	k_expect "O8 $address: the client's timeout is explained by it" "
		call recvfrom rport=8081 ret=-1 errno=EAGAIN lasted>=250ms hint~SO_RCVTIMEO \
			hint~': #$one, which it sent, was dropped by $all'"

	lost=$(sed -n 's/^some //p' <<<"$said")
	tap_check "O8 $address: some were lost, some not ($lost of 20)" test "$lost" -gt 0 -a "$lost" -lt 20
	k_expect "O8 $address: as many drops as tc counts; the others reach the server and are answered" "
		drop reason=$reason dst=$address dport=8082 netns=$client2 dev=veth_c2 by=time_burst_clie \
			why~'$all, dropped it' x$lost
		drop port=8082 x$lost
		read dport=8082 reader=time_server qdisc=netem qdisc_wait<50ms x$((20 - lost))
		read sport=8082 reader=time_burst_clie qdisc=none x$((20 - lost))
		call sendto rport=8082 ret=24 sent!=none x20"
	k_expect "O8 $address: the call that waits for the lost ones in vain is told which they are" "
		call recvfrom rport=8082 errno=EAGAIN hint~': $(q_ids 8082), which it sent, w' hint~'dropped by $all'"
	tap_like "O8 $address: the client prints what is missing" "$said" "$((20 - lost)) answered, $lost missing"

	k_expect "O9 $address: where they waited and how long; which overtook which" "
		{ queued dport=8083 qdisc=netem qdisc_wait<50ms overtook!=none overtaken_by=none \
			text~'*in netem, ahead of #*' as \$fast
		queued dport=8083 qdisc=netem qdisc_wait>=100ms overtook=none overtaken_by=\$fast born<\$fast.born \
			text~'*ms in netem, overtaken by #*' passes=veth_c2 }
		queued dport=8083 stage='qdisc dequeue' qdisc_wait!=none x12; no drop port=8083
		read dport=8083 reader=time_server x12; read sport=8083 reader=time_burst_clie x12"
	tap_is "O9 $address: the very ones that the server received in another order" \
		"$(q_overtaking 8083)" "$(q_inversions "$log")"
	tap_like "O9 $address: and the client says so" "$said" '12 answered, 0 missing, [1-9][0-9]* out of order'

	k_expect "O35 $address: a duplicate is a journey of its own, made by netem, related to the original" "
		call sendto rport=8084 ret=24 as \$send
		{ read id=\$send dport=8084 duplicate_of=none stage='device queue' caused!=none as \$first
		read dport=8084 dst=$address duplicate_of=\$first cause=\$first relation=clone of=\$first cause_text~'a duplicate, made by $all' \
			born_netns=$client2 born_dev=veth_c2 stage=transmit stage!='device queue' call=none id!=\$send \
			path='$client2/veth_c2 > $server/veth_srv_c2' as \$second }
		read dport=8084 reader=time_server x2; journey dport=8084 x2"
	k_expect "O35 $address: both are read and answered; one answer more than the client takes" "
		journey sport=8084 duplicate_of=none qdisc=none by=time_server x2
		{ read sport=8084 reader=time_client; unread sport=8084 }"

	one=$(k_get id type=journey packet.dport=8085)
	k_expect "O9 $address: the client gave up while its datagram still waited" "
		call recvfrom rport=8085 errno=EAGAIN \
			hint~': #$one, which it sent, still waits in $all'"
}

for address in 10.0.2.1 fd00:0:0:2::1; do
	netem "$address"
done

tap_done
