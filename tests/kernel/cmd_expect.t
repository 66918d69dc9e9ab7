#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# --expect: real packets held against what shall happen, live and from a recording.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
export LC_ALL=C.UTF-8
# Every ICMP error is wanted, however fast the traffic below is sent again.
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0

# expects STATUS TEXT COMMAND...: `trace --expect TEXT -- COMMAND` ends with STATUS, and so does its
# recording, which is judged in the same words. They stay in TAP_ERR. A verdict that rests on what
# a flood elsewhere on the machine took away proves nothing: again, then.
expects()
{
	local status=$1 text=$2 live i
	shift 2
	for ((i = 0; i < 5; i++)); do
		tap_run "$TRACE" -q -w "$T/rec" --expect "$text" -- "$@"
		[[ $TAP_STATUS == 4 && $status != 4 ]] || break
	done
	live="$TAP_STATUS $(grep -A99 '^expect' <<<"$TAP_ERR")"
	tap_run "$TRACE" read "$T/rec" -q --expect "$text"
	if [[ "$TAP_STATUS $TAP_ERR" != "$live" ]]; then
		tap_fail "$text" "live: $live"$'\n'"read: $TAP_STATUS $TAP_ERR"
	else
		tap_is "$status: $text" "${live%% *}" "$status" || tap_diag "$live"
	fi
}

# ---- a closed port ----

client=(apps/time_client 127.0.0.1 9)
sample="drop reason=$no_socket as"' $p; icmp type=3 code=3 cause=$p as $e; call errno=ECONNREFUSED error_from=$e'
expects 0 "$sample" "${client[@]}"
tap_is 'what holds is not talked about, with -q' "$TAP_ERR" ''
expects 0 'call sendto ret=24 as $c; drop dport=9 id=$c by=time_client function~udp
	told ECONNREFUSED told_to=time_client told_call=recvfrom; no queued; no drop dport!=9
	journey x2; call connect x1 rport=9' "${client[@]}"
expects 0 'icmp "port unreachable" stage=transmit passes=lo netns!=none as $e
	journey udp caused=$e stage="udp send" text~ICMP; call recvfrom error_from=$e' "${client[@]}"
expects 3 "${sample/code=3/code=1}" "${client[@]}"
tap_like 'and what came nearest' "$TAP_ERR" 'expect: step 2 of 3 did not hold: icmp type=3 code=1 cause=.p as .e
  step 1 held: #1 UDP 127\.0\.0\.1:[0-9]+ → 127\.0\.0\.1:9  24 B, dropped: '"$no_socket"' \(as .p\)
  nearest: #2 ICMP 127\.0\.0\.1 → 127\.0\.0\.1  port unreachable, consumed: code is 3, not 1$'
expects 3 'no drop' "${client[@]}"
tap_like 'and which it is' "$TAP_ERR" 'wanted: none, there is 1
  counted: #1 UDP .*'"$no_socket$"
expects 3 'call recvfrom; call socket' "${client[@]}"
tap_like 'and why not in that order' "$TAP_ERR" 'nearest: time_client.* socket\(.*: it was over before that of step 1 began$'
expects 3 'queued dport=9' "${client[@]}"
expects 3 'signal' "${client[@]}"
expects 0 'drop src=::1 dst=::1; icmp proto=icmpv6 type=1 code=4' apps/time_client ::1 9
expects 3 'drop src=127.0.0.1' apps/time_client ::1 9

# ---- a request and its answer: two programs, whose calls have no common order ----

tap_server server apps/time_server 127.0.0.1 8080
expects 0 'call sendto as $c; queued dport=8080 id=$c as $q; { read id=$q reader=time_server
	queued sport=8080 dport=$q.sport as $a; journey cause_kind=call by=time_server id=$a began>$q.began }
	call recvfrom read=$a ret>0; no drop; no icmp' apps/time_client 127.0.0.1 8080
expects 3 'queued dport=8080 as $q; read id=$q reader=time_client' apps/time_client 127.0.0.1 8080
expects 0 'journey as $a; queued udp id!=$a as $q; read id=$q reader=time_client; no queued id!=$a id!=$q' \
	apps/time_client 127.0.0.1 8080

