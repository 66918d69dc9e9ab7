#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The independent witness: what tcpdump captures in each namespace, at each device, in each direction
# is what trace says crossed there. And trace says the same when nobody else looks on.
# shellcheck disable=SC2119,SC2317 # mark takes its own arguments; tap.sh calls functions by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# shellcheck source-path=SCRIPTDIR source=witness_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/witness_lib.sh"

witness_need
k_lab
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

send()
{
	quiet client1 "$PYTHON" -IS tests/kernel/peer.py send "$@"
}

mix()
{
	local there
	# to nobody: no route
	quiet client1 apps/time_client -t 0.01 10.0.9.9 8080
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
	mixed_at=$SECONDS
}

# An error about a missing route is not sent within a second of any other ICMP error to the same host
# (ip_error(), Linux 6.18; net.ipv4.route.error_cost, which is one for all namespaces).
second_is_over()
{
	((SECONDS >= mixed_at + 2))
}

k_start "${namespaces[@]}"
start_captures
mix
mark
stop_captures
k_stop
watched=$K_JSON
k_sound 'with tcpdump'
compare_captures

k_start "${namespaces[@]}"
tap_wait_until second_is_over
mix
mark
k_stop
k_sound 'without tcpdump'
tap_check 'the same journeys without tcpdump' \
	"$PYTHON" -IS tests/kernel/witness.py same "$watched" "$K_JSON"

tap_done
