#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Every observation is asserted by a test, and docs/OBSERVATIONS.md says by which.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

tap_run tools/observations.sh
tap_is 'each has its test, and each test its observation' "$TAP_STATUS$TAP_ERR" 0
tap_is 'docs/OBSERVATIONS.md says so (tools/observations.sh >docs/OBSERVATIONS.md)' "$TAP_OUT" "$(<docs/OBSERVATIONS.md)"

tree=$TAP_TMP/tree
mkdir -p "$tree/tests/kernel" "$tree/tools"
cp tools/observations.sh "$tree/tools"
cp tests/kernel/observations tests/kernel/o_*.t "$tree/tests/kernel"
rm "$tree/tests/kernel/o_cut.t"
tap_run bash "$tree/tools/observations.sh"
tap_is 'one without a test fails' "$TAP_STATUS" 1
tap_like 'and is named' "$TAP_ERR" 'no test asserts O10: a datagram longer'
sed -i 's/O11:/O99:/' "$tree/tests/kernel/o_full_buffer.t"
tap_run bash "$tree/tools/observations.sh"
tap_like 'so is a test of what is in no list' "$TAP_ERR" 'o_full_buffer.t\]\(.*\): O99 is not in'
tap_done
