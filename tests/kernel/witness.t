#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The independent witness: what tcpdump captures in each namespace, at each device, in each direction
# is what trace says crossed there. And trace says the same when nobody else looks on.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v tcpdump >/dev/null || tap_skip_all 'tcpdump is not installed'
command -v ping >/dev/null || tap_skip_all 'ping is not installed'
k_lab

places=(client1/lo client1/veth_c1 server/lo server/veth_srv_c1 server/veth_srv_c2 client2/lo client2/veth_c2)
namespaces=(-n "${TOPO_PREFIX}ns_client1" -n "${TOPO_PREFIX}ns_server" -n "${TOPO_PREFIX}ns_client2")

# Both runs shall have the same ICMP errors.
for who in client1 server client2; do
	k_in "$who" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
done

for address in 10.0.1.1 fd00:0:0:1::1 127.0.0.1 ::1; do
	k_server server apps/time_server "$address" 8080
done
for address in 10.0.2.2 fd00:0:0:2::2; do
	k_server client2 apps/time_server "$address" 8080
	k_server client2 "$PYTHON" -IS tests/kernel/peer.py hold "$address" 9000
done

# quiet WHO COMMAND...: it may fail; how is not the question here
quiet()
{
	k_in "$@" >/dev/null 2>&1
}

send()
{
	quiet client1 "$PYTHON" -IS tests/kernel/peer.py send "$@"
}

mix()
{
	local there
	# served, here and through the router; closed ports, connected and not, here and there
	for there in 10.0.1.1 fd00:0:0:1::1 10.0.2.2 fd00:0:0:2::2; do
		quiet client1 apps/time_client "$there" 8080
		quiet client1 apps/time_client "$there" 8081
		quiet client1 apps/time_client -U -t 0.01 "$there" 8081
	done
	quiet client2 apps/time_client 10.0.2.1 8080
	quiet client2 apps/time_client fd00:0:0:2::1 8080
	for there in 127.0.0.1 ::1; do
		quiet server apps/time_client "$there" 8080
		quiet server apps/time_client "$there" 8081
	done
	quiet client1 apps/time_burst_client 10.0.2.2 8080 20
	quiet client2 ping -n -c 2 -i 0.01 10.0.1.2
	quiet client2 ping -n -c 2 -i 0.01 fd00:0:0:1::2
	for there in 10.0.2.2 fd00:0:0:2::2; do
		send "$there" 9000 2 3000
		send "$there" 9000 1 100 1
		quiet client1 ping -n -c 1 -t 1 "$there"
		quiet client1 ping -n -c 1 -s 4000 "$there"
	done
	# to nobody: no route, no such neighbour's answer is waited for
	quiet client1 apps/time_client -t 0.01 10.0.9.9 8080
}

# The last ones, over every device both ways, so that it is known when the captures have all.
mark()
{
	quiet client1 ping -n -c 1 -p 6861727065646961 10.0.2.2
	for who in client1 server client2; do
		quiet "$who" ping -n -c 1 -p 6861727065646961 127.0.0.1
	done
}

start_captures()
{
	local place dev direction pcap capture
	captures=()
	rm -f -- "$TAP_TMP"/*.pcap
	for place in "${places[@]}"; do
		dev=${place#*/}
		for direction in in out; do
			# libpcap shows what passes lo only once, as it comes in
			[[ $dev/$direction != lo/out ]] || continue
			pcap=$TAP_TMP/ns_${place%/*}.$dev.$direction.pcap
			tap_background "${pcap##*/}" ip netns exec "${TOPO_PREFIX}ns_${place%/*}" \
				tcpdump -i "$dev" -Q "$direction" -n -p -s 2048 -B 8192 -U \
				--immediate-mode -w "$pcap" 'ip or ip6'
			captures+=("$TAP_PID $pcap")
		done
	done
	for capture in "${captures[@]}"; do
		tap_wait_until grep -q '^tcpdump: listening on' "$TAP_TMP/${capture##*/}.err" ||
			tap_bail 'tcpdump starts' "$(<"$TAP_TMP/${capture##*/}.err")"
	done
}

# Sets captures_bad to what is missing.
stop_captures()
{
	local capture
	captures_bad=
	for capture in "${captures[@]}"; do
		tap_wait_until grep -q harpedia "${capture#* }" ||
			captures_bad+="${capture##*/} has no mark "
	done
	for capture in "${captures[@]}"; do
		tap_stop "${capture%% *}" INT
		grep -q '^0 packets dropped by kernel' "$TAP_TMP/${capture##*/}.err" ||
			captures_bad+="${capture##*/}: $(<"$TAP_TMP/${capture##*/}.err") "
	done
}

k_start "${namespaces[@]}"
start_captures
mix
mark
stop_captures
k_stop
[[ -z $captures_bad ]] || : >"$K_LOST"
watched=$K_JSON
tap_is 'tcpdump captured everything' "$captures_bad" ''
k_sound 'with tcpdump'
tap_check 'each namespace, device and direction: the same packets' \
	"$PYTHON" -IS tests/kernel/witness.py devices "$watched" "$TAP_TMP"
tap_diag "$("$PYTHON" -IS tests/kernel/witness.py devices "$watched" "$TAP_TMP" | tail -n 1)"

k_start "${namespaces[@]}"
mix
mark
k_stop
k_sound 'without tcpdump'
tap_check 'the same journeys without tcpdump' \
	"$PYTHON" -IS tests/kernel/witness.py same "$watched" "$K_JSON"

tap_done
