# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# A small TAP library for the tests in bash. A test script is run by prove and looks like this:
#
#	#!/bin/bash
#	set -u
#	# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
#	. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
#	tap_own_netns "$@"			# if it wants network ports of its own
#
#	tap_server server apps/time_server 127.0.0.1 0
#	tap_run apps/time_client 127.0.0.1 "$TAP_PORT"
#	tap_is 'client exits 0' "$TAP_STATUS" 0
#	tap_done
#
# The working directory is the repository root. What the script sees:
#	TAP_ROOT	the repository root
#	TAP_TMP		a fresh directory, removed at the end
#	TAP_LIMIT	seconds that any one wait may take (10; may be set from outside)
#	TAP_STATUS, TAP_OUT, TAP_ERR	what tap_run saw
#	TAP_PID		the process that tap_background or tap_server started last
#	TAP_PORT	the port of the server that tap_server started last

# Absolute, before the working directory changes.
tap_script=$(realpath -- "$0") || exit 1
TAP_ROOT=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd) || exit 1
cd -- "$TAP_ROOT" || exit 1
TAP_TMP=$(mktemp -d "${TMPDIR:-/tmp}/tap.XXXXXXXX") || exit 1
: "${TAP_LIMIT:=10}"

tap_count=0
tap_failures=0
tap_is_done=0
tap_undo=()

# tap_diag TEXT...: a line that prove shows to a person.
tap_diag()
{
	printf '%s\n' "$*" | sed 's/^/# /' >&2
}

# tap_pass NAME, tap_fail NAME [WHY]: one result.
tap_pass()
{
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s\n' "$tap_count" "$1"
}

tap_fail()
{
	tap_count=$((tap_count + 1))
	tap_failures=$((tap_failures + 1))
	printf 'not ok %d - %s\n' "$tap_count" "$1"
	tap_diag "not ok: $1 (${BASH_SOURCE[-1]##*/})"
	[[ -z ${2-} ]] || tap_diag "$2"
}