# ---- status ----

# status WANTED REGEX ARG...: `trace ARG...` ends so, and says that on stderr.
status()
{
	local wanted=$1 regex=$2
	shift 2
	tap_run "$TRACE" "$@"
	tap_like "status $wanted: ${*/#$T/TMP}" "$TAP_STATUS $TAP_ERR" "^$wanted $regex"
}
status 0 '$' -q --expect 'drop' -- sh -c "${client[*]} 2>/dev/null; exit 9"
status 3 'expect: step 1 of 1' -q --expect 'no drop' -- sh -c "${client[*]} 2>/dev/null"
status 127 'trace: ./no-such: no such program$' -q --expect 'no drop' -- ./no-such
status 126 "trace: $T: Permission denied$" -q --expect 'no drop' -- "$T"
status 125 'trace: cannot record to' -q --expect 'no drop' -w "$T/no/file" -- true
status 2 "trace run: --expect: step 1, 'drop raeson=X': drop has no field 'raeson'; did you mean 'reason'\\?
drop has: id" --expect 'drop raeson=X' -- true
status 2 "trace read: --expect: step 2, 'dorp': there is no kind of step 'dorp'; did you mean 'drop'\\?" \
	read --expect 'call; dorp' "$T/rec"
status 2 "trace run: --timeout '0' is no time; " --timeout 0
status 2 "trace read: option '--timeout' belongs to trace run" read --timeout 1 "$T/rec"
status 2 'trace run: -q shows nothing, so -o makes no sense' -q -o "$T/o"
status 2 'trace run: -q shows nothing, so another view makes no sense' -q --tree --expect drop -- true
status 2 "trace run: --expect-file $T/none: No such file or directory" --expect-file "$T/none"
status 2 "trace run: --expect-file /dev/null: it is empty" --expect-file /dev/null
status 1 'trace read: .*: not a recording' read --expect drop /dev/null
tap_run "$TRACE" -q --expect 'drop' -- sh -c "echo out; ${client[*]}"
tap_is '-q: only what COMMAND says' "$TAP_OUT $TAP_ERR" \
	'out time_client: recvfrom: Connection refused: no socket is bound to 127.0.0.1:9'
tap_run "$TRACE" --expect help
tap_like '--expect help' "$TAP_STATUS $TAP_OUT" '^0 .*Kinds:.*  drop .*Fields of call, blocked:'

# ---- several; files ----

tap_run "$TRACE" -q -w "$T/rec" --expect 'call sendto; call recvfrom' --expect 'drop; no queued' -- "${client[@]}"
tap_is 'two: both held' "$TAP_STATUS" 0
tap_run "$TRACE" read "$T/rec" --list --expect 'call sendto; call recvfrom' --expect 'drop; no queued'
tap_is 'two: a line' "$TAP_STATUS $TAP_ERR" '0 expected: 4 of 4 held'
tap_like 'and the view is as it was' "$TAP_OUT" "$no_socket"
tap_run "$TRACE" read "$T/rec" -q --expect 'queued' --expect 'drop'
tap_is 'two: one failed' "$TAP_STATUS $(grep -c '^expect' <<<"$TAP_ERR")" '3 1'
printf '# what shall happen\n%s\n' "${sample//; /$'\n'}" >"$T/steps"
tap_run "$TRACE" read "$T/rec" -q --expect-file "$T/steps"
tap_is '--expect-file' "$TAP_STATUS" 0
tap_run "$TRACE" read "$T/rec" -q --expect-file - <"$T/steps"
tap_is '--expect-file -' "$TAP_STATUS" 0
tap_run "$TRACE" read "$T/rec" "$T/rec" -q --expect 'drop x1'
tap_is 'two recordings: each by itself' "$TAP_STATUS" 0
tap_run "$TRACE" read "$T/rec" --only unread --expect 'drop'
tap_is '--only hides nothing from it' "$TAP_STATUS" 0

# ---- JSON ----

tap_run "$TRACE" --json -o "$T/json" --expect "${sample/code=3/code=1}" --expect 'drop' -- "${client[@]}"
tap_like 'JSON: the report goes to stderr' "$TAP_STATUS $TAP_ERR" '^3 .*expect: step 2 of 3'
tap_is 'JSON: a line for each' "$(cmd_json values expect held "$T/json")" 'False True'
schema_check "$T/json"

