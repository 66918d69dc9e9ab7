#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make demo: two datagrams on their way through the kernel, one that arrives and one that does not.
# Installs what is missing, builds as the caller, and is root only for namespaces and tracing. With
# VM=KERNEL (tests/vm/kernels) it runs in a VM with that kernel, and root is not needed.
set -u
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

say()
{
	printf '\n'
	printf '%s\n' "$@"
	printf '\n'
}

if [[ ${IN_VM-} != 1 ]]; then
	[[ -z ${VM-} ]] || tests/vm/kit.sh known "$VM" || exit 1
	tools/deps.sh install "$([[ -n ${VM-} ]] && echo vm || echo demo)" || exit 1
	as_caller make -j"$(nproc)" || die 'the build failed; the first message above says why'
	if [[ -n ${VM-} ]]; then
		say "Starting a virtual machine with Linux $VM. It is many times slower than this one."
		export IN_VM=1
		terminal=()
		[[ ! -t 0 || ! -t 1 ]] || terminal=(-i)
		as_caller tests/vm/run.sh -k "$VM" "${terminal[@]}" -e IN_VM -e VM -- tools/demo.sh
		exit
	fi
fi
can_be_root || die 'namespaces and tracing need root, and there is no sudo: run make demo as root'
is_root || say 'From here on root is needed, for network namespaces and for tracing.'

# A short name where it is free: the columns of the views are narrow.
export TOPO_PREFIX=demo_
! ip netns list | grep -q "^$TOPO_PREFIX" || TOPO_PREFIX=demo$$_
server=
out=$(mktemp -d "${TMPDIR:-/tmp}/demo.XXXXXXXX") || exit 1

# Ends what runs in the namespaces and removes them.
tear_down()
{
	local name pids
	for name in ns_client1 ns_server ns_client2; do
		read -ra pids < <(as_root ip netns pids "$TOPO_PREFIX$name" 2>/dev/null | xargs)
		((${#pids[@]} == 0)) || as_root kill "${pids[@]}" 2>/dev/null
	done
	[[ -z $server ]] || wait "$server" 2>/dev/null
	server=
	as_root env TOPO_PREFIX="$TOPO_PREFIX" topo/two_clients.sh down >/dev/null
	rm -rf -- "$out"
}

# shellcheck disable=SC2317 # called by the trap
leave()
{
	local status=$?
	trap '' INT TERM
	tear_down
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

as_root env TOPO_PREFIX="$TOPO_PREFIX" topo/two_clients.sh up >/dev/null || die 'the topology could not be set up'

as_root ip netns exec "${TOPO_PREFIX}ns_server" apps/time_server 10.0.1.1 8080 \
	</dev/null >"$out/server" 2>&1 &
server=$!
deadline=$((SECONDS + 20))
until grep -q 'bound to' "$out/server"; do
	if ! kill -0 "$server" 2>/dev/null || ((SECONDS > deadline)); then
		cat "$out/server" >&2
		die 'time_server did not start'
	fi
	sleep 0.05
done

# One datagram to nowhere each way, so that the hardware addresses are known and no ARP is in the way.
for pair in ns_client1/10.0.1.1 ns_client2/10.0.2.1; do
	as_root ip netns exec "$TOPO_PREFIX${pair%/*}" bash -c "echo >/dev/udp/${pair#*/}/9"
done

say 'Three network namespaces now play three machines:' '' \
	'    ns_client1            ns_server             ns_client2' \
	'    10.0.1.2 ──────── 10.0.1.1  10.0.2.1 ──────── 10.0.2.2' '' \
	"In this run each name begins with $TOPO_PREFIX. In ns_server a program," \
	'time_server, tells the time over UDP. It is bound to 10.0.1.1, port 8080, and' \
	'to no other address.'

say '1. Client 1 asks 10.0.1.1 for the time.' '' \
	'Watch two datagrams: the request, #1, and its answer, #2. Each line is one hop.' \
	'See where the request leaves ns_client1, where it is received in ns_server, and' \
	"where it waits in the server's socket until the server reads it. Then the answer" \
	'takes the same way back.'
as_root ./trace --follow -- ip netns exec "${TOPO_PREFIX}ns_client1" apps/time_client 10.0.1.1 8080
first=$?

say '2. Client 2 asks 10.0.2.1, another address of the same server.' '' \
	'The datagram arrives all the same: see it cross into ns_server. But the socket' \
	'is bound to 10.0.1.1, so none matches, and UDP drops the packet with a reason.' \
	'The kernel tells the sender with an ICMP message, a packet of its own; look how' \
	"that turns into an error of the client's call."
as_root ./trace --tree -- ip netns exec "${TOPO_PREFIX}ns_client2" apps/time_client 10.0.2.1 8080
second=$?

((first == 0)) || die "client 1 should have been served, but ended with $first"
((second != 0 && second != 125)) || die "client 2 should have been refused, but ended with $second"
trap - EXIT
tear_down
if [[ ${IN_VM-} == 1 ]]; then
	say 'That was it. To go on by yourself in such a machine:' '' \
		"    make vm KERNEL=$VM" \
		'    topo/two_clients.sh up' \
		'    ./trace --tree -- ip netns exec ns_client1 ping -c 1 10.0.2.2'
	exit
fi
say 'That was it; the namespaces are gone again. To go on by yourself:' '' \
	'    sudo topo/two_clients.sh up' \
	'    sudo ./trace --tree -- ip netns exec ns_client1 ping -c 1 10.0.2.2' \
	'    ./trace explain NO_SOCKET        any word of the output, explained' \
	'    ./trace stages                   every place on the way'
