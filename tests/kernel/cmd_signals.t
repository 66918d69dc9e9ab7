#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Signals, and how trace ends: Ctrl-C, lingering, SIGTERM, kill -9, -p, -c.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
stay="$PYTHON tests/kernel/cmd_udp.py stay"
ns=cmdS$$
ip netns add "$ns" && tap_defer ip netns delete "$ns"
ip -n "$ns" link set lo up

# has WORD FILE
# shellcheck disable=SC2317 # it is called by name
has()
{
	grep -q -- "$@"
}

# open_fifo FIFO: lets `stay` go on.
open_fifo()
{
	timeout "$TAP_LIMIT" sh -c ": >$1"
}

# ends NAME STATUS WITHIN: the process ends with STATUS, in about WITHIN seconds at most.
ends()
{
	local begun=$SECONDS status
	tap_wait "$TAP_PID"
	status=$?
	tap_is "$1: status" "$status" "$2"
	tap_check "$1: in time" test "$((SECONDS - begun))" -le "$3"
}

# ---- Ctrl-C while COMMAND runs ----

mkfifo "$T/fifo"
# shellcheck disable=SC2086 # several words
cmd_start trapped -o "$T/o" -- $stay "$T/log" "$T/fifo"
tap_wait_until has up "$T/log"
kill -INT -- "-$TAP_PID"
tap_check 'Ctrl-C reaches COMMAND' tap_wait_until has SIGINT "$T/log"
kill -INT -- "-$TAP_PID"
tap_check 'and again' tap_wait_until sh -c "[ \$(grep -c SIGINT $T/log) = 2 ]"
open_fifo "$T/fifo"
tap_wait "$TAP_PID"
tap_is 'COMMAND that traps Ctrl-C goes on: status' $? 5
tap_like 'and what it sends afterwards is followed' "$(<"$T/o")" '127\.0\.0\.1:9 .*'"$no_socket"
tap_is 'COMMAND saw no other signal' "$(sort -u "$T/log" | tr '\n' ' ')" 'SIGINT up '

mkfifo "$T/fifo2"
# shellcheck disable=SC2016,SC2086 # the inner shell's; several words
cmd_start killed -o "$T/o" -- sh -c '"$@"; echo up >"$0"; exec cat "$0.fifo"' "$T/log2" \
	"$PYTHON" tests/kernel/cmd_udp.py send 127.0.0.1 9 1
mkfifo "$T/log2.fifo"
tap_wait_until has up "$T/log2"
kill -INT -- "-$TAP_PID"
tap_wait "$TAP_PID"
tap_is 'COMMAND that Ctrl-C ends: 128+2' $? 130
tap_check 'and trace ends in order' grep -E '^[0-9]+ packets?: ' "$T/o"

# ---- SIGTERM ----

mkfifo "$T/fifo3"
# shellcheck disable=SC2086 # several words
cmd_start term -o "$T/o" -- $stay "$T/log3" "$T/fifo3"
tap_wait_until has up "$T/log3"
kill -INT "$TAP_PID"
kill -TERM "$TAP_PID"
tap_check 'SIGTERM is passed on to COMMAND' tap_wait_until has SIGTERM "$T/log3"
tap_is 'SIGINT is not: the terminal sends it to both' "$(grep -c SIGINT "$T/log3")" 0
open_fifo "$T/fifo3"
tap_wait "$TAP_PID"
tap_is 'which goes on: its status' $? 5
tap_like 'and is followed' "$(<"$T/o")" '127\.0\.0\.1:9 .*'"$no_socket"

# ---- lingering ----

