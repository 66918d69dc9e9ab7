#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs the tests that need a kernel, unchanged, under every kernel of the table; what `make all bpf-tests`
# makes must be there. Two VMs at a time share the work. Says what came of it for each kernel; the last line
# is "N passed, N failed, N skipped", as of tools/check.sh.
#
#	matrix.sh [-q] [-T PATTERN] [-b BACKEND] [-l DIR] [KERNEL...]
#
#	-q		a few scripts only, those that differ most between kernels: make check-vm
#	-T PATTERN	only scripts of that name: -T 'o_*.t'; may be repeated
#	-b BACKEND	trace takes that one, of `trace --backend`; scripts skip where the kernel does not grant it
#	-l DIR		keeps there all that was said, a directory a kernel; it must not exist yet
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=../../tools/count.sh disable=SC1091
. "$VM_ROOT/tools/count.sh"

# What is not run, and why: the one place.
left_out()
{
	cat <<-END
		tests/kernel/flood.t|measures how fast trace is, and a VM is many times slower
		tests/kernel/loss.t|floods until events are lost, on processors of its own
	END
}

# Every program loads; every backend tells the same; one observation of each layer.
quick=(load.t helpers.t backends.t o_closed_port.t o_request.t o_path.t)

# How long a VM may run, a script in it (with a second attempt where events were lost), and any wait in a script:
# 10 to 30 times the usual.
vm_limit=9000
export TAP_TEST_LIMIT=${TAP_TEST_LIMIT:-1800} TAP_LIMIT=${TAP_LIMIT:-120}
# A traffic of counters_doc.t takes half a minute.
export SEEDS=${SEEDS:-8}

patterns=()
forced=
logs=
while getopts qT:b:l: option; do
	case $option in
	q)
		patterns+=("${quick[@]}")
		vm_limit=1500
		;;
	T) patterns+=("$OPTARG") ;;
	b) forced=$OPTARG ;;
	l) logs=$OPTARG ;;
	*) vm_die 'usage: matrix.sh [-q] [-T PATTERN] [-b BACKEND] [-l DIR] [KERNEL...]' ;;
	esac
