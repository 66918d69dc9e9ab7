#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# docs/KERNELS.md is of the stages and kernels that there are: made anew when they change.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../vm/lib.sh
. tests/vm/lib.sh
tap_need_program ./trace

stages=$(./trace doctor --json | python3 -c '
import json, sys
print(*(stage["label"] for stage in json.load(sys.stdin)["stages"]), sep="\n")')
tap_is 'every stage has its row (tests/vm/table.sh)' \
	"$(sed -nE '/^\| drop reasons/,/^$/s/^\| ([^|]*) \|.*/\1/p' docs/KERNELS.md | tail -n +2)" "$stages"
tap_is 'every kernel has its column' "$(grep -m 1 '^| |' docs/KERNELS.md | tr -d '| ')" \
	"$(vm_kernels | tr -d '\n')"
tap_done