# A queue that lets one byte a second through, and a child that COMMAND leaves behind to fill it:
# there is always a packet under way.
if tc qdisc add dev lo root tbf rate 8bit burst 1600 limit 1000000000 2>"$T/err"; then
	# shellcheck disable=SC2016 # the inner shell's
	leaves='"$@" & read -r x <"$0"; echo "${EPOCHREALTIME//[!0-9]/}" >"$0.end"'
	# lingers NAME ARG...: starts `trace ARG...`, and COMMAND has ended when it returns.
	lingers()
	{
		local name=$1
		shift
		mkfifo "$T/$name"
		rm -f -- "$T/o" # what is in it was written by the trace before
		cmd_start "$name" -o "$T/o" "$@" -- bash -c "$leaves" "$T/$name" \
			"$PYTHON" tests/kernel/cmd_udp.py stream 127.0.0.1 9 "$T/dry"
		# sent by the child of this trace, and stuck in the queue
		tap_wait_until grep -q 'sendto(' "$T/o"
		tap_wait_until sh -c "tc -s qdisc show dev lo | grep -q 'backlog [1-9]'"
		open_fifo "$T/$name"
		tap_wait_until test -s "$T/$name.end"
	}
	lingers interrupted --linger 600
	tap_check 'COMMAND is gone' tap_wait_until sh -c "! pgrep -P $TAP_PID"
	tap_check 'a packet is under way: trace lingers' kill -0 "$TAP_PID"
	kill -INT "$TAP_PID"
	ends 'Ctrl-C ends the lingering' 0 10
	tap_like 'and says what is still open' "$(<"$T/o")" 'still under way'
	lingers limited --linger 1.5
	ends '--linger 1.5 ends by itself' 0 20
	tap_check '--linger 1.5: no earlier' \
		test "$((${EPOCHREALTIME//[!0-9]/} - $(<"$T/limited.end")))" -ge 1500000
	tap_like '--linger 1.5: says what is still open' "$(<"$T/o")" 'still under way'
	# What COMMAND sends last may still wait in the ring when it has ended.
	soonest=
	for _ in 1 2 3 4 5; do
		rm -f -- "$T/last"
		# shellcheck disable=SC2016 # the inner shell's
		"$TRACE" -q --linger 0.5 -- bash -c 'echo >/dev/udp/127.0.0.1/9; echo "${EPOCHREALTIME//[!0-9]/}" >"$0"' \
			"$T/last" >"$T/o" 2>&1
		lingered=$((${EPOCHREALTIME//[!0-9]/} - $(<"$T/last")))
		[[ -n $soonest ]] && ((soonest < lingered)) || soonest=$lingered
	done
	tap_check 'trace lingers for what was sent last' test "$soonest" -ge 500000
	touch "$T/dry"
	tc qdisc del dev lo root
else
	tap_skip 'lingering' "no tbf queue on lo: $(<"$T/err")"
fi
# shellcheck disable=SC2086 # several words
cmd_start linger_not -o "$T/o" --linger 600 -- $PYTHON tests/kernel/cmd_udp.py send 127.0.0.1 9 2
ends 'nothing under way: no lingering' 0 "$TAP_LIMIT"

# ---- without COMMAND ----

for signal in INT TERM; do
	cmd_start_ready "alone$signal" -o "$T/o" -n "$ns"
	ip netns exec "$ns" "$PYTHON" tests/kernel/cmd_udp.py send 127.0.0.1 9 1
	tap_wait_until has "$no_socket" "$T/o"
	kill -"$signal" "$TAP_PID"
	tap_wait "$TAP_PID"
	tap_is "without COMMAND, SIG$signal: exit status" $? 0
	tap_check "without COMMAND, SIG$signal: the summary" grep '^2 packets: 1 dropped' "$T/o"
	tap_is "without COMMAND: one line on stderr" \
		"$(sed -E 's/[0-9]+ namespaces?, [0-9]+ probes/N/' "$T/alone$signal.err")" 'tracing N'
done
cmd_start_ready nobody -n "$ns"
kill -INT "$TAP_PID"
tap_wait "$TAP_PID"
tap_is 'without COMMAND and packets: exit status' $? 0

# ---- -p ----

mkfifo "$T/fifo4"
# shellcheck disable=SC2086 # several words
tap_background stays $stay "$T/log4" "$T/fifo4"
tap_wait_until has up "$T/log4"
cmd_start_ready pid -o "$T/o" -p "$TAP_PID"
open_fifo "$T/fifo4"
ends '-p: ends when the process has ended' 0 20
tap_like '-p: its packet' "$(<"$T/o")" '127\.0\.0\.1:9 .*'"$no_socket"

# ---- -c with COMMAND ----

# shellcheck disable=SC2016 # the inner shell's
tap_run "$TRACE" -o "$T/o" -c 2 -- sh -c '"$@"; echo goes on; exit 3' sh \
	"$PYTHON" tests/kernel/cmd_udp.py send 127.0.0.1 9 50
tap_is '-c: COMMAND goes on, and its status counts' "$TAP_STATUS $TAP_OUT" '3 goes on'

# ---- kill -9 ----

mkfifo "$T/fifo5"
# shellcheck disable=SC2016,SC2086 # the inner shell's; several words
cmd_start nine -w "$T/w" -f -o "$T/o9" -- sh -c '"$@" & echo $! >"$0"; wait; echo survived >"$0.end"' "$T/pid" \
	$PYTHON tests/kernel/cmd_udp.py stream 127.0.0.1 9 "$T/stop"
tap_wait_until test -s "$T/o9"
mapfile -t ids < <(cmd_bpf_ids "$TAP_PID")
tap_like 'while it runs, probes are attached' "$(printf '%s\n' "${ids[@]}")" $'link [0-9]+\n.*prog [0-9]+'
# shellcheck disable=SC2317 # tap_wait_until calls it
has_drop() { "$TRACE" read "$1" 2>/dev/null | grep -q "$no_socket"; }
tap_wait_until has_drop "$T/w" # it is written
kill -KILL "$TAP_PID"
{ tap_wait "$TAP_PID"; } 2>/dev/null # the shell tells of it
tap_check 'kill -9: nothing stays attached' tap_wait_until cmd_bpf_is_gone "${ids[@]}"
tap_check 'kill -9: COMMAND lives on' kill -0 "$(<"$T/pid")"
touch "$T/stop"
tap_check 'kill -9: and ends as it would' tap_wait_until has survived "$T/pid.end"
tap_check 'kill -9: no half line in the file' cmd_ends_in_newline "$T/o9"
tap_run "$TRACE" read "$T/w"
tap_is 'kill -9: the recording can be read, and says that it is cut' "$TAP_STATUS $TAP_ERR" \
	"1 trace read: $T/w: the recording is cut short: what it says last may be incomplete"
tap_like 'kill -9: what it holds' "$TAP_OUT" '127\.0\.0\.1:9 .*'"$no_socket"

# A COMMAND that waits for trace does not start without it. Nobody reads what trace says when it is
# ready, so it stays where it is.
mkfifo "$T/fifo6"
exec 8<>"$T/fifo6"
dd if=/dev/zero of="$T/fifo6" bs=4096 count=100 oflag=nonblock 2>/dev/null
cmd_start held --ready-fd 8 -- sh -c "echo started >$T/started"
tap_wait_until has '^tracing ' "$T/held.err"
held=$(pgrep -P "$TAP_PID")
kill -KILL "$TAP_PID"
{ tap_wait "$TAP_PID"; } 2>/dev/null # the shell tells of it
exec 8>&-
tap_check 'kill -9 before COMMAND starts: its process ends' tap_wait_until tap_ended "$held"
tap_check 'kill -9 before COMMAND starts: it never does' test ! -e "$T/started"
tap_done
