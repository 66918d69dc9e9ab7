#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Writes tests/bpf/bounds: for each BPF program and way of loading it half as many instructions again as
# the verifier looks at, under the kernel where that are most. As root, after `make bpf-tests`; the
# kernels besides the running one are run in VMs.
#
#	bounds.sh [KERNEL...]		all of tests/vm/kernels, or these
set -u
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." || exit 1
# shellcheck source=../vm/lib.sh
. tests/vm/lib.sh

kernels=("$@")
((${#kernels[@]} > 0)) || mapfile -t kernels < <(vm_kernels)
vm_known "${kernels[@]}"
said=$(mktemp -d "${TMPDIR:-/tmp}/bounds.XXXXXXXX") || exit 1
trap 'rm -rf -- "$said"' EXIT
trap 'exit 130' INT TERM

build/tests/bpf/load >"$said/here" || exit 1
for kernel in "${kernels[@]}"; do
	echo "Linux $kernel" >&2
	tests/vm/run.sh -k "$kernel" -t 900 -- build/tests/bpf/load >"$said/$kernel" || exit 1
done
{
	echo '# SPDX-License-Identifier: BSD-2-Clause'
	echo '# How many instructions the verifier may look at: way of loading, program. By tests/bpf/bounds.sh,'
	echo '# which adds half again to what was most of all kernels.'
	awk -F '\t' '
		$3 == "loads" && $4 > most[$1 "\t" $2] { most[$1 "\t" $2] = $4 + 0 }
		$3 == "loads" && !(($1 "\t" $2) in at) { at[$1 "\t" $2] = ++n; name[n] = $1 "\t" $2 }
		END { for (i = 1; i <= n; i++) printf "%s\t%d\n", name[i], int(most[name[i]] * 1.5) }' \
		"$said"/* | sort
} >"$said/.bounds"
cp -- "$said/.bounds" tests/bpf/bounds
