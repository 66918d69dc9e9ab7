#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What trace says when it cannot: one clear line, and the right status.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
send="$PYTHON tests/kernel/cmd_udp.py send 127.0.0.1 9"

# says STATUS LINE ARG...: `trace ARG...` ends with STATUS, having said LINE (a regular expression)
# and nothing else on stderr but that it was ready, and nothing on stdout.
says()
{
	local status=$1 line=$2
	shift 2
	says_of "$status" "$line" "$TRACE" "$@"
}

# says_of STATUS LINE COMMAND...: the same for any command.
says_of()
{
	local status=$1 line=$2 error
	shift 2
	tap_run "$@"
	error=$(grep -vE '^tracing [0-9]+ namespaces?, [0-9]+ probes$' <<<"$TAP_ERR")
	if [[ "$TAP_STATUS" == "$status" && $error =~ ^$line$ && $error != *$'\n'* && -z $TAP_OUT ]]; then
		tap_pass "$status: ${*/#$TAP_TMP/TMP}"
	else
		tap_fail "$status: ${*/#$TAP_TMP/TMP}" \
			"got:    $TAP_STATUS ${TAP_ERR:0:500}"$'\n'"wanted: $status $line"$'\n'"stdout: ${TAP_OUT:0:500}"
	fi
}

# ---- the command line: 2, and 125 with COMMAND ----

help='; see trace run --help'
says 2 "trace run: option '--bogus' is unknown$help" --bogus
says 2 "trace run: option '-y' is unknown$help" -vyt
says 2 "trace run: option '-n' needs a value$help" -n
says 2 "trace run: option '--netns' needs a value$help" --netns
says 125 "trace run: option '--bogus' is unknown$help" --bogus -- true
says 2 "trace run: -p 'x' is no process id; .*" -p x
says 2 "trace run: -p '-1' is no process id; .*" -p -1
says 2 "trace run: -p '0' is no process id; .*" -p 1,0
says 2 "trace run: -p '' is no process id; .*" -p ''
says 2 "trace run: -p '' is no process id; .*" -p 1,
says 2 "trace run: -c '0' is no number of journeys; .*" -c 0
says 2 "trace run: --width 'wide' is no width; .*" --width wide
says 2 "trace run: --only 'droped' is unknown; .*" --only droped
says 2 "trace run: --linger 'long' is no time; .*" --linger long
says 2 "trace run: --color 'blue' is unknown; .*" --color=blue
says 2 "trace run: --ring '3X' is no size; .*" --ring 3X
says 125 '.*: Bad file descriptor' --ready-fd 77 -- true
says 125 'trace: --json with a COMMAND needs -o FILE: .*' --json -- true
says 2 "trace run: filter 'udp porr 8': 'porr' is .*" udp porr 8
says 2 "trace run: filter 'udp and': .*" 'udp and'
says 125 "trace run: filter 'udp porr 8': 'porr' is .*" udp porr 8 -- true
tap_run "$TRACE" true x
tap_is 'a program without --: asks' "$TAP_STATUS $(tail -n 1 <<<"$TAP_ERR")" \
	'2 did you mean: trace -- true x'
tap_run "$TRACE" run nosuchprogram
tap_unlike 'no program: does not ask' "$TAP_STATUS $TAP_ERR" 'did you mean'
says 2 'trace read: which recording\? trace read FILE' read
says 2 "trace read: option '--pid' belongs to trace run" read --pid 1 x
says 2 "trace read: option '--in' belongs to trace run" read --in x x

# ---- what is not there: 1, and 125 with COMMAND ----

sh -c : &
dead=$!
wait "$dead"
says 1 "trace: -p $dead: no such process" -p "$dead"
says 1 "trace: -n: no network namespace 'nosuch'; there is: .*" -n nosuch
says 125 "trace: --in: no network namespace 'nosuch'; there is: .*" --in nosuch -- true
says 125 'trace: --user nosuch: no such user' --user nosuch -- true
says 1 'trace: cannot write /nonexistent/f: No such file or directory' -o /nonexistent/f
says 125 'trace: cannot write /nonexistent/f: No such file or directory' -o /nonexistent/f -- true
says 1 'trace: cannot record to /nonexistent/f: No such file or directory' -w /nonexistent/f
says 125 'trace: cannot record to /nonexistent/f: No such file or directory' -w /nonexistent/f -- true
says 125 "trace: cannot write $T: Is a directory" -o "$T" -- true
says 1 'trace read: /nonexistent: No such file or directory' read /nonexistent
says 1 "trace read: $T: Is a directory" read "$T"

# ---- what is not allowed ----

# COMMAND must not have run.
ran="echo ran >$T/ran"
refused='trace: loading the probes: the kernel refuses \(Operation not permitted\): run as root .*lockdown.*'
if setpriv --reuid 65534 --clear-groups test -x "$TRACE" 2>/dev/null; then
	chmod 755 "$T"
	says_of 1 "$refused" setpriv --reuid 65534 --clear-groups "$TRACE"
	says_of 125 "$refused" setpriv --reuid 65534 --clear-groups "$TRACE" -- sh -c "$ran"
	# As lockdown would: root, and yet refused.
	drop=-bpf,-perfmon,-sys_admin
	says_of 125 "$refused" setpriv --bounding-set "$drop" --inh-caps "$drop" "$TRACE" -- sh -c "$ran"
else
	tap_skip 'not root' 'another user cannot run what was built here'
