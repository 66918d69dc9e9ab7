#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The same traffic by each backend that this kernel grants: the same journeys with the same fates. By
# functions one datagram shows 25 stages and more; what stacks infer between tracepoints, they time.
# shellcheck disable=SC2317 # scenarios are called by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# One start of trace by each backend, all scenarios under it: some kernels attach probes one by one.
: "${TAP_LIMIT:=120}"
k_lab
doctor=$TAP_TMP/doctor.json
judge=("$PYTHON" -IS tests/kernel/backends.py)
server=${TOPO_PREFIX}ns_server

# A rate limit would make errors a matter of time; kernels before 5.18 have it for the whole machine.
k_in server sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
k_server server apps/time_server 10.0.1.1 8080
k_server server apps/time_server fd00:0:0:1::1 8080
k_server client2 apps/time_server 10.0.2.2 8084

request() { k_in client1 apps/time_client 10.0.1.1 8080; }
closed_port() { k_in client2 apps/time_client 10.0.2.1 8081; }
closed_port_v6() { k_in client2 apps/time_client fd00:0:0:2::1 8081; }
full_buffer() { k_in client1 "$PYTHON" -IS tests/kernel/peer.py send 10.0.1.1 8085 12 500; }
refused() { k_in client1 apps/simple_nc 10.0.1.1 8082 <<<hello; }
exchange() { k_in client1 apps/simple_nc 10.0.1.1 8083 <<<hello; }
forwarded() { k_in client1 apps/time_client 10.0.2.2 8084; }

# traced BACKEND: all scenarios, into $TAP_TMP/BACKEND.json
traced()
{
	local hold sink
	k_server server "$PYTHON" -IS tests/kernel/peer.py hold 10.0.1.1 8085 4096
	hold=$K_SERVER
	k_server server apps/byte_sink -a 8083
	sink=$K_SERVER
	k_start -n "$server" --backend "$1"
	for scenario in request closed_port closed_port_v6 full_buffer refused exchange forwarded; do
		"$scenario" >/dev/null 2>&1
	done
	k_wait 1+ type=journey packet.dport=8084 fate.kind=queued
	k_wait 1+ type=journey packet.sport=8083 packet.tcp.flags~FIN
	tap_stop "$hold"
	tap_stop "$sink"
	k_wait 1+ type=unread
	k_stop
	k_sound "$1"
	# what the kernel skipped is missing among the hops; no verdict rests on it
	[[ $(k_get untimed type=summary) == 0 ]] || echo 'functions were not timed' >>"$K_LOST"
	cp -- "$K_JSON" "$TAP_TMP/$1.json"
}

"$TRACE" doctor --json >"$doctor"
mapfile -t granted < <("${judge[@]}" granted "$doctor")
traced tracepoint
k_is 'tracepoint: a UDP request, a closed port, its error' 1+ type=journey fate.kind=dropped packet.dport=8081
k_is 'tracepoint: the other datagrams for a full buffer' 1+ type=journey fate.kind=dropped packet.dport=8085
if [[ -z ${granted[*]} ]]; then
	why=$("${judge[@]}" refused "$doctor")
	tap_skip 'by functions: the same journeys' "no function can be probed here ($why)"
	tap_skip 'by functions: 25 stages' "no function can be probed here ($why)"
fi
for backend in ${granted[@]+"${granted[@]}"}; do
	traced "$backend"
	tap_check "$backend: the same journeys and fates as by tracepoints" \
		"${judge[@]}" same "$TAP_TMP/tracepoint.json" "$TAP_TMP/$backend.json" \
		"$(k_has_drop_socket && echo exactly)"
	tap_check "$backend: one datagram shows 25 timed stages, in causal order, none twice" \
		"${judge[@]}" stages "$TAP_TMP/$backend.json" 8080 25
	tap_check "$backend: what stacks infer between tracepoints is timed, in the same places and order" \
		"${judge[@]}" inferred "$doctor" "$backend" "$TAP_TMP/tracepoint.json" "$TAP_TMP/$backend.json" 8080
done
tap_run env HOPSCOPE_BACKEND=nonsense "$TRACE"
tap_is 'so it is in the environment' "$TAP_STATUS" 2
tap_run "$TRACE" --backend nonsense
tap_is 'an unknown backend is refused' "$TAP_STATUS" 2
tap_like 'with those that there are' "$TAP_ERR" 'auto, tracepoint, fentry, kprobe.multi or kprobe'
for backend in fentry kprobe.multi kprobe; do
	[[ " ${granted[*]} " != *" $backend "* ]] || continue
	tap_run "$TRACE" --backend "$backend" -- true
	tap_is "$backend, which this kernel refuses: an error" "$TAP_STATUS" 125
	tap_like 'in one line, that says why and what to do' "$TAP_ERR" \
		"^trace: --backend $backend: this kernel refuses it \([^)]*\); leave the option out[^"$'\n'"]*$"
done
tap_done
