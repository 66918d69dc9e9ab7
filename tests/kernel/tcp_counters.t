#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel's own counters agree: after random TCP connections that end in all ways, the RST
# segments, the refused ones and the changes of state are as many as /proc/net/snmp and netstat of
# each namespace rose by. SEED=N repeats one script.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
lab=()
for who in client1 server client2; do
	lab+=(-n "${TOPO_PREFIX}ns_$who")
done

for seed in ${SEED:-1 2 3 4 "$RANDOM"}; do
	name="seed $seed"
	k_start "${lab[@]}"
	tap_run "$PYTHON" -IS tests/kernel/tcp_counters.py traffic "$seed"
	printf '%s\n' "$TAP_OUT" >"$TAP_TMP/counted"
	k_stop
	tap_is "$name: traffic" "$TAP_STATUS" 0
	tap_diag "$TAP_ERR"
	k_sound "$name"
	tap_check "$name: nothing is dropped without a reason" \
		"$PYTHON" -IS tests/kernel/tcp_counters.py drops "$K_JSON"
	while read -r where counted && read -r _ said; do
		tap_is "$name: $where" "$said" "$counted"
		tap_diag "$where $counted"
	done < <("$PYTHON" -IS tests/kernel/tcp_counters.py compare "$TAP_TMP/counted" "$K_JSON")
done

tap_done
