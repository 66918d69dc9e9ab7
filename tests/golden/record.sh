#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# record.sh [NAME...] records what tests/golden/golden.t shows again: real packets, in namespaces made for it. To be run by
# hand, as root, on a machine where nothing else sends (a recording holds all that the kernel told),
# when the records' format has changed; then UPDATE=1 prove tests/golden/golden.t, and look.
set -u
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd) || exit 1
cd -- "$here/../.." || exit 1
export TOPO_PREFIX=
pids=()
wanted=("$@")

# shellcheck disable=SC2317 # called by the trap
leave()
{
	((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
	topo/two_clients.sh down >/dev/null
	topo/netns_host.sh down >/dev/null
}
trap leave EXIT
topo/two_clients.sh up || exit 1
topo/netns_host.sh up || exit 1

# serve NETNS COMMAND...
serve()
{
	local log
	log=$(mktemp) || exit 1
	ip netns exec "$@" >"$log" 2>&1 &
	pids+=($!)
	until grep -q 'bound to' "$log"; do sleep 0.05; done
	rm -f -- "$log"
}

# Again until no other namespace's packets are in it.
record()
{
	local name=$1
	shift
	((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
	for _ in {1..50}; do
		./trace --stacks=always -w "$here/$name.rec" "$@"
		./trace read "$here/$name.rec" --json | grep -q '"type":"loss"' && continue
		strings "$here/$name.rec" | grep -qE '^(net:|flood|[a-z0-9]+_ns_)' || return 0
	done
	echo "record.sh: $name: this machine is not quiet" >&2
	exit 1
}

serve ns_server apps/time_server 10.0.1.1 8080
serve ns_server apps/time_server :: 8081
record arp -- ip netns exec ns_client1 apps/time_client 10.0.1.1 8080
record request -- ip netns exec ns_client1 apps/time_client 10.0.1.1 8080
ip netns exec ns_client2 bash -c 'echo >/dev/udp/10.0.2.1/9'
record closed_port -- ip netns exec ns_client2 apps/time_client 10.0.2.1 8080
record unconnected -- ip netns exec ns_client2 apps/time_client -U -t 0.2 10.0.2.1 8080
record rate_limit -- ip netns exec ns_client2 apps/time_burst_client -t 0.2 10.0.2.1 8080 12
# Two clients on two CPUs, five datagrams each, from the same microsecond on.
# shellcheck disable=SC2016 # the inner shells expand
record ten -- bash -c '
	export at=$((${EPOCHREALTIME/./} + 500000))
	for who in "ns_client1 0" "ns_client2 1"; do
		read -r netns cpu <<<"$who"
		ip netns exec "$netns" taskset -c "$cpu" bash -c "
			until ((\${EPOCHREALTIME/./} >= at)); do :; done
			for i in {1..5}; do echo \$i >/dev/udp/10.0.1.1/8080; done" &
	done
	wait'
# Addresses as long as they can be.
ip -n ns_server addr add fd00:1111:2222:3333:4444:5555:6666:7777/64 dev veth_srv_c1 nodad
ip -n ns_client1 addr add fd00:1111:2222:3333:8888:9999:aaaa:bbbb/64 dev veth_c1 nodad
record long_addresses -- ip netns exec ns_client1 \
	apps/time_client fd00:1111:2222:3333:4444:5555:6666:7777 8081
record long_refused -- ip netns exec ns_client1 \
	apps/time_client fd00:1111:2222:3333:4444:5555:6666:7777 65535
record forwarded -- ip netns exec ns_client1 ping -c 1 -W 1 10.0.2.2
ip netns exec myns ping -c 1 10.0.0.2 >/dev/null # addresses are known from here on
# TCP: an orderly close, which the client begins. Programs that are started here are followed whole.
# shellcheck disable=SC2016 # the inner shell expands
record close -- bash -c '
	ip netns exec myhost apps/byte_sink -a 8080 >/dev/null 2>&1 &
	until ip netns exec myhost ss -ltnH "sport = 8080" | grep -q .; do :; done
	echo hello | ip netns exec myns apps/simple_nc 10.0.0.2 8080 >/dev/null
	until ip netns exec myhost ss -tnH state all "sport = 8080" | grep -vqE "ESTAB|CLOSE-WAIT"; do :; done
	sleep 0.1
	kill $!
	wait'
