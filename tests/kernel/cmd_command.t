#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Running COMMAND: what it gets from its caller, and what its caller gets from it, is as without trace.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
ns=cmdC$$
ip netns add "$ns" && tap_defer ip netns delete "$ns"
ip -n "$ns" link set lo up

# ---- streams ----

# Output with and without newlines, to both, around what comes from stdin; a packet; a status.
# shellcheck disable=SC2016 # the inner shell's
chatty='echo out; printf half; echo err >&2; cat; printf "\377\000" ; printf "half err" >&2
	apps/time_client 127.0.0.1 9; exit 3'
printf 'from stdin\nno newline' >"$T/stdin"
sh -c "$chatty" <"$T/stdin" >"$T/plain.out" 2>"$T/plain.err"
plain=$?

# same_streams NAME ARG...: the same under `trace ARG...`.
same_streams()
{
	local name=$1 status
	shift
	"$TRACE" "$@" -- sh -c "$chatty" <"$T/stdin" >"$T/out" 2>"$T/err"
	status=$?
	tap_is "$name: exit status" "$status" "$plain"
	tap_check "$name: stdout" cmp "$T/plain.out" "$T/out"
	tap_check "$name: stderr" cmp "$T/plain.err" "$T/err"
}
same_streams '-o FILE' -o "$T/o"
tap_like '-o FILE has the packet' "$(<"$T/o")" 'UDP 127\.0\.0\.1:'
same_streams '-o FILE -f -vv' -o "$T/o" -f -vv
same_streams '-o FILE --json' -o "$T/o" --json
same_streams '-o FILE -w FILE' -o "$T/o" -w "$T/w"

"$TRACE" -w "$T/w" -- sh -c "$chatty" <"$T/stdin" >"$T/out" 2>"$T/err"
tap_check '-w FILE alone: stdout' cmp "$T/plain.out" "$T/out"
tap_is '-w FILE alone: stderr has two lines more, ready and a count' \
	"$(grep -vE '^tracing [0-9]+ namespaces?, [0-9]+ probes$' "$T/err" |
		sed -E 's/recorded [0-9]+ events.*/COUNT/')" \
	"$(<"$T/plain.err")"$'\nCOUNT'
"$TRACE" -- sh -c "$chatty" <"$T/stdin" >"$T/out" 2>"$T/err"
tap_check 'without -o: stdout' cmp "$T/plain.out" "$T/out"
tap_like 'without -o: trace writes to stderr' "$(<"$T/err")" 'tracing [0-9]+ .*UDP 127\.0\.0\.1:'
tap_is 'without -o: one line when ready' "$(grep -c '^tracing ' "$T/err")" 1

head -c 5000000 /dev/urandom >"$T/big"
cp "$T/big" "$T/same"
"$TRACE" -o "$T/o" -- cat <"$T/big" | cmp - "$T/same"
tap_is '5 MB through a pipe' "${PIPESTATUS[*]}" '0 0'
"$TRACE" -o "$T/o" -- yes 2>/dev/null | head -n 1 >/dev/null
tap_is 'COMMAND whose reader goes away dies of SIGPIPE' "${PIPESTATUS[0]}" 141
"$TRACE" -o "$T/o" -- sh -c 'echo x' 2>/dev/null >&-
tap_is 'closed stdout is closed for COMMAND' $? "$(sh -c 'echo x' 2>/dev/null >&-; echo $?)"
"$TRACE" -w "$T/w" -- sh -c 'echo err >&2; exit 4' 2>&-
tap_is 'closed stderr: status' $? 4
tap_run "$TRACE" read "$T/w"
tap_like 'closed stderr: no file takes its place' "$TAP_STATUS $TAP_OUT" '^0 .*(no packet was seen|none matched)'

# ---- what it inherits ----

