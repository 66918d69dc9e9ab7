#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What tracing costs: the rate of a UDP flood (18 bytes each, sendmmsg) between two namespaces over a
# veth, sender on CPU 0, receiver on CPU 1, untraced and traced. Rounds are interleaved, so that a
# machine that is slow for a while is slow for all; the medians are compared.
#
#	bench/flood.sh [-r ROUNDS] [-s SECONDS] [VARIANT...]
#
# VARIANT: untraced (always measured), record (-w, no stacks), stacks (-w, with stacks), list (the live
# view), listlean (the live view, no stacks), count (bench/count: the floor). For each it prints
#
#	VARIANT  MEDIAN/s  RATIO  LOWEST..HIGHEST  typical MEDIAN/s  RATIO  lost EVENTS
#
# where "typical" is the rate of the median batch (the machine's other work does not touch it) and EVENTS
# were lost in all rounds together. Needs root, two CPUs and `make bench`.
set -u

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd) || exit 1
root=${here%/*}
trace=${TRACE:-$root/trace}
build=${BENCH:-$root/build/bench}
rounds=5
seconds=1
port=9000
# What is measured runs before all else on the machine, and alike.
first=(nice -n -20)

die()
{
	printf 'flood.sh: %s\n' "$*" >&2
	exit 1
}

while getopts r:s: option; do
	case $option in
	r) rounds=$OPTARG ;;
	s) seconds=$OPTARG ;;
	*) die 'usage: bench/flood.sh [-r ROUNDS] [-s SECONDS] [VARIANT...]' ;;
	esac
done
shift $((OPTIND - 1))
variants=(untraced)
for variant in "${@:-record}"; do
	[[ $variant == untraced ]] || variants+=("$variant")
done
[[ -x $build/flood ]] || die "$build/flood is not built: make bench"

from=flood$$a
to=flood$$b
tmp=$(mktemp -d "${TMPDIR:-/tmp}/flood.XXXXXXXX") || exit 1
running=()
clean_up()
{
	local pid
	for pid in "${running[@]}"; do
		kill -KILL "$pid" 2>/dev/null
	done
	ip netns delete "$from" 2>/dev/null
	ip netns delete "$to" 2>/dev/null
	rm -rf -- "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# await FILE WHAT: waits until FILE has a line, at most 20 s.
await()
{
	local deadline=$((SECONDS + 20))
	until [[ -s $1 ]]; do
		((SECONDS < deadline)) || die "$2 is not ready after 20 s"
		sleep 0.01
	done
}

{ ip netns add "$from" && ip netns add "$to"; } || die 'cannot make network namespaces: run as root'
for ns in "$from" "$to"; do
	ip netns exec "$ns" sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6' 2>/dev/null
done
if ! { ip -n "$from" link add flood0 index 10 type veth peer name flood1 index 11 netns "$to" &&
	ip -n "$from" address add 10.9.0.1/24 dev flood0 &&
	ip -n "$to" address add 10.9.0.2/24 dev flood1 &&
	ip -n "$from" link set flood0 up && ip -n "$to" link set flood1 up; }; then
	die 'cannot make a veth pair'
fi

send()
{
	ip netns exec "$from" "${first[@]}" taskset -c 0 "$build/flood" send 10.9.0.2 "$port" "$@"
}

own=0 # traces of ours that run
watcher=

# start VARIANT: whatever watches; sets watcher, "" for none.
start()
{
	local args=()
	watcher=
	rm -f "$tmp/ready" "$tmp/watch.out"
	case $1 in
	untraced) return ;;
	count) args=("$build/count") ;;
	record) args=("$trace" -w "$tmp/file" -n "$to") ;;
	stacks) args=("$trace" --stacks=always -w "$tmp/file" -n "$to") ;;
	list) args=("$trace" -n "$to") ;;
	listlean) args=("$trace" --stacks=never -n "$to") ;;
	*) die "unknown variant: $1" ;;
	esac
	if [[ $1 != count ]]; then
		args+=(--ready-fd 3)
		own=1
	fi
	"${first[@]}" "${args[@]}" </dev/null >"$tmp/watch.out" 2>"$tmp/watch.err" 3>"$tmp/ready" &
	watcher=$!
	running+=("$watcher")
	if [[ $1 == count ]]; then
		await "$tmp/watch.out" "$1"
	else
		await "$tmp/ready" "$1"
	fi
}

stop()
{
	[[ -n $watcher ]] || return
	kill -INT "$watcher"
	wait "$watcher" || die "$1 failed: $(<"$tmp/watch.err")"
	running=("$receiver")
	own=0
	case $1 in
	record | stacks) "$trace" read --json --only unknown "$tmp/file" >"$tmp/summary" ;;
	list | listlean) cp "$tmp/watch.out" "$tmp/summary" ;;
	count) return ;;
	esac
	# {"type":"summary", ... "lost":N, ...} or: ... N of M events lost
	lost[$1]=$((${lost[$1]:-0} + $(tail -n 1 "$tmp/summary" |
		sed -nE 's/.*"lost":([0-9]+).*/\1/p; s/.* ([0-9]+) of [0-9]+ events lost.*/\1/p' | grep . || echo 0)))
	rm -f "$tmp/file"
}

