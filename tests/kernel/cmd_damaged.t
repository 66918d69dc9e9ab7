#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Recordings that are cut, damaged or none.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
tap_server server apps/time_server 127.0.0.1 8080
tap_run "$TRACE" -o /dev/null -w "$T/rec" -- sh -c "
	apps/time_client 127.0.0.1 8080; apps/time_client 127.0.0.1 8081; apps/time_client ::1 8081
	$PYTHON tests/kernel/cmd_udp.py echo 127.0.0.1 7777"
tap_check 'a recording' test -s "$T/rec"
tap_check 'cut anywhere: trace read says so; damaged: it lives' \
	"$PYTHON" tests/kernel/cmd_cut.py "$TRACE" "$T/rec" "$T/cut"

# no_recording NAME FILE
no_recording()
{
	tap_run "$TRACE" read "$2"
	tap_is "$1" "$TAP_STATUS $TAP_ERR$TAP_OUT" "1 trace read: $2: not a recording of trace -w"
}
: >"$T/empty"
no_recording 'an empty file' "$T/empty"
printf 'just\nsome text that goes on for a while, longer than a record would be\n' >"$T/text"
no_recording 'a text file' "$T/text"
head -c 100000 /dev/urandom >"$T/garbage"
no_recording 'garbage' "$T/garbage"
no_recording 'zeros' /dev/zero
tap_done