fi
if unshare -m true 2>/dev/null; then
	mkdir "$T/empty"
	says_of 125 'trace: /sys/kernel/btf/vmlinux: .* without BTF .*' unshare -m sh -c \
		"mount --bind '$T/empty' /sys/kernel/btf && exec '$TRACE' -- sh -c '$ran'"
	says_of 1 'trace: /sys/kernel/btf/vmlinux: .* without BTF .*' unshare -m sh -c \
		"mount --bind '$T/empty' /sys/kernel/btf && exec '$TRACE'"
else
	tap_skip 'no BTF' 'no right to make mount namespaces'
fi
tap_check 'COMMAND does not run without trace' test ! -e "$T/ran"

# ---- output that ends ----

full='trace: cannot write /dev/full: No space left on device; stopped'
says 125 "$full" -o /dev/full -- true
says 125 "$full" -w /dev/full -- true
says 125 "$full" -o /dev/full -- sh -c "$ran"
tap_check 'COMMAND goes on when trace cannot' test -e "$T/ran"

says_of 1 'trace: cannot write stdout: Bad file descriptor' sh -c "exec $TRACE >&-"
tap_background talker "$PYTHON" tests/kernel/cmd_udp.py stream 127.0.0.1 9 "$T/stop"
# The reader takes one line; trace ends by itself.
timeout "$TAP_LIMIT" "$TRACE" udp port 9 2>"$T/err" | head -n 1 >"$T/line"
tap_is 'stdout whose reader goes away ends it, quietly' \
	"${PIPESTATUS[0]} $(grep -vc '^tracing' "$T/err")" '0 0'
tap_like 'the reader has its line' "$(<"$T/line")" ' UDP 127\.0\.0\.1:'
timeout "$TAP_LIMIT" "$TRACE" -w "$T/w" -c 20 -o /dev/null udp port 9 2>/dev/null
touch "$T/stop"
tap_wait "$TAP_PID"
"$TRACE" read -f "$T/w" 2>"$T/err" | head -n 1 >"$T/line"
tap_is 'trace read whose reader goes away' "${PIPESTATUS[0]} $(<"$T/err")" '0 '
says_of 1 'trace read: stdout: No space left on device' sh -c "exec $TRACE read $T/w >/dev/full"
says_of 1 'trace read: stdout: Bad file descriptor' sh -c "exec $TRACE read $T/w >&-"

# ---- a file system that fills up ----

mkdir "$T/disk" "$T/saved"
# full_disk SIZE ARG...: `trace ARG...` where $T/disk is a file system of SIZE, whose files are copied to $T/saved
# before it goes. COMMAND sends more than fits there.
full_disk()
{
	# shellcheck disable=SC2016 # the inner shell's
	tap_run unshare -m sh -c 'mount -t tmpfs -o "size=$1" none "$0/disk" || exit
		shift
		"$@"
		echo "status $?"
		cp "$0/disk/"* "$0/saved"' "$T" "$1" "$TRACE" "${@:2}" -- sh -c "$send 2000; echo goes on; exit 3"
}
if unshare -m mount -t tmpfs none "$T/disk" 2>/dev/null; then
	full_disk 200k -f -o "$T/disk/f"
	tap_is 'full disk, -o: COMMAND goes on, then 125' "$TAP_OUT" $'goes on\nstatus 125'
	tap_like 'full disk, -o: one line' "$TAP_ERR" \
		'^trace: cannot write [^ ]*/disk/f: No space left on device; stopped$'
	tap_check 'full disk, -o: the file is nearly as large as the disk' \
		test "$(stat -c %s "$T/saved/f")" -gt 100000
	tap_check 'full disk, -o: no half line' cmd_ends_in_newline "$T/saved/f"
	tap_is 'full disk, -o: nor in the middle' \
		"$(grep -avcE '^(#[0-9]+ |#[0-9]+<#[0-9]+ |python|    )' "$T/saved/f")" 0

	# A recording begins with all sockets of the machine.
	full_disk 1000k -w "$T/disk/w"
	tap_is 'full disk, -w: COMMAND goes on, then 125' "$TAP_OUT" $'goes on\nstatus 125'
	tap_like 'full disk, -w: says so' "$TAP_ERR" \
		'trace: cannot write [^ ]*/disk/w: No space left on device; stopped'
	tap_run "$TRACE" read "$T/saved/w"
	tap_is 'full disk, -w: it can be read, and says that it is cut' "$TAP_STATUS $TAP_ERR" \
		"1 trace read: $T/saved/w: the recording is cut short: what it says last may be incomplete"
	tap_like 'full disk, -w: what it holds' "$TAP_OUT" '127\.0\.0\.1:9 .*'"$no_socket"
else
	tap_skip 'a file system that fills up' 'no right to mount'
fi

# ---- whose files ----

tap_run env SUDO_UID=65534 SUDO_GID=65533 "$TRACE" -o "$T/own.o" -w "$T/own.w" -- true
tap_is 'under sudo: files belong to the caller' \
	"$(stat -c %u:%g "$T/own.o" "$T/own.w" | tr '\n' ' ')" '65534:65533 65534:65533 '
: >"$T/others"
chown 12:34 "$T/others"
tap_run env SUDO_UID=65534 SUDO_GID=65533 "$TRACE" -o "$T/others" -- true
tap_is 'under sudo: a file that exists keeps its owner' "$(stat -c %u:%g "$T/others")" 12:34
tap_run "$TRACE" -o "$T/mine" -- true
tap_is 'without sudo: files belong to root' "$(stat -c %u:%g "$T/mine")" 0:0
tap_done
