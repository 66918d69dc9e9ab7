# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# How results are counted, by check.sh here and by the matrix of kernels. Sourced.

passed=0
failed=0
skipped=0

# count_log FILE BROKEN: adds one test program's results. BROKEN: prove found fault with the program
# itself (it died, or its plan was not kept), which counts as a failure when no test of it failed.
count_log()
{
	local ok bad skip all
	all=$(grep -c '^1\.\.0 # SKIP' "$1")
	bad=$(grep -c '^not ok ' "$1")
	skip=$(grep -ciE '^ok .*# skip' "$1")
	ok=$(($(grep -c '^ok ' "$1") - skip))
	((bad > 0 || !$2)) || bad=1
	passed=$((passed + ok))
	failed=$((failed + bad))
	skipped=$((skipped + skip + all))
}

# count_tests LOGS SUMMARY TEST...: the same of all these, by their logs (tap_run.sh) and by what prove
# said: only it knows of broken plans and deaths.
count_tests()
{
	local logs=$1 summary=$2 test log
	shift 2
	for test; do
		log=$logs/${test//\//+}
		if [[ ! -e $log ]]; then
			echo "$test did not start"
			failed=$((failed + 1))
		else
			count_log "$log" "$(has_plan "$log" && ! is_broken "$summary" "$test"
				echo $?)"
		fi
	done
}

# has_plan LOG: it came to its end.
has_plan()
{
	grep -q '^1\.\.' "$1"
}

# is_broken SUMMARY TEST: prove says so.
is_broken()
{
	sed -n '/^Test Summary/,$p' "$1" | grep -qF -- "$2 "
}

# tell_failures LOGS SUMMARY SAID TEST...: of each that failed, its failed tests, and what it said of them among
# all that was said (SAID).
tell_failures()
{
	local logs=$1 summary=$2 said=$3 test log
	shift 3
	for test; do
		log=$logs/${test//\//+}
		[[ -e $log ]] || continue
		if grep -q '^not ok ' "$log"; then
			printf '%s\n' "$test"
			grep '^not ok ' "$log" | sed 's/^/    /'
			awk -v name="(${test##*/})" '
				/^# not ok: / { n = index($0, name) ? 12 : 0 }
				!/^#/ { n = 0 }
				n-- > 0 { print "    " $0 }' "$said"
		elif ! has_plan "$log"; then
			printf '%s\n    it did not end\n' "$test"
		elif is_broken "$summary" "$test"; then
			printf '%s\n' "$test"
			sed -n '/^Test Summary/,$p' "$summary" | grep -A2 -F -- "$test " | sed 's/^/    /'
		fi
	done
}
