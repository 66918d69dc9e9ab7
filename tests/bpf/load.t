#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Every BPF program loads on this kernel, in each way that trace sets it up, and the verifier has to look
# at no more instructions than `bounds` (beside this) allows: far below its limit of a million, and a
# change that makes a program many times harder to verify is noticed before an older kernel refuses it.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
tap_need_program "$BPF_BUILT/load"

declare -A bound met
while read -r way program most; do
	[[ $way == '#'* ]] || bound[$way/$program]=$most
done <tests/bpf/bounds

# is_older VERSION: the running kernel is.
is_older()
{
	[[ $(printf '%s\n' "$1" "$(uname -r)" | sort -V | head -n 1) != "$1" ]]
}

# counted WAY PROGRAM N: it loads.
counted()
{
	local most=${bound[$1/$2]-}
	if [[ $3 == - ]]; then
		tap_skip "$1: $2 loads within its bound" 'this kernel does not tell of copies (since 5.16)'
	elif [[ -z $most ]]; then
		tap_fail "$1: $2 has a bound" "run tests/bpf/bounds.sh, it needs $3 here"
	elif (($3 <= most)); then
		tap_pass "$1: $2 loads within its bound"
	else
		tap_fail "$1: $2 loads within its bound" "the verifier looks at $3 instructions, and $most are allowed"
	fi
}

tap_run "$BPF_BUILT/load"
tap_is 'the loader comes to its end' "$TAP_STATUS$TAP_ERR" 0
while IFS=$'\t' read -r way program state what _; do
	met[$way]=1
	case $state in
	loads)
		counted "$way" "$program" "$what"
		;;
	absent)
		# said once
		[[ $way == stacks || $way == snap ]] || tap_skip "$way: $program loads" "$what"
		;;
	unwanted) ;;
	fails)
		if [[ $way == snap ]] && is_older 6.12; then
			tap_skip "$way: $program loads" 'tracepoints get no bytes of packets (since 6.12)'
		else
			tap_fail "$way: $program loads" "$what"
		fi
		;;
	attached)
		tap_check "$way: at least 60 functions are probed ($what)" test "$what" -ge 60
		;;
	refused)
		if [[ $what == ENOTSUPP ]]; then
			tap_skip "$way: $program is probed" 'the kernel cannot have a trampoline there (ENOTSUPP)'
		else
			tap_fail "$way: $program is probed" "$what"
		fi
		;;
	*) tap_fail "a line that is understood" "$way $program $state $what" ;;
	esac
done <<<"$TAP_OUT"

for way in "${!bound[@]}"; do
	printf '%s\n' "${way%%/*}"
done | sort -u >"$TAP_TMP/ways"
while read -r way; do
	tap_is "$way: was tried" "${met[$way]-}" 1
done <"$TAP_TMP/ways"
tap_done
