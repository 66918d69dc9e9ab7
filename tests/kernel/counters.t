#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel's own counters agree: after random UDP traffic, what /proc/net/snmp and snmp6 of each
# namespace rose by is how many journeys there are of that kind. SEED=N repeats one traffic.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_need_reasons
k_lab
lab=()
for who in client1 server client2; do
	lab+=(-n "${TOPO_PREFIX}ns_$who")
done

# limits MS: between ICMP errors to one host, of IPv4 and IPv6; 0 none
limits()
{
	local who
	for who in client1 server client2; do
		k_in "$who" sysctl -qw "net.ipv4.icmp_ratelimit=$1" "net.ipv6.icmp.ratelimit=$1" ||
			tap_bail "the rate limits of ns_$who cannot be set"
		# That of a whole namespace. Before 6.13 it is the host's and not to be seen here.
		k_in "$who" sysctl -qe -w net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000
	done
}

# compare NAME SEED [limited]
compare()
{
	local name="$1, seed $2" try counted said where
	shift
	# A flood elsewhere on the machine may cost events; such a run proves nothing.
	for try in 1 2 3 4 5; do
		k_start "${lab[@]}"
		tap_run "$PYTHON" -IS tests/kernel/counters.py traffic "$@"
		printf '%s\n' "$TAP_OUT" >"$TAP_TMP/counted"
		k_stop
		grep -q '"type":"loss"' "$K_JSON" || break
		tap_diag "try $try: events were lost"
	done
	tap_is "$name: traffic" "$TAP_STATUS" 0
	tap_diag "$TAP_ERR"
	k_sound "$name"
	while read -r where counted && read -r _ said; do
		tap_is "$name: $where" "$said" "$counted"
		tap_diag "$where $counted"
	done < <("$PYTHON" -IS tests/kernel/counters.py compare "$TAP_TMP/counted" "$K_JSON")
}

limits 0
for seed in ${SEED:-1 2 3 "$RANDOM"}; do
	compare 'no limits' "$seed"
done
limits 1000
for seed in ${SEED:-1 "$RANDOM"}; do
	compare 'with limits' "$seed" limited
done

tap_done