# tap_skip NAME REASON: a test that this machine cannot run; REASON names the missing capability.
tap_skip()
{
	tap_count=$((tap_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$tap_count" "$1" "$2"
}

# tap_skip_all REASON: none of this script's tests can run. Only before the first result.
tap_skip_all()
{
	printf '1..0 # SKIP %s\n' "$1"
	tap_is_done=1
	exit 0
}

# tap_bail REASON: the script cannot go on (a program is not built, a server does not start).
tap_bail()
{
	tap_fail "$1" "${2-}"
	exit 1
}

# tap_done: last line of every script. Prints the plan; without it the script counts as failed.
tap_done()
{
	((tap_count > 0)) || tap_fail 'no test was run'
	printf '1..%d\n' "$tap_count"
	tap_is_done=1
	exit "$((tap_failures > 0))"
}

# tap_check NAME COMMAND...: passes if COMMAND succeeds; its output becomes the diagnostic.
tap_check()
{
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		tap_pass "$name"
	else
		tap_fail "$name" "failed with $?: $*"$'\n'"$output"
	fi
}

# tap_is NAME GOT WANTED: passes if both are the same text.
tap_is()
{
	if [[ $2 == "$3" ]]; then
		tap_pass "$1"
	else
		tap_fail "$1" "got:    $2"$'\n'"wanted: $3"
	fi
}

# tap_like NAME TEXT REGEX, tap_unlike NAME TEXT REGEX: an extended one, matched anywhere in TEXT.
tap_like()
{
	if [[ $2 =~ $3 ]]; then
		tap_pass "$1"
	else
		tap_fail "$1" "got:    $2"$'\n'"wanted: /$3/"
	fi
}

tap_unlike()
{
	if [[ $2 =~ $3 ]]; then
		tap_fail "$1" "got:      $2"$'\n'"unwanted: /$3/"
	else
		tap_pass "$1"
	fi
}

# tap_run COMMAND...: runs it to its end (at most TAP_LIMIT), its stdin being the caller's.
# Sets TAP_STATUS (124: it was stopped at the limit), TAP_OUT and TAP_ERR.
# shellcheck disable=SC2034 # the scripts that source this file read them
tap_run()
{
	timeout -k 1 "$TAP_LIMIT" "$@" >"$TAP_TMP/.out" 2>"$TAP_TMP/.err"
	TAP_STATUS=$?
	TAP_OUT=$(<"$TAP_TMP/.out")
	TAP_ERR=$(<"$TAP_TMP/.err")
}

# tap_wait_until COMMAND...: polls until COMMAND succeeds; returns 1 after TAP_LIMIT seconds.
tap_wait_until()
{
	local deadline=$((SECONDS + TAP_LIMIT))
	until "$@" >/dev/null 2>&1; do
		if ((SECONDS > deadline)); then
			tap_diag "gave up after $TAP_LIMIT s: $*"
			return 1
		fi
		sleep 0.02
	done
}

# tap_defer COMMAND...: runs it when the script ends, however it ends; the last one comes first.
tap_defer()
{
	local quoted
	printf -v quoted '%q ' "$@"
	tap_undo+=("$quoted")
}

# tap_background NAME COMMAND...: starts COMMAND with empty input, its output going to
# $TAP_TMP/NAME.out and NAME.err. Sets TAP_PID. It is stopped at the end if it still runs.
tap_background()
{
	local name=$1
	shift
	"$@" </dev/null >"$TAP_TMP/$name.out" 2>"$TAP_TMP/$name.err" &
	TAP_PID=$!
	tap_defer tap_stop "$TAP_PID"
}

# tap_server NAME COMMAND...: like tap_background, for a server that prints "bound to ADDRESS:PORT"
# when it is ready. Sets TAP_PORT too.
# shellcheck disable=SC2034 # the scripts that source this file read it
tap_server()
{
	tap_background "$@"
	tap_wait_until tap_has_port_or_ended "$1" || tap_bail "$1 is not ready" "$*"
	TAP_PORT=$(sed -nE 's/.*bound to [^ ]*:([0-9]+).*/\1/p' "$TAP_TMP/$1.out")
	[[ -n $TAP_PORT ]] || tap_bail "$1 does not start" "$*"$'\n'"$(<"$TAP_TMP/$1.err")"
}

tap_has_port_or_ended()
{
	grep -qE 'bound to [^ ]*:[0-9]+' "$TAP_TMP/$1.out" || tap_ended "$TAP_PID"
}

# tap_ended PID: whether a process that tap_background started has ended.
tap_ended()
{
	! kill -0 "$1" 2>/dev/null
}

# tap_stop PID [SIGNAL]: sends SIGNAL (TERM), then KILL after TAP_LIMIT; returns the exit status.
tap_stop()
{
	kill -"${2-TERM}" "$1" 2>/dev/null
	tap_wait "$1"
}

# tap_wait PID: waits for its end, at most TAP_LIMIT, then kills it; returns the exit status.
tap_wait()
{
	if ! tap_ended "$1" && ! tap_wait_until tap_ended "$1"; then
		kill -KILL "$1" 2>/dev/null
	fi
	wait "$1" 2>/dev/null
}

# tap_need_program PATH...: the script makes no sense without these.
tap_need_program()
{
	local path
	for path; do
		[[ -x $path ]] || tap_bail "$path is not built" 'run make first'
	done
}

# tap_own_netns "$@": starts the script again in a network namespace of its own, with lo up, so that
# its ports collide with nobody's. Who may not do that stays where he is and uses free ports.
tap_own_netns()
{
	if [[ ${TAP_IN_NETNS-} == "$$" ]]; then
		unset TAP_IN_NETNS
		ip link set lo up || tap_bail 'cannot set lo up in a new network namespace'
	elif unshare -n true 2>/dev/null; then
		rm -rf -- "$TAP_TMP"
		# exec keeps the process id, so $$ tells the new start from a test that runs inside.
		export TAP_IN_NETNS=$$
		exec unshare -n -- bash "$tap_script" "$@"
	fi
}

tap_cleanup()
{
	local status=$? i
	trap '' INT TERM
	for ((i = ${#tap_undo[@]} - 1; i >= 0; i--)); do
		eval "${tap_undo[i]}" >/dev/null 2>&1
	done
	rm -rf -- "$TAP_TMP"
	if ((!tap_is_done && status == 0)); then
		status=1
		tap_diag 'the script ended before tap_done'
	fi
	exit "$status"
}

trap tap_cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
