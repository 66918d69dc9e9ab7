#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O39, O40, O41, O47, O48, O49: what the kernel decides on the way: how a packet is built, routes, the next hop's link-layer address,
# who computes the checksum, which socket gets the packet, and when its reader runs.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab_cold
server=${TOPO_PREFIX}ns_server
k_server server apps/time_server 10.0.1.1 8080
k_server server apps/time_server fd00:0:0:1::1 8080
k_server server "$PYTHON" -IS tests/kernel/peer.py share 0.0.0.0 8085
wide=$K_SERVER
k_server server "$PYTHON" -IS tests/kernel/peer.py share 10.0.1.1 8085
exact=$K_SERVER
k_server client2 apps/time_server 10.0.2.2 8081
k_server client2 apps/time_server fd00:0:0:2::2 8081

# says WHAT N PORT REGEX: so many journeys to that port have a hop that says so
says()
{
	k_is "$1" "$2" type=journey packet.proto=UDP "packet.dport=$3" "hops.text~$4"
}

# O41: nobody knows the link-layer address yet
# shellcheck disable=SC2034 # used by name
v4=(10.0.1.1 ARP)
# shellcheck disable=SC2034
v6=(fd00:0:0:1::1 ICMPv6)
for version in v4 v6; do
	declare -n is=$version
	k_run client1 apps/time_client -U "${is[0]}" 8080
	tap_is "O41 $version: the client is served" "$TAP_STATUS" 0
	k_sound "O41 $version"
	k_is "O41 $version: a question for the next hop's address, by the client's call" 1 type=journey \
		"packet.proto=${is[1]}" cause.kind=call cause.call=sendto fate.kind=consumed
	k_is "O41 $version: its answer, provoked by the question" 1 type=journey \
		"packet.proto=${is[1]}" cause.kind=journey "cause.journey.packet.proto=${is[1]}" \
		cause.journey.cause.kind=call fate.kind=consumed
	says "O41 $version: the request waited for it, and went when it came" 1 8080 \
		"waited for the next hop's link-layer address"
	k_expect "O41 $version: it is the client's datagram all the same, and it is read" "
		journey udp dport=8080 by=time_client call=sendto fate=queued read=yes reader=time_server
		journey udp dport=8080 x1"
	k_run client1 apps/time_client -U "${is[0]}" 8080
	k_is "O41 $version: once known, nobody asks and nothing waits" 0 type=journey packet.dport=8080 \
		"hops.text~waited"
done

# O40: from a call, an unconnected socket's: the table is asked; each router on the way asks its own
k_neighbours
for address in 10.0.2.2 fd00:0:0:2::2; do
	[[ $address == *:* ]] && via='fd00:0:0:1::1' first='veth_c1 \(table main: default\)' \
		second='veth_srv_c2 \(table main: fd00:0:0:2::/64\)' ||
		via='10\.0\.1\.1' first='veth_c1 \(table main: default, inferred\)' \
			second='veth_srv_c2 \(table main: 10\.0\.2\.0/24, inferred\)'
	k_run client1 apps/time_client -U "$address" 8081
	tap_is "O40 $address: the client is served" "$TAP_STATUS" 0
	says "O40 $address: the way out: next hop, device, table" 1 8081 "^via $via, $first$"
	says "O40 $address: the router's: on the link there" 1 8081 "^on the link, $second$"
	says "O40 $address: at the end it is an address of that namespace" 1 8081 '^[0-9a-f.:]+ is an address here \('
	k_is "O40 $address: in that order, where it happened" 1 type=journey packet.dport=8081 hops.stage=route_out \
		hops.stage=route_in
done
k_run client1 apps/time_client 10.0.2.2 8081
says 'O40: a connected socket keeps its route: none is looked up for the datagram' 0 8081 '^via 10\.0\.1\.1'
says 'O40: but the router looks' 1 8081 '^on the link, veth_srv_c2'
k_in server ip route add blackhole 10.9.9.0/24
k_start -n "$server"
k_in client1 apps/time_client -U -t 0.2 10.9.9.9 9 2>/dev/null
k_wait 1 type=journey packet.dst=10.9.9.9 fate.kind=dropped
k_stop
k_is 'O40: a blackhole is named, and the packet dies there' 1 type=journey packet.dst=10.9.9.9 \
	fate.kind=dropped fate.netns=ns_server 'hops.text~^blackhole \(table main\)$'

