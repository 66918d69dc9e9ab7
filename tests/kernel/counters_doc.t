#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/COUNTERS.md holds: over random traffic of all kinds, each counter of each namespace rose by as many as
# there are events that the page names for it. Some 60 s for 20 traffics; SEEDS=N makes fewer, SEED=N repeats one.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_need_reasons
nft list ruleset >/dev/null 2>&1 || tap_skip_all 'no nftables: packets cannot be lost on purpose'
k_lab
lab=()
for who in client1 server client2; do
	lab+=(-n "${TOPO_PREFIX}ns_$who")
	k_in "$who" nft -f - <<-'END' || tap_bail "rules for ns_$who"
		table inet lost {
			chain prerouting {
				type filter hook prerouting priority raw; policy accept;
				ip dscp 1 drop
				ip6 dscp 1 drop
			}
		}
	END
	k_in "$who" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 \
		net.ipv4.ipfrag_time=1 net.ipv6.ip6frag_time=1 net.ipv4.tcp_syncookies=0 ||
		tap_bail "settings of ns_$who"
	# That of a whole namespace. Before 6.13 it is the host's and not to be seen here.
	k_in "$who" sysctl -qe -w net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000
done
k_netns server
for last in '2 mtu lock' '3 mtu'; do
	# shellcheck disable=SC2086 # words
	if ! { ip -n "$K_NETNS" route add "10.8.0.${last%% *}" via 10.0.2.2 ${last#* } 1300 &&
		ip -n "$K_NETNS" -6 route add "fd00:0:0:8::${last%% *}" via fd00:0:0:2::2 ${last#* } 1300; }; then
		tap_bail 'a way with a small MTU'
	fi
done

doc=("$PYTHON" -IS tests/kernel/counters_doc.py)
tap_check 'the page has all counters of this kernel' "${doc[@]}" complete

# traced SEED: that traffic, counted and recorded
traced()
{
	k_start "${lab[@]}"
	tap_run "${doc[@]}" traffic "$1"
	((TAP_STATUS == 0)) || tap_bail "seed $1: traffic" "$TAP_ERR"
	tap_diag "$TAP_ERR"
	printf '%s\n' "$TAP_OUT" >"$TAP_TMP/counted"
	k_stop
}

# judged: what was traced, against the page. 3: it has less events than the kernel counted, and none more.
judged()
{
	tap_run "${doc[@]}" compare "$TAP_TMP/counted" "$K_REC" "$rose"
}

# A flood anywhere on the machine may cost events (k_attempts), and some kernels run no probe in some softirqs
# (loader/softirqs.h). Such a traffic is made again; what is wrong on the page is wrong each time.
is_inconclusive()
{
	local said
	if ! said=$(k_ask "$K_JSON" sound) && grep -qE 'incomplete:|events were lost|no fate:' <<<"$said"; then
		tap_diag "seed $1, try $2: ${said%%$'\n'*}"
	elif ((TAP_STATUS == 3)); then
		tap_diag "seed $1, try $2: less events than the kernel counted" "$TAP_OUT"
	else
		return 1
	fi
}

rose=$TAP_TMP/rose
: >"$rose"
many=${SEEDS:-20}
mapfile -t seeds < <(seq $((many - 1)); echo "$RANDOM")
for seed in ${SEED:-"${seeds[@]}"}; do
	for try in 1 2 3 4 5; do
		traced "$seed"
		judged
		is_inconclusive "$seed" "$try" || break
	done
	k_sound "seed $seed"
	if ((TAP_STATUS == 0)); then
		tap_pass "seed $seed: each counter rose by as many as there are events"
	else
		tap_fail "seed $seed: each counter rose by as many as there are events" "$TAP_OUT$TAP_ERR"
	fi
done
[[ -n ${SEED-} ]] || ((many < 20)) || tap_check 'what the page says is seen by the test was seen, and no more' "${doc[@]}" seen "$rose"

tap_done