cat >"$T/inherits" <<'EOS'
env | grep -v ^_= | sort
grep -E '^(Umask|Uid|Gid|Groups|Sig(Pnd|Blk|Ign)|ShdPnd|Cap.*|NoNewPrivs|Seccomp|Cpus_allowed)' /proc/self/status
cat /proc/self/limits /proc/self/oom_score_adj
ls /proc/self/fd
pwd; nice; readlink /proc/self/ns/*
# process group and session, controlling terminal
cut -d' ' -f5-7 /proc/self/stat
EOS
inherits()
{
	(
		trap '' PIPE USR1
		umask 027
		ulimit -n 99
		cd / || exit
		nice -n 3 env A='x y' "$@" sh "$T/inherits" 7<"$T/stdin"
	)
}
inherits >"$T/plain.out"
inherits "$(realpath "$TRACE")" -o "$T/o" -- >"$T/out"
tap_check 'environment, signals, limits, descriptors, groups as without trace' \
	diff "$T/plain.out" "$T/out"
tap_run env --ignore-signal=CHLD "$TRACE" -o "$T/o" -- sh -c 'exit 6'
tap_is 'a caller that ignores SIGCHLD' "$TAP_STATUS" 6
# The writing end is trace's alone: its reader sees the end of file while COMMAND runs.
mkfifo "$T/ready" "$T/go"
tap_background reader cat "$T/ready"
reader=$TAP_PID
tap_background ready "$TRACE" -o "$T/o" --ready-fd 9 -- sh -c "read x <$T/go" 9>"$T/ready"
tap_wait "$reader"
tap_is '--ready-fd: one word, and COMMAND does not hold it' "$? $(<"$T/reader.out")" '0 ready'
timeout "$TAP_LIMIT" sh -c "echo >$T/go"
tap_wait "$TAP_PID"

# ---- status ----

# status WANTED COMMAND...: trace ends as COMMAND does, and says nothing of its own.
status()
{
	local wanted=$1
	shift
	tap_run "$TRACE" -o "$T/o" -- "$@"
	tap_is "status of: $*" "$TAP_STATUS [$TAP_ERR]" "$wanted []"
}
status 0 true
status 255 sh -c 'exit 255'
# shellcheck disable=SC2016 # the inner shell's
for pair in KILL:137 TERM:143 SEGV:139 INT:130 HUP:129; do
	status "${pair#*:}" sh -c 'ulimit -c 0; kill -'"${pair%:*}"' $$'
done

printf 'echo run by sh; exit 9\n' >"$T/script"
tap_run "$TRACE" -o "$T/o" -- "$T/script"
tap_is 'not executable' "$TAP_STATUS $TAP_ERR" "126 trace: $T/script: Permission denied"
chmod +x "$T/script"
tap_run "$TRACE" -o "$T/o" -- "$T/script"
tap_is 'a script without #! runs' "$TAP_STATUS $TAP_OUT" '9 run by sh'
tap_run "$TRACE" -o "$T/o" -- "$T"
tap_is 'a directory' "$TAP_STATUS $TAP_ERR" "126 trace: $T: Permission denied"
tap_run "$TRACE" -o "$T/o" -- ./no-such-program x
tap_is 'no such program' "$TAP_STATUS $TAP_ERR" '127 trace: ./no-such-program: no such program'
tap_run "$TRACE" -o "$T/o" -- no-such-program
tap_is 'not in PATH' "$TAP_STATUS $TAP_ERR" '127 trace: no-such-program: no such program'

# ---- who is followed ----

# follows NAME PIDS JOURNEYS COMMAND...: with that many processes that send, and datagrams to port 9
# of this namespace; a process beside it sends there all the time.
follows()
{
	local name=$1 pids=$2 journeys=$3
	shift 3
	tap_run "$TRACE" -o "$T/json" --json -- "$@"
	[[ $TAP_STATUS == 0 ]] || tap_diag "$TAP_ERR"
	tap_is "$name: processes" "$(cmd_json values journey cause.task.pid "$T/json" | tr ' ' '\n' |
		grep -c '^[0-9]')" "$pids"
	tap_is "$name: datagrams" "$(cmd_json count journey "$T/json" packet.dport=9)" "$journeys"
}
tap_background stranger "$PYTHON" tests/kernel/cmd_udp.py stream 127.0.0.1 9 "$T/stop"
send="$PYTHON tests/kernel/cmd_udp.py"
follows 'one process' 1 3 sh -c "exec $send send 127.0.0.1 9 3"
follows 'two children at a time' 2 4 sh -c "$send send 127.0.0.1 9 2 & $send send 127.0.0.1 9 2 & wait"
follows 'a great-great-grandchild' 1 1 sh -c "$send child 127.0.0.1 9 3; true"
follows 'a child in a session of its own' 1 1 sh -c "setsid -w $send send 127.0.0.1 9 1; true"
follows 'four threads' 1 4 sh -c "exec $send threads 127.0.0.1 9 4"
follows 'threads: each by its own task' 1 4 "$PYTHON" tests/kernel/cmd_udp.py threads 127.0.0.1 9 4
tap_is 'threads: calls by four threads' \
	"$(cmd_json values call task.tid "$T/json" | wc -w)" 4
touch "$T/stop"
tap_wait "$TAP_PID"

# ---- where, and as whom ----

tap_run "$TRACE" -o "$T/o" --in "$ns" -- readlink /proc/self/ns/net
tap_is '--in: COMMAND is there' "$TAP_OUT" "net:[$(stat -c %i "/run/netns/$ns")]"
tap_run "$TRACE" -o "$T/json" --json --in "$ns" -- apps/time_client 127.0.0.1 9
tap_is '--in: its packets are seen, by that name' "$(cmd_json values journey fate.netns "$T/json")" "$ns"

# A user with supplementary groups, if there is one; trace itself has others.
user=$(awk -F: '$4 != "" { split($4, u, ","); print u[1]; exit }' /etc/group)
for user in nobody $user; do
	home=$(getent passwd "$user" | cut -d: -f6)
	# shellcheck disable=SC2016 # the inner shell's
	tap_run setpriv --groups 4,27 "$TRACE" -o "$T/o" --user "$user" -- \
		sh -c 'id -u; id -g; id -G; echo "$HOME $USER $LOGNAME"; grep CapEff /proc/self/status'
	case $user in
	root) caps=$(grep CapEff /proc/self/status) ;;
	*) caps=$'CapEff:\t0000000000000000' ;;
	esac
	tap_is "--user $user: ids, groups, home, no capabilities" "$TAP_OUT" \
		"$(id -u "$user")"$'\n'"$(id -g "$user")"$'\n'"$(id -G "$user")"$'\n'"$home $user $user"$'\n'"$caps"
done
mkdir -m 700 "$T/closed"
cp "$(type -P true)" "$T/closed/true"
tap_run "$TRACE" -o "$T/o" --user nobody -- "$T/closed/true"
tap_is '--user: it may not run that' "$TAP_STATUS $TAP_ERR" \
	"126 trace: $T/closed/true: Permission denied"
tap_run "$TRACE" -o "$T/json" --json --in "$ns" --user nobody -- bash -c 'echo >/dev/udp/127.0.0.1/9'
tap_is '--in and --user together: the datagram' \
	"$TAP_STATUS $(cmd_json count journey "$T/json" packet.dport=9 fate.netns="$ns")" '0 1'
tap_done
