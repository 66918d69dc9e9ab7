# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the scripts in tests/vm/ share. Sourced.
#
#	VM_HERE		this directory
#	VM_ROOT		the repository
#	VM_CACHE	where the kits are: one directory a kernel

# shellcheck disable=SC2034 # the scripts that source this file read them
{
	VM_HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd) || exit 1
	VM_ROOT=${VM_HERE%/tests/vm}
	VM_CACHE=${HOPSCOPE_VM:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/hopscope/vm}
}
# mke2fs, ip, ... live there, outside an ordinary user's PATH on Debian
PATH=$PATH:/usr/sbin:/sbin

# vm_die TEXT...: VM_FAILED is the exit status.
: "${VM_FAILED:=1}"
vm_die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$VM_FAILED"
}

# vm_kernels: the names of all that are in the table.
vm_kernels()
{
	sed -nE 's/^([^# |]+) *\|.*/\1/p' "$VM_HERE/kernels"
}

# vm_known KERNEL...: ends the script unless all are in the table.
vm_known()
{
	local kernel known
	known=$(vm_kernels | xargs)
	for kernel; do
		[[ " $known " == *" $kernel "* ]] || vm_die "there is no kernel '$kernel': ${known// /, }"
	done
}

# vm_row KERNEL: sets VM_SUITES, VM_PACKAGES, VM_VERSION.
# shellcheck disable=SC2034 # the scripts that source this file read them
vm_row()
{
	local name
	while IFS='|' read -r name VM_SUITES VM_PACKAGES VM_VERSION; do
		[[ ${name// /} == "$1" ]] || continue
		VM_VERSION=${VM_VERSION// /}
		return 0
	done < <(grep -v '^#' "$VM_HERE/kernels")
	return 1
}
