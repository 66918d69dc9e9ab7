#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# make check: installs what is missing, builds, runs every test and lint, and counts. The last line
# is always "N passed, N failed, N skipped"; the exit status is 0 when nothing failed.
#
#	check.sh		all of it; SAN=1 with sanitizers; VM=all under other kernels too (or VM=6.12)
#	check.sh unit TEST...	only these programs, already built (make check-unit)
set -u
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$(dirname -- "${BASH_SOURCE[0]}")/count.sh"

TAP_LOGS=$(mktemp -d "${TMPDIR:-/tmp}/check.XXXXXXXX") || exit 1
chmod 777 "$TAP_LOGS"
trap 'rm -rf -- "$TAP_LOGS"' EXIT
trap 'exit 130' INT TERM

export UBSAN_OPTIONS=${UBSAN_OPTIONS-print_stacktrace=1}

# prove_as WHO JOBS TEST...: WHO is `as_root` or `env` (as whoever runs this)
prove_as()
{
	local who=$1 jobs=$2 summary=$TAP_LOGS/.summary
	shift 2
	(($# > 0)) || return 0
	# prove's own words are shown, and kept for the count
	"$who" env TAP_LOGS="$TAP_LOGS" UBSAN_OPTIONS="$UBSAN_OPTIONS" \
		prove -j"$jobs" --norc --exec tools/tap_run.sh "$@" 2>&1 | tee "$summary"
	count_tests "$TAP_LOGS" "$summary" "$@"
	tell_failures "$TAP_LOGS" "$summary" "$summary" "$@" >>"$TAP_LOGS/.failures"
}

# skip_all REASON TEST...: they are counted, one each
skip_all()
{
	local reason=$1
	shift
	(($# == 0)) || echo "skipped: $* ($reason)"
	skipped=$((skipped + $#))
}

# finish: what failed is said again, since much was said after it.
finish()
{
	[[ ! -s $TAP_LOGS/.failures ]] || cat -- "$TAP_LOGS/.failures"
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
	exit "$((failed > 0))"
}

shopt -s nullglob
if [[ ${1-} == unit ]]; then
	shift
	prove_as env 2 "$@"
	finish
fi

tools/deps.sh install check || {
	failed=1
	finish
}
build=build
[[ ${SAN-} != 1 ]] || build=build/san
if ! as_caller make -j"$(nproc)" all bench unit-tests bpf-tests; then
	echo 'the build failed, so no test was run'
	failed=1
	finish
fi

unit=()
for source in tests/unit/test_*.c; do
	unit+=("$build/${source%.c}")
done
prove_as env 2 "${unit[@]}" tests/golden/*.t tests/fuzz/*.t tests/apps/*.t tests/build/*.t tests/vm/*.t
if can_be_root; then
	# These measure floods, or are one: the trace of a test beside them would be measured too, or lose events.
	alone=(tests/kernel/flood.t tests/kernel/loss.t tests/kernel/tiny.t tests/kernel/soak.t tests/kernel/foreign.t)
	together=()
	for test in tests/bpf/*.t tests/topo/*.t tests/kernel/*.t; do
		[[ " ${alone[*]} " == *" $test "* ]] || together+=("$test")
	done
	prove_as as_root 2 "${together[@]}"
	prove_as as_root 1 "${alone[@]}"
else
	skip_all 'needs root: tracing the kernel, network namespaces' \
		tests/bpf/*.t tests/topo/*.t tests/kernel/*.t
fi

if [[ -n ${VM-} ]]; then
	kernels=()
	[[ $VM == all ]] || read -ra kernels <<<"$VM"
	matrix=$TAP_LOGS/.matrix
	if tools/deps.sh install vm; then
		tests/vm/matrix.sh -q "${kernels[@]}" 2>&1 | tee "$matrix"
		if [[ $(tail -n 1 "$matrix") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed,\ ([0-9]+)\ skipped$ ]]; then
			passed=$((passed + BASH_REMATCH[1]))
			failed=$((failed + BASH_REMATCH[2]))
			skipped=$((skipped + BASH_REMATCH[3]))
		else
			failed=$((failed + 1))
		fi
	else
		failed=$((failed + 1))
	fi
fi

if as_caller tools/lint.sh; then
	echo 'lint: clean'
	passed=$((passed + 1))
else
	echo 'lint: failed'
	failed=$((failed + 1))
fi
finish
