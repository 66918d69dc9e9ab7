#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O51: forwarded through a router, a packet is one journey, from the call that sent it to the call that reads
# it. O45: the memory of a packet goes through a veth without a copy, on the same CPU. O46: which softirq
# received it, behind which CPU's backlog, and how long it waited there.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
command -v taskset >/dev/null || tap_skip_all 'taskset is not installed'
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2
there="$client1/veth_c1 > $router/veth_srv_c1 > $router/veth_srv_c2 > $client2/veth_c2"
back="$client2/veth_c2 > $router/veth_srv_c2 > $router/veth_srv_c1 > $client1/veth_c1"
# The CPUs that this test may use.
mapfile -t cpus < <("$PYTHON" -c 'import os; print(*sorted(os.sched_getaffinity(0)), sep="\n")')

# way PLACE...: what has to be timed at each of four places
way()
{
	echo "timed=$1: dev_queue dev_xmit > $2: backlog receive > $3: dev_queue dev_xmit > $4: backlog receive${5:+ $5}"
}

# udp WHAT ADDRESS CLIENT: a request from ns_client1 to ns_client2, and its answer
udp()
{
	local what=$1 address=$2 peer=$3 cpu=${cpus[-1]}

	k_server client2 taskset -c "$cpu" apps/time_server "$address" 8080
	k_run client1 taskset -c "$cpu" apps/time_client "$address" 8080
	tap_is "$what: the client is answered" "$TAP_STATUS" 0
	k_sound "$what"
	k_is "$what: the request, stage by stage through three namespaces" 1 type=journey packet.dport=8080 \
		"$(way ns_client1/veth_c1 ns_server/veth_srv_c1 ns_server/veth_srv_c2 ns_client2/veth_c2 sock_queue)"
	k_is "$what: and the answer" 1 type=journey packet.sport=8080 \
		"$(way ns_client2/veth_c2 ns_server/veth_srv_c2 ns_server/veth_srv_c1 ns_client1/veth_c1 sock_queue)"
	k_expect "O51 $what: each is one journey from call to call, whatever forwarded it" "
		call sendto comm=time_client ret=24 as \$send
		read id=\$send src=$peer dst=$address dport=8080 path='$there' born_netns=$client1 netns=$client2 \
			stage=ip-output|neighbour passes=$router by=time_client call=sendto \
			fate=queued owner=time_server reader=time_server copied=24 cause_kind=call as \$request
		journey udp sport=8080 src=$address dst=$peer path='$back' born_netns=$client2 netns=$client1 \
			owner=time_client read reader=time_client cause_kind=call
		call recvfrom comm=time_client ret=24
		journey udp x2; no drop; no icmp"
	# The softirqs run when the sender has handed the packet over, in its call or in ksoftirqd.
	k_expect "O45 $what: it crosses twice, and stays on the CPU of its sender" "
		journey udp dport=8080 crossings=2 cpus=1 cpu=$cpu stage=transmit stage=backlog
		journey udp sport=8080 crossings=2 cpus=1 cpu=$cpu"
	k_expect "O46 $what: which CPU's backlog, for how long, and that a softirq received it" "
		journey udp dport=8080 softirq backlog_cpu=$cpu backlog_wait>0ns backlog_wait<10s as \$request
		no journey udp id=\$request backlog_wait<1ns
		no journey udp id=\$request backlog_cpu!=$cpu"
	tap_stop "$K_SERVER"
}

# tcp WHAT ADDRESS CLIENT PORT: a connection between the same two
tcp()
{
	local what=$1 address=$2 peer=$3 port=$4

	k_server client2 "$PYTHON" -IS tests/kernel/tcp_peer.py sink "$address" "$port"
	k_start -p $$
	k_in client1 "$PYTHON" -IS tests/kernel/tcp_peer.py count "$address" "$port" 1 10 >"$TAP_TMP/count.out"
	k_wait 1 type=state before=LAST_ACK after=CLOSE || tap_bail "$what: it ends"
	k_stop
	k_sound "$what"
	k_is "$what: the SYN, stage by stage through three namespaces" 1 type=journey packet.dport="$port" \
		packet.tcp.flags=SYN \
		"timed~^ns_client1/veth_c1: dev_queue dev_xmit > ns_server/veth_srv_c1: backlog receive > ns_server/veth_srv_c2: dev_queue dev_xmit > ns_client2/veth_c2: backlog receive"
	k_expect "O51 $what: handshake, data and end: each segment is one journey, and none ends at the router" "
		state SYN_SENT end=client netns=$client1
		journey flags=SYN dport=$port path='$there' src=$peer dst=$address from=client as \$syn
		journey flags=SYN+ACK sport=$port cause=\$syn path='$back' from=server
		state ESTABLISHED end=server netns=$client2
		queued payload=10 dport=$port path='$there' netns=$client2 read reader~python call=sendto as \$data
		journey sport=$port flags=ACK ack=11 path='$back'
		journey flags~FIN dport=$port path='$there'
		journey flags~FIN sport=$port path='$back'
		no journey tcp crossings!=2; no journey tcp netns=$router
		no drop; no reset; no retransmission; no icmp"
	k_expect "O45, O46 $what: every segment in two backlogs, of a CPU that there is" "
		no journey tcp backlog_wait=none; no journey tcp backlog_cpu=none; no journey tcp softirq=no"
	tap_stop "$K_SERVER"
}

udp IPv4 10.0.2.2 10.0.1.2
udp IPv6 fd00:0:0:2::2 fd00:0:0:1::2
tcp 'TCP over IPv4' 10.0.2.2 10.0.1.2 9001
tcp 'TCP over IPv6' fd00:0:0:2::2 fd00:0:0:1::2 9002

tap_done