# ---- a recording that is cut short ----

bytes=$(stat -c %s "$T/rec")
head -c $((bytes - 20)) "$T/rec" >"$T/cut"
for case in "0 drop $no_socket" '0 call recvfrom errno=ECONNREFUSED' '0 drop x1+' '4 no queued' \
	'4 no drop' '4 drop x1' '4 queued' '4 drop reason=X' '4 drop told=nothing'; do
	tap_run "$TRACE" read "$T/cut" -q --expect "${case#* }"
	tap_is "cut short: $case" "$TAP_STATUS" "${case%% *}"
	[[ $case != 4* ]] || tap_like 'and it says so' "$TAP_ERR" \
		'expect: inconclusive, since the recording is cut short; as far as is known, '
done

# ---- losses ----

tap_run "$TRACE" -q -w "$T/lossy" --ring 4K --expect 'drop dport=7' --expect 'no queued' -- \
	sh -c "$PYTHON tests/kernel/cmd_udp.py send 127.0.0.1 9 20000"
if [[ $TAP_ERR == *lost* || $TAP_ERR == *skipped* ]]; then
	tap_is 'losses: neither of both can be told' \
		"$TAP_STATUS $(grep -cE '^expect: inconclusive, since [0-9]+ events? w' <<<"$TAP_ERR")" '4 2'
	tap_run "$TRACE" read "$T/lossy" -q --expect 'journey dport=9; journey x1+'
	tap_is 'losses: what was seen was seen' "$TAP_STATUS" 0
else
	tap_skip 'losses' 'a flood does not fill 4 KiB of ring buffers here'
fi

# ---- time ----

# within SECONDS NAME ARG...: `trace ARG...` ends before that.
within()
{
	local limit=$1 name=$2 begun=$SECONDS
	shift 2
	tap_run "$TRACE" "$@"
	tap_check "$name: in time" test "$((SECONDS - begun))" -le "$limit"
}
# one that is there within the second, on any machine
within 15 'COMMAND stays' -q --timeout 1 --expect 'no drop; blocked recvfrom' -- \
	sh -c 'exec apps/time_server 127.0.0.1 7001 2>/dev/null'
tap_is 'COMMAND stays: what it is in is seen' "$TAP_STATUS $TAP_ERR" '0 '
tap_check 'and it is gone' sh -c '! pgrep -f "[t]ime_server 127.0.0.1 7001"'
within 20 'COMMAND ignores SIGTERM' -q --timeout 1 --expect 'drop' -- \
	sh -c 'trap "" TERM; while :; do sleep 0.1; done'
tap_like 'it is killed' "$TAP_STATUS $TAP_ERR" '^3 expect: step 1 of 1 .*there is no packet at all'
within 15 '--timeout by itself' -q --timeout 0.5 -- sleep 60
tap_is 'ends COMMAND with SIGTERM' "$TAP_STATUS" 143
within 15 'a COMMAND that ends before' -q --timeout 60 --expect 'drop' -- "${client[@]}"
tap_is 'is not waited for' "$TAP_STATUS" 0
within 15 'without COMMAND' -q --timeout 0.5 -n nosuch --expect 'drop dport=9'
tap_is 'what does not come' "$TAP_STATUS" 1 # -n: there is no such namespace
within 15 'without COMMAND' -q --timeout 0.5 --expect 'drop dport=4 sport=4'
tap_like 'what does not come' "$TAP_STATUS" '^[34]$'

# Without COMMAND it ends as soon as all holds.
cmd_start_ready early -q --timeout 60 --expect "drop dport=11 as \$p; icmp cause=\$p"
apps/time_client 127.0.0.1 11 2>/dev/null
tap_wait "$TAP_PID"
tap_is 'without COMMAND: over as soon as it holds' $? 0
cmd_start_ready late -q --timeout 2 --expect 'drop dport=12 x1'
apps/time_client 127.0.0.1 12 2>/dev/null
tap_wait "$TAP_PID"
tap_like 'not with a count: one more might come' $? '^[04]$'

tap_done
