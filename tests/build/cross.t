#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# For an arm64 machine: the BPF objects (clang needs nothing more for that), and what of the kernel they
# look for; and the programs, where there are a cross compiler and that machine's libraries. HOPSCOPE_SYSROOT
# says where the libraries are, unless they are in Debian's folders for several machines.
set -u
: "${TAP_LIMIT:=300}"
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
unset SAN CFLAGS LDFLAGS CPPFLAGS O MAKEFLAGS MFLAGS MAKELEVEL CC AR ARCH CROSS_COMPILE SYSROOT

# bpftool is there, outside an ordinary user's PATH on Debian
PATH=$PATH:/usr/sbin:/sbin
prefix=aarch64-linux-gnu-
out=$TAP_TMP/out
for tool in clang bpftool; do
	command -v "$tool" >/dev/null || tap_skip_all "$tool is not installed"
done

# fields OBJECT STRUCT: the members of it that the object's CO-RE relocations name, sorted, one line.
# The smallest BTF that would do for an object is made from its own, and holds them and nothing else.
fields()
{
	bpftool gen min_core_btf "$1" "$TAP_TMP/min" "$1" && bpftool btf dump file "$TAP_TMP/min" | awk -v wanted="'$2'" '
		/^\[/ { inside = $2 == "STRUCT" && $3 == wanted; next }
		inside { print substr($1, 2, length($1) - 2) }' | sort | xargs
}

for machine in arm64 x86_64; do
	objects=("$out/$machine/build/trace.bpf.o" "$out/$machine/build/count.bpf.o")
	# without the libraries: those are for the programs
	tap_run make -s ARCH="$machine" O="$out/$machine" -o "$out/$machine/build/need.build" "${objects[@]}"
	tap_is "$machine: BPF objects are built" "$TAP_STATUS$TAP_ERR" 0
done
arm=$out/arm64/build/trace.bpf.o
x86=$out/x86_64/build/trace.bpf.o
tap_is 'arm64: system calls are read from its registers' "$(fields "$arm" pt_regs)" 'orig_x0 regs syscallno'
tap_is 'arm64: probed functions, from what it shows of them' "$(fields "$arm" user_pt_regs)" 'regs'
tap_is 'x86_64: system calls are read from its registers' "$(fields "$x86" pt_regs)" \
	'ax di dx orig_ax r10 r8 r9 si'
tap_is 'x86_64: nothing of arm64' "$(fields "$x86" user_pt_regs)" ''
for struct in sk_buff sock net_device task_struct; do
	tap_is "the rest is the same: struct $struct" "$(fields "$arm" "$struct")" "$(fields "$x86" "$struct")"
done

make=(make ARCH=arm64 O="$out/arm64" CROSS_COMPILE="$prefix" SYSROOT="${HOPSCOPE_SYSROOT-}")
tap_run "${make[@]}" -j2 all
why=$(grep '^missing' <<<"$TAP_ERR")
if [[ -n $why ]]; then
	tap_skip 'arm64: programs' "${why%%. *}"
	tap_done
fi
tap_is 'arm64: programs are built' "$TAP_STATUS" 0
[[ $TAP_STATUS == 0 ]] || tap_diag "$TAP_ERR"
for program in trace apps/time_server; do
	tap_like "arm64: $program is for that machine" "$(readelf -h "$out/arm64/$program" 2>&1)" 'Machine: *AArch64'
done
tap_run make ARCH=arm64 -n clean
tap_like 'they are made below build-arm64, beside those of this machine' "$TAP_OUT" 'rm -rf build-arm64/build '
tap_done
