#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The independent witness, of TCP: what tcpdump captures at each device is what trace says crossed
# there, segment for segment, as large as the tap sees them. Connections that end well show no drop.
# And trace says the same when nobody else looks on. SEED=N repeats the random connections.
# shellcheck disable=SC2317 # functions that tap.sh calls by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=witness_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/witness_lib.sh"

witness_need
k_lab
tap_need_program apps/byte_sink apps/simple_nc apps/kv_store apps/kv_client apps/random_server apps/random_client
namespaces=(-n "${TOPO_PREFIX}ns_client1" -n "${TOPO_PREFIX}ns_server" -n "${TOPO_PREFIX}ns_client2")
seed=${SEED:-$RANDOM}

for who in server client2; do
	k_server "$who" apps/byte_sink -a 8080
	k_server "$who" apps/kv_store 8085
	k_server "$who" apps/random_server 8089
done

# fetch WHO ADDRESS BYTES: from the random_server there
fetch()
{
	local got
	got=$(k_in "$1" apps/random_client "$2" 8089 "$3" | wc -c)
	[[ $got == "$3" ]] || tap_fail "$1 gets $3 bytes from $2" "$got"
}

# Connections that end well: short, long, with questions and answers; here, next door, through the router.
clean()
{
	local where who address
	for where in client1/10.0.1.1 client1/fd00:0:0:1::1 client1/10.0.2.2 client1/fd00:0:0:2::2 \
		client2/10.0.2.1 server/127.0.0.1 server/::1; do
		who=${where%%/*}
		address=${where#*/}
		printf 'a line\n%064000d\n' 0 | k_in "$who" apps/simple_nc "$address" 8080 >/dev/null
		printf 'set a 1\nget a\nlist\ncount\ndel a\nquit\n' |
			k_in "$who" apps/kv_client "$address" 8085 >/dev/null
		fetch "$who" "$address" 300000
	done
}

# random [steady]: connections that end in all ways
random()
{
	tap_run "$PYTHON" -IS tests/kernel/tcp_counters.py traffic "$seed" "$@"
	((TAP_STATUS == 0)) || tap_fail "seed $seed: traffic" "$TAP_ERR"
	tap_diag "$TAP_ERR"
}

# watched WHAT COMMAND...: traces and captures it
watched()
{
	local what=$1
	shift
	k_start "${namespaces[@]}"
	start_captures
	"$@"
	mark
	stop_captures
	k_stop
	k_sound "$what"
	compare_captures "$what"
}

watched 'clean' clean
tap_check 'clean: nothing is dropped' "$PYTHON" -IS tests/kernel/witness.py clean "$K_JSON"
k_is 'clean: segments were larger than a frame, at least that of each long line' 7+ type=journey \
	packet.proto=TCP 'packet.length>1500' packet.dport=8080

watched "seed $seed" random

# long_line: in one write, as many small ones may leave one by one
long_line()
{
	printf '%064000d\n' 0 | k_in client1 apps/simple_nc 10.0.1.1 8080 >/dev/null
}

# What TCP leaves to the device, and the device does not do: segments are cut before the tap.
if k_in client1 "$PYTHON" -IS tests/kernel/offload.py veth_c1 tso off 2>/dev/null; then
	watched 'cut' long_line
	tap_check 'cut: nothing is dropped' "$PYTHON" -IS tests/kernel/witness.py clean "$K_JSON"
	k_is 'cut: segments as large as a frame crossed the link' 0 type=journey packet.proto=TCP \
		'packet.length>1500' 'timed~veth_srv_c1'
	k_is 'cut: each of the segments says which one it was cut from' 2+ type=journey packet.proto=TCP \
		packet.length=1500 relation.kind=segment relation.of!=null
	k_in client1 "$PYTHON" -IS tests/kernel/offload.py veth_c1 tso on
else
	tap_skip 'cut' 'this kernel does not let veth change its offloads'
fi

watched "steady, seed $seed" random steady
first=$K_JSON
k_start "${namespaces[@]}"
random steady
mark
k_stop
k_sound 'without tcpdump'
tap_check 'the same journeys without tcpdump' \
	"$PYTHON" -IS tests/kernel/witness.py same "$first" "$K_JSON"

tap_done
