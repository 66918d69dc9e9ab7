#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# prove starts every test through this (--exec): it bounds the test's time, turns what cmocka prints
# into TAP that prove accepts, and keeps a copy in the directory TAP_LOGS for check.sh to count.
set -u

test=$1
limit=${TAP_TEST_LIMIT:-600}
log=/dev/null
[[ -z ${TAP_LOGS-} ]] || log=$TAP_LOGS/${test//\//+}

# One plan a program however many groups it has, running numbers, and skips that are no failures.
cmocka_to_tap()
{
	awk '
	/^1\.\.[0-9]+$/ { plan += substr($0, 4); next }
	/^(not )?ok [0-9]+ # SKIP / { sub(/^(not )?ok [0-9]+ # SKIP /, ""); print "ok " ++n " - " $0 " # SKIP"; next }
	/^ok [0-9]+ / { sub(/^ok [0-9]+/, "ok " ++n) }
	/^not ok [0-9]+ / { sub(/^not ok [0-9]+/, "not ok " ++n) }
	{ print; fflush() }
	END { print "1.." plan + 0 }'
}

if [[ $test == *.t ]]; then
	timeout --foreground -k 10 "$limit" "./$test" | tee -- "$log"
else
	CMOCKA_MESSAGE_OUTPUT=TAP timeout --foreground -k 10 "$limit" "$test" | cmocka_to_tap | tee -- "$log"
fi
status=${PIPESTATUS[0]}
[[ $status != 124 ]] || echo "# $test was stopped after $limit s" >&2
exit "$status"
