#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O34: packets in which a bit was changed on the way. The checksum that covers it finds it; who sent the packet
# is not told, and only TCP sends again.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/qdisc_lib.sh"

k_need
q_need netem netem corrupt 1%
k_lab
client2=${TOPO_PREFIX}ns_client2
server=${TOPO_PREFIX}ns_server
# A bit of a header may be one that another check looks at first.
checks='UDP_CSUM|TCP_CSUM|IP_CSUM|IP_INHDR|OTHERHOST|UNHANDLED_PROTO|PKT_TOO_SMALL|IP_INADDRERRORS|IP_NOPROTO|NO_SOCKET|NOT_SPECIFIED'

# counters ADDRESS: sets udp, tcp, ip: checksum errors that ns_server has counted
counters()
{
	if [[ $1 == *:* ]]; then
		udp=$(q_counter server snmp6 '' Udp6InCsumErrors)
	else
		udp=$(q_counter server snmp Udp InCsumErrors)
	fi
	tcp=$(q_counter server snmp Tcp InCsumErrors)
	ip=$(q_counter server netstat IpExt InCsumErrors)
}

# corrupted ADDRESS FUNCTIONS
corrupted()
{
	local address=$1 version=4 told='no told' udp tcp ip udp_before tcp_before ip_before
	# The header of IPv6 has no checksum: one to another address is routed, and answered by "no route".
	[[ $address != *:* ]] || version=6 told=''
	k_server server "$PYTHON" -IS tests/kernel/peer.py hold "$address" 9000
	k_server server "$PYTHON" -IS tests/kernel/peer.py hold "$address" 9002
	k_server server "$PYTHON" -IS tests/kernel/tcp_peer.py sink "$address" 9001
	counters "$address"
	udp_before=$udp tcp_before=$tcp ip_before=$ip
	k_run client2 "$PYTHON" -IS tests/kernel/corrupt.py "$address" veth_c2
	tap_is "O34 $address: all was sent" "$TAP_STATUS" 0
	counters "$address"
	udp=$((udp - udp_before)) tcp=$((tcp - tcp_before)) ip=$((ip - ip_before))

	k_expect "O34 $address: no call fails, and hardly a datagram arrives: each is dropped by a check, in ns_server" "
		call sendto port=9000 ret=40 errno=none x20
		drop dport=9000 payload=40 reason=$checks netns=$server dev=veth_srv_c2 qdisc=netem \
			path='$client2/veth_c2 > $server/veth_srv_c2' x12-20
		journey dport=9000 x20; $told"
	if q_has_reasons; then
		tap_check "O34 $address: checksum errors were counted (UDP $udp, TCP $tcp, IP $ip)" test "$udp" -gt 5
		k_expect "O34 $address: as many drops as UDP counts wrong checksums, where, and by which function" "
			drop UDP_CSUM proto=UDP netns=$server function~udp function~rcv at='udp receive'|checksum|'udp queue' \
				why~'UDP checksum is wrong' caused=none
			drop UDP_CSUM proto=UDP x$udp"
		k_is "O34 $address: with a remedy" "$udp" type=journey fate.reason=UDP_CSUM 'fate.remedy~tc qdisc'
		((version == 6)) || k_expect "O34 $address: as many as IP counts: the header has a checksum of its own" "
			drop IP_CSUM function=ip_rcv_core why~'IPv4 header' x$ip"
		((tcp == 0)) || k_expect "O34 $address: as many as TCP counts" "
			drop TCP_CSUM proto=TCP netns=$server dev=veth_srv_c2 function~tcp_ why~'TCP checksum is wrong' x$tcp"
	else
		tap_skip "O34 $address: which check it was" 'Linux 5.17 was the first to give drops a reason'
		k_expect "O34 $address: the function says which check it was" "
			drop dport=9000 function=__udp4_lib_rcv|__udp6_lib_rcv|udp_rcv|udpv6_rcv|ip_rcv_core x5-20"
	fi
	if ! q_has_reasons; then
		tap_skip "O34 $address: TCP's segment is dropped" \
			'without a reason (Linux 5.17) that looks like a segment that was joined to another'
		return
	fi
	k_expect "O34 $address: TCP's segment is dropped, and sent again without a program's doing: that arrives" "
		call sendto rport=9001 ret=1400 errno=none as \$send
		drop id=\$send dport=9001 payload=1400 reason=$checks retransmission=0 qdisc=netem netns=$server \
			dev=veth_srv_c2 as \$bad
		retransmission of=\$bad dport=9001 payload=1400 timer!=none resent_after>0ms fate=queued qdisc=none \
			netns=$server began>\$bad.born"
}

corrupted 10.0.2.1
corrupted fd00:0:0:2::1

tap_done
