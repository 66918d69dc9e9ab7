#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# For as long as SOAK says (seconds; 15, of make check-long 600), packets, connections and sockets take each
# other's places: memory is given again, endpoints come again, fragments, clones and taps come between. No journey
# has an impossible order of stages (tests/kernel/soak.py has the rules), and what trace keeps is bounded.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

soak=${SOAK:-15}
warmup=$((soak < 360 ? soak / 3 : 120)) # connections are remembered for 70 s
bound=$((8 * 1024))                     # KiB that trace may grow by, after that
((soak >= 360)) || bound=$((32 * 1024)) # so long it is still learning

k_need_reasons
k_crowd

# shellcheck disable=SC2317 # tap_wait_until calls it
has()
{
	[[ -s $1 ]]
}

# To the judge at once: of ten minutes, that is gigabytes.
stream=$TAP_TMP/stream
mkfifo "$stream"
# shellcheck disable=SC2317 # tap_background calls it
judge()
{
	exec "$PYTHON" -IS tests/kernel/soak.py judge "$TOPO_PREFIX" <"$stream"
}

tap_background judge judge
judge=$TAP_PID
tap_background trace "$TRACE" --json -o "$stream" --stats --ready-fd 9 -n "${TOPO_PREFIX}ns_client" \
	-n "${TOPO_PREFIX}ns_server" -n "${TOPO_PREFIX}ns_bridge" -n "${TOPO_PREFIX}ns_third" 9>"$TAP_TMP/ready"
trace=$TAP_PID
tap_wait_until has "$TAP_TMP/ready" || tap_bail 'trace starts' "$(<"$TAP_TMP/trace.err")"
k_traffic "$soak" "${SOAK_ROUNDS:-15}" 2
tap_background grow "$PYTHON" -IS tests/kernel/soak.py grow "$trace" "$TAP_TMP/grown"
k_go

TAP_LIMIT=$((soak + TAP_LIMIT)) tap_wait "$TRAFFIC"
tap_is 'all that was sent has come' "$? $(<"$TAP_TMP/traffic.err")" '0 '
tap_diag "$(<"$TRAFFIC_OUT")"
tap_stop "$trace" INT
tap_is 'trace ends well' $? 0
TAP_LIMIT=$((soak + TAP_LIMIT)) tap_wait "$judge"
status=$?
tap_diag "$(<"$TAP_TMP/judge.out")"
tap_is 'every journey is possible' "$status $(<"$TAP_TMP/judge.err")" '0 '
name="after $warmup s trace grows by $((bound / 1024)) MiB at most"
if output=$("$PYTHON" -IS tests/kernel/soak.py bounded "$TAP_TMP/grown" "$warmup" "$bound" 2>&1); then
	tap_pass "$name"
	tap_diag "$output"
else
	tap_fail "$name" "$output"
fi

tap_done