# Programs of other traces: they see this flood too, and take their time for it.
others()
{
	local programs
	programs=$(PATH=$PATH:/usr/sbin bpftool prog show name net_dev_queue 2>/dev/null | grep -c '^[0-9]')
	echo "$((programs - own))"
}

# Until no other trace is there. All the waiting together takes ten seconds or so.
patience=100
await_quiet()
{
	until (($(others) == 0 || patience == 0)); do
		sleep 0.1
		((patience--))
	done
}

declare -A rates bursts lost
disturbed=0
measure()
{
	# a receiver for each: it has its own count, and sockets get no more than one flood old
	rm -f "$tmp/receiver"
	ip netns exec "$to" "${first[@]}" taskset -c 1 "$build/flood" receive "$port" >"$tmp/receiver" &
	receiver=$!
	running=("$receiver")
	await "$tmp/receiver" 'the receiver'
	send 1000 >/dev/null || die 'the warm-up failed' # neighbours are known, caches warm
	start "$1"
	line=$(send 1000000000 "$seconds") || die 'the flood failed'
	beside=$(others)
	stop "$1"
	kill -TERM "$receiver"
	wait "$receiver"
	running=()
}

for ((round = 0; round < rounds; round++)); do
	for variant in "${variants[@]}"; do
		for _ in 1 2 3 4 5; do
			await_quiet
			measure "$variant"
			((beside > 0 && patience > 0)) || break
		done
		((disturbed += beside > 0))
		read -r _ sent _ took _ burst <<<"$line"
		rates[$variant]+="$(awk -v n="$sent" -v s="$took" 'BEGIN { printf "%d", n / s }')"$'\n'
		bursts[$variant]+=$burst$'\n'
	done
done

# of lines
median()
{
	sort -n <<<"${1%$'\n'}" | awk '{ v[NR] = $1 }
		END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

ratio()
{
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'
}

((disturbed == 0)) || echo "flood.sh: another trace was there in $disturbed measurements" >&2
base=$(median "${rates[untraced]}")
base_burst=$(median "${bursts[untraced]}")
for variant in "${variants[@]}"; do
	sorted=$(sort -n <<<"${rates[$variant]%$'\n'}")
	middle=$(median "${rates[$variant]}")
	burst=$(median "${bursts[$variant]}")
	printf '%-9s %7d/s  %s  %d..%d  typical %7d/s  %s  lost %d\n' "$variant" "$middle" \
		"$(ratio "$middle" "$base")" "${sorted%%$'\n'*}" "${sorted##*$'\n'}" \
		"$burst" "$(ratio "$burst" "$base_burst")" "${lost[$variant]:-0}"
done