# O39: from the system call to an skb: who built it, how long it is, and how much room it has for headers
for address in 10.0.1.1 fd00:0:0:1::1; do
	[[ $address == *:* ]] && len=72 build=udpv6_sendmsg || len=52 build=udp_sendmsg
	k_run client1 apps/time_client "$address" 8080
	k_expect "O39 $address: 24 bytes of a call are an skb, with headers and headroom" "
		call sendto len=24 ret=24 comm=time_client as \$send
		journey udp dport=8080 id=\$send payload=24 len=$len headroom>13 headroom<510 stage='udp send'"
	# timed, or named by a stack
	[[ $(k_way UDP_SEND) == function ]] && field=functions || field=function
	k_is "O39 $address: built in that function" 1 type=journey packet.dport=8080 "hops.$field=$build"
done

# O47: over veth nobody computes a checksum, and the receiver takes it as good
k_run client1 apps/time_client 10.0.1.1 8080
k_expect 'O47: the checksum is left to the device, which has none: it is read all the same' "
	journey udp dport=8080 checksum_left=yes fate=queued read=yes
	journey udp sport=8080 checksum_left=yes fate=queued read=yes"
if k_in client1 "$PYTHON" -IS tests/kernel/offload.py veth_c1 tx off 2>/dev/null; then
	k_run client1 apps/time_client 10.0.1.1 8080
	k_expect 'O47: with offload off the sender computes it' "
		journey udp dport=8080 checksum_left=no fate=queued read=yes
		journey udp sport=8080 checksum_left=yes fate=queued read=yes"
	k_in client1 "$PYTHON" -IS tests/kernel/offload.py veth_c1 tx on
else
	tap_skip 'O47: with offload off the sender computes it' 'this kernel does not let veth change its offloads'
fi

# O48: two sockets would take it; the one that is bound to the very address gets it
k_run client1 "$PYTHON" -IS tests/kernel/peer.py send 10.0.1.1 8085 1 4
k_is 'O48: to which socket, and before which other' 1 type=journey packet.dport=8085 fate.kind=queued \
	"fate.owner.pid=$exact" \
	"fate.why~^0\.0\.0\.0:8085 of [^ ]+\[$wide\] would take it too; the more exact one gets it$"
tap_stop "$exact"
k_run client1 "$PYTHON" -IS tests/kernel/peer.py send 10.0.1.1 8085 1 4
k_is 'O48: alone it is the only candidate' 1 type=journey packet.dport=8085 fate.kind=queued \
	"fate.owner.pid=$wide" fate.why=
k_run client1 apps/time_client 10.0.1.1 8080
k_sound 'O49'

# O49: the reader sleeps in its call, is woken, runs, copies
if [[ $(k_way WAKEUP) == tracepoint ]]; then
	k_is 'O49: queued, woken, running, in that order' 1 type=journey packet.dport=8080 \
		hops.stage=sock_queue hops.stage=wakeup 'hops.text~^time_server\[[0-9]+\]$' hops.stage=running read.waited\>0
	tap_check 'O49: times grow' "$PYTHON" -c '
import json, sys
for line in open(sys.argv[1]):
    j = json.loads(line)
    if j["type"] == "journey" and j["packet"].get("dport") == 8080:
        t = {h["stage"]: h["time"] for h in j["hops"]}
        assert t["sock_queue"] <= t["wakeup"] <= t["running"] <= j["read"]["time"], t
        break
else:
    raise SystemExit("no such journey")' "$K_JSON"
else
	tap_skip 'O49: queued, woken, running, in that order' 'the tracepoint sched_waking is not there'
	tap_skip 'O49: times grow' 'the tracepoint sched_waking is not there'
fi
tap_done
