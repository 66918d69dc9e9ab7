#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Writes docs/KERNELS.md: kernel x stage x backend, as `trace doctor` finds it under each kernel of the
# table (and, as "this machine", under the one that runs here). ./trace must be built.
#
#	table.sh [FILE]
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# The functions of these are in the table of stages; they load when somebody uses them.
modules='veth bridge 8021q mpls_router mpls_iptunnel sch_netem nfnetlink_queue'

file=${1-docs/KERNELS.md}
[[ $file != -* && $# -le 1 ]] || vm_die 'usage: table.sh [FILE]'
cd -- "$VM_ROOT" || exit 1
[[ -x trace ]] || vm_die 'trace is not built: run make'
dir=$(mktemp -d "${TMPDIR:-/tmp}/hopscope-table.XXXXXXXX") || exit 1
trap 'rm -rf -- "$dir"' EXIT
mapfile -t kernels < <(vm_kernels)
for kernel in "${kernels[@]}"; do
	# shellcheck disable=SC2016 # that shell expands it
	tests/vm/run.sh -k "$kernel" -t 300 -- bash -c 'for m in $1; do modprobe "$m"; done; ./trace doctor --json' \
		bash "$modules" </dev/null >"$dir/$kernel.json" || vm_die "trace doctor fails under $kernel"
done
python3 tests/vm/table.py "${kernels[@]/#/$dir/}" >"$dir/table" || exit 1
cp -- "$dir/table" "$file"
