#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# No event is lost in silence: what was written and what was counted as lost is what there was, by the
# count of a second program that does nothing else (bench/count). Nothing lost, nothing is marked; with
# rings that are far too small for a flood, what is not marked as incomplete is right.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_need_reasons
bench=${BENCH:-build/bench}
k_lab
tap_need_program "$bench/flood" "$bench/count"
command -v taskset >/dev/null || tap_skip_all 'taskset is not installed'

# shellcheck disable=SC2317 # tap_wait_until calls them
has()
{
	[[ -s $1 ]]
}

flood()
{
	k_in client1 "$bench/flood" send 10.0.1.1 "$@"
}

# The recording has grown: by ticks at least, so some time has passed and what waited is written.
pause()
{
	local before
	before=$(stat -c %s "$recording")
	tap_wait_until has_grown "$((before + 480))"
}

# shellcheck disable=SC2317
has_grown()
{
	(($(stat -c %s "$recording") >= $1))
}

# each_cpu: a datagram sent from each CPU
each_cpu()
{
	local cpu
	for ((cpu = 0; cpu < $(getconf _NPROCESSORS_ONLN); cpu++)); do
		taskset -c "$cpu" ip netns exec "${TOPO_PREFIX}ns_client1" \
			"$bench/flood" send 10.0.1.1 9000 1 >/dev/null || tap_fail "a datagram from CPU $cpu"
	done
}

# watch RING SECONDS COUNT: traces that flood, with a second one to a closed port beside it
watch()
{
	local ring=$1 seconds=$2 count=$3 counter other
	recording=$TAP_TMP/recording
	counts=$TAP_TMP/count.out
	rm -f "$recording" "$counts"
	tap_background count "$bench/count" 120
	counter=$TAP_PID
	tap_wait_until has "$counts" || tap_bail 'bench/count starts' "$(<"$TAP_TMP/count.err")"
	k_start --stacks=never -w "$recording" --ring "$ring" -n "${TOPO_PREFIX}ns_server"
	pause
	flood 9001 "$((count / 10))" "$seconds" >"$TAP_TMP/other" &
	other=$!
	flood 9000 "$count" "$seconds" >"$TAP_TMP/sent"
	wait "$other"
	# The last of the flood are lost; from here on the numbers go on without a gap.
	for _ in 1 2 3; do
		pause
		each_cpu
	done
	pause
	k_stop
	tap_stop "$counter" INT
}

# Until there was a quiet moment before and after, and the flood got the small ring to overflow.
watch_quietly()
{
	local try why
	for ((try = 1; try <= 10; try++)); do
		watch "$@"
		why=$("$PYTHON" -IS tests/kernel/loss.py quiet "$recording" "$counts" 2>&1) && return
		tap_diag "try $try: $why"
	done
}

check()
{
	local name=$1 output
	shift
	if output=$("$PYTHON" -IS tests/kernel/loss.py "$@" 2>&1); then
		tap_pass "$name"
		tap_diag "$name: $output"
	else
		tap_fail "$name" "$output"
	fi
}

tap_background receiver ip netns exec "${TOPO_PREFIX}ns_server" "$bench/flood" receive 9000
receiver=$TAP_PID
tap_wait_until has "$TAP_TMP/receiver.out" || tap_bail 'the receiver starts' "$(<"$TAP_TMP/receiver.err")"

watch_quietly 32M 10 5000
check 'an ample ring: written = counted, by kind' equal "$recording" "$counts"
check 'an ample ring: the end record agrees' end "$recording" "$K_JSON"
k_is 'an ample ring: nothing lost' 1 type=summary lost=0 misses=0
k_is 'an ample ring: no word of losses' 0 type=loss
k_is 'an ample ring: nothing incomplete' 0 type=journey complete=false
k_is 'an ample ring: every datagram queued' 5000+ type=journey packet.dport=9000 fate.kind=queued
k_is 'an ample ring: every other datagram dropped' 500 type=journey packet.dport=9001 \
	fate.reason=NO_SOCKET
check 'an ample ring: no fate is wrong' fates "$K_JSON" 9000 9001

for ring in 4K 128K; do
	watch_quietly "$ring" 0.3 100000000
	check "$ring: written + lost = counted" equal "$recording" "$counts"
	check "$ring: the end record agrees" end "$recording" "$K_JSON"
	k_is "$ring: losses are told" 1+ type=loss 'lost>0'
	k_is "$ring: and in the summary" 1 type=summary 'lost>0'
	check "$ring: no complete journey is wrong" fates "$K_JSON" 9000 9001 some
	tap_run "$TRACE" read --json "$recording"
	tap_check "$ring: read again, the same" cmp "$TAP_TMP/.out" "$K_JSON"
done

tap_stop "$receiver"
tap_like 'the receiver got them all' "$(<"$TAP_TMP/receiver.out")" 'received [1-9]'

tap_done