done
shift $((OPTIND - 1))
vm_known "$@"
(($# > 0)) || mapfile -t kernels < <(vm_kernels)
(($# == 0)) || kernels=("$@")
cd -- "$VM_ROOT" || exit 1
for program in trace apps/time_client; do
	[[ -x $program ]] || vm_die "$program is not built: run make"
done

# is_wanted SCRIPT
is_wanted()
{
	local pattern
	((${#patterns[@]} > 0)) || return 0
	for pattern in "${patterns[@]}"; do
		# shellcheck disable=SC2053 # a pattern
		[[ ${1##*/} != $pattern ]] || return 0
	done
	return 1
}

scripts=()
for script in tests/bpf/*.t tests/topo/*.t tests/kernel/*.t; do
	is_wanted "$script" || continue
	if reason=$(left_out | grep -F -- "$script|"); then
		printf 'left out: %s (%s)\n' "$script" "${reason#*|}"
	else
		scripts+=("$script")
	fi
done
((${#scripts[@]} > 0)) || vm_die "there is no script ${patterns[*]}"

if [[ -n $logs ]]; then
	mkdir -- "$logs" || exit 1
	logs=$(realpath -- "$logs")
else
	logs=$(mktemp -d "${TMPDIR:-/tmp}/hopscope-matrix.XXXXXXXX") || exit 1
	trap 'rm -rf -- "$logs"' EXIT
fi
# the kernel that each process (run_share) is at work on
of=()
trap 'kill "${!of[@]}" 2>/dev/null; wait; exit 130' INT TERM

# The interpreter itself, first in PATH: what finds it (pyenv) takes seconds to start in a VM.
python=$(python3 -c 'import os, sys; print(os.path.dirname(sys.executable))') && PATH=$python:$PATH

# not_started DIR SCRIPT...: of these, those that have no log there.
not_started()
{
	local dir=$1 script
	shift
	for script; do
		[[ -e $dir/${script//\//+} ]] || printf '%s\n' "$script"
	done
}

# run_share KERNEL PART SCRIPT...: runs these in one VM; but when that dies, the script that it died in
# has failed, and the others get another one.
run_share()
{
	local kernel=$1 part=$2 dir=$logs/$1 status=0 rest runner="" backend=${forced:-auto}
	shift 2
	trap 'kill "$runner" 2>/dev/null; wait; exit 143' TERM
	# Without kprobe.multi each start of trace takes 10 to 20 s in a VM: backends.t alone does that there.
	[[ -n $forced ]] || grep -q '^CONFIG_FPROBE=y' "$VM_CACHE/$kernel/config" || backend=tracepoint
	while mapfile -t rest < <(not_started "$dir" "$@") && ((${#rest[@]} > 0)); do
		# shellcheck disable=SC2016 # that shell expands it
		HOPSCOPE_BACKEND=$backend TAP_LOGS=$dir tests/vm/run.sh -k "$kernel" -t "$vm_limit" -l "$dir/console.now$part" -w "$dir" \
			-e HOPSCOPE_BACKEND -e TAP_LOGS -e TAP_LIMIT -e TAP_TEST_LIMIT -e SOAK -e SEEDS -- bash -c 'uname -v >"$TAP_LOGS/version"
			exec prove --timer --norc --exec tools/tap_run.sh "$@"' bash "${rest[@]}" \
			</dev/null >>"$dir/prove.$part" 2>&1 &
		runner=$!
		wait "$runner"
		status=$?
		cat -- "$dir/console.now$part" >>"$dir/console"
		((status >= 124)) || break
		# the same again is no use when nothing was begun
		[[ $(not_started "$dir" "${rest[@]}") != "$(printf '%s\n' "${rest[@]}")" ]] || break
	done
}

# report KERNEL SECONDS: what came of it, adding to the counts.
report()
{
	local kernel=$1 dir=$logs/$1 version log before=("$passed" "$failed" "$skipped")
	version=$(sed -nE 's/.*Debian ([^ ]*)-[^ ]*.*/\1/p' "$dir/version" 2>/dev/null)
	for log in "$dir"/prove.*; do
		sed -n '/^Test Summary/,$p' "$log"
	done >"$dir/summary"
	count_tests "$dir" "$dir/summary" "${scripts[@]}" >"$dir/missing"
	# trace must not make the kernel complain
	grep -aE 'WARNING: |BUG: |Oops: |general protection' "$dir/console" >"$dir/complaints" 2>/dev/null &&
		failed=$((failed + 1))
	printf '%s: %d passed, %d failed, %d skipped (%d s)\n' "${version:-$kernel}" \
		$((passed - before[0])) $((failed - before[1])) $((skipped - before[2])) "$2"
	sed 's/^/    /' "$dir/missing"
	sed 's/^/    the kernel: /' "$dir/complaints"
	cat -- "$dir"/prove.* >"$dir/said"
	tell_failures "$dir" "$dir/summary" "$dir/said" "${scripts[@]}" | sed 's/^/    /'
	(cd "$dir" && sed -nE 's/^(ok .*|1\.\.0) # ?SKIP (.*)/\2/Ip' tests+*) | sort | uniq -c |
		sed -E 's/^ *([0-9]+) /    skipped \1: /'
	if grep -q '^run.sh: ' "$dir"/prove.*; then
		grep -h -A 8 '^run.sh: ' "$dir"/prove.* | sed 's/^/    /'
	fi
}

# Two VMs at a time: the halves of one kernel, mostly; every other script each, as they cost alike.
halves=()
for ((i = 0; i < ${#scripts[@]}; i++)); do
	halves[i % 2]+="${scripts[i]} "
done
declare -A begun left

# reap: waits for a VM to end; a kernel of which both are done is reported.
reap()
{
	local pid kernel
	wait -n -p pid "${!of[@]}"
	kernel=${of[pid]}
	unset "of[pid]"
	left[$kernel]=$((left[$kernel] - 1))
	((left[$kernel] > 0)) || report "$kernel" $((SECONDS - begun[$kernel]))
}

for kernel in "${kernels[@]}"; do
	mkdir -- "$logs/$kernel" || exit 1
	tests/vm/kit.sh "$kernel" >"$logs/$kernel/kit" 2>&1
	case $? in
	0) ;;
	3)
		printf '%s: skipped, as the mirror moved on: %s\n' "$kernel" "$(<"$logs/$kernel/kit")"
		skipped=$((skipped + ${#scripts[@]}))
		continue
		;;
	*)
		cat -- "$logs/$kernel/kit"
		printf '%s: no kit could be made\n' "$kernel"
		failed=$((failed + 1))
		continue
		;;
	esac
	left[$kernel]=${#halves[@]}
	begun[$kernel]=$SECONDS
	for ((i = 0; i < ${#halves[@]}; i++)); do
		((${#of[@]} < 2)) || reap
		read -ra share <<<"${halves[i]}"
		run_share "$kernel" "$i" "${share[@]}" &
		of[$!]=$kernel
	done
done
while ((${#of[@]} > 0)); do
	reap
done
printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
exit "$((failed > 0))"
