#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What make calls for other kernels in a VM. Installs what is missing and builds first.
#
#	vm.sh vm KERNEL			a shell with that kernel, as root there; no root is needed here
#	vm.sh check-vm [KERNEL...]	a few tests of tracing with all kernels of tests/vm/kernels, or these
#	vm.sh check-long [KERNEL...]	all of them, then the observations by each backend; that takes many hours
set -u
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

what=${1-}
shift
[[ $what != vm || $# == 1 ]] || die "say which kernel: make vm KERNEL=$(tests/vm/kit.sh list | awk '
	{ names = names (NR > 1 ? ", " : "") $1 }
	END { print names }')"
for kernel; do
	tests/vm/kit.sh known "$kernel" || exit 1
done
tools/deps.sh install vm || exit 1
as_caller make -j"$(nproc)" all bpf-tests || die 'the build failed; the first message above says why'
case $what in
vm)
	echo "Linux $1 in a VM, on these files. What is changed there is gone at the end; \`exit\` ends it."
	# how the last command in it ended is no failure of this one
	as_caller tests/vm/run.sh -k "$1" -i || (($? != 125))
	;;
check-vm) as_caller tests/vm/matrix.sh -q "$@" ;;
check-long)
	as_caller env SOAK="${SOAK:-600}" tests/vm/matrix.sh "$@"
	status=$?
	for backend in tracepoint fentry kprobe.multi kprobe; do
		printf '\nby %s:\n' "$backend"
		as_caller tests/vm/matrix.sh -b "$backend" -T 'o_*.t' "$@" || status=$?
	done
	exit "$status"
	;;
*) die 'usage: vm.sh vm KERNEL | check-vm | check-long [KERNEL...]' ;;
esac
