# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of the BPF programs share, over tests/lib/tap.sh.
#
# BPF_BUILT	where their programs are

BPF_BUILT=build/tests/bpf
# shellcheck disable=SC2034 # the scripts that source this file read it
[[ ${SAN-} != 1 ]] || BPF_BUILT=build/san/tests/bpf

# loading some fifty programs six times over
: "${TAP_LIMIT:=120}"
# shellcheck source=../lib/tap.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"

((EUID == 0)) || tap_skip_all 'not root: loading BPF programs needs it'
[[ -e /sys/kernel/btf/vmlinux ]] || tap_skip_all 'this kernel has no BTF'
