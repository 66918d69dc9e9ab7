#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The inline helpers of bpf/, run in this kernel with input of their own: helpers.c has the tests.
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
unshare -n true 2>/dev/null || tap_skip_all 'network namespaces cannot be made'
tap_need_program "$BPF_BUILT/helpers"

timeout -k 1 "$TAP_LIMIT" "$BPF_BUILT/helpers"
status=$?
# it has said its plan itself
# shellcheck disable=SC2034 # tap.sh's
tap_is_done=1
exit "$status"
