#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A thousand segments in a row fit on a screen: the list folds what is uneventful, and says how much it
# was; --no-fold shows each.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"
# shellcheck source-path=SCRIPTDIR source=cmd_lib.sh disable=SC1091
. tests/kernel/cmd_lib.sh
cmd_begin

T=$TAP_TMP
export LC_ALL=C.UTF-8
segments=1000 size=20

# What is in the recording: "SEGMENTS QUEUED PAUSES SECONDS LOST". A pause ends a fold (50 ms), and one that takes
# longer than a second is told in parts, loader/render_list.c.
cat >"$T/look.py" <<'END'
import json
import sys

born, queued, lost = [], 0, 0
for line in sys.stdin:
    record = json.loads(line)
    if record["type"] == "journey" and record["packet"].get("dport") == int(sys.argv[1]) \
            and record["packet"]["payload"] == int(sys.argv[2]):
        born.append(record["born"])
        queued += record["fate"]["kind"] == "queued"
    elif record["type"] == "summary":
        lost = record["lost"] + record["misses"]
pauses = sum(after - before > 50e6 for before, after in zip(born, born[1:]))
print(len(born), queued, pauses, int((max(born) - min(born)) / 1e9) if born else 0, lost)
END

# What the list has: "SEGMENTS CALLS": those shown and those folded.
cat >"$T/add.py" <<'END'
import re
import sys

shown, calls, size = 0, 0, sys.argv[1]
for line in sys.stdin:
    if match := re.match(r"~\d+ +→ (\d+) segments,", line):
        shown += int(match[1])
    elif re.match(rf"#\d+ +~\d+ → {size} B ", line):
        shown += 1
    elif match := re.match(r"~\d+ .* (\d+) × sendto\(", line):
        calls += int(match[1])
    elif re.match(rf"~\d+ .* sendto\(\d+, {size} B\) = {size},", line):
        calls += 1
print(shown, calls)
END

# folded NAME OPTION...
folded()
{
	local name=$1 n queued pauses seconds lost i
	shift
	for ((i = 0; i < 5; i++)); do
		tap_run "$TRACE" --list -o "$T/list" -w "$T/rec" "$@" -- \
			"$PYTHON" tests/kernel/tcp_peer.py count 127.0.0.1 "$TAP_PORT" $segments $size
		[[ $TAP_STATUS == 0 ]] || tap_bail "$name: trace runs" "$TAP_ERR"
		read -r n queued pauses seconds lost < \
			<("$TRACE" read "$T/rec" --json | "$PYTHON" "$T/look.py" "$TAP_PORT" $size)
		# A busy machine: another try.
		[[ $pauses$lost != 00 ]] || break
		tap_diag "$name: attempt $((i + 1)): $pauses pauses, $lost lost"
	done
	tap_is "$name: so many segments, each queued" "$n $queued" "$segments $segments"
	# Each part of a run costs the lines of another one.
	tap_check "$name: the list has at most 40 lines ($(wc -l <"$T/list"), $pauses pauses, $seconds s)" \
		test "$(wc -l <"$T/list")" -le $((40 + 4 * (pauses + seconds))) || tap_diag "$(<"$T/list")"
	tap_is "$name: which add up to all segments and all calls" \
		"$("$PYTHON" "$T/add.py" $size <"$T/list")" "$segments $segments"
	tap_like "$name: and say how many, how much, and how it went" "$(<"$T/list")" \
		$'\n~1  → [0-9]+ segments, [0-9]+ B, [0-9]+ ACKs ←, all delivered'
	tap_run "$TRACE" read "$T/rec" --list --width 80
	tap_is "$name: the recording shows the same" "$TAP_OUT" "$(<"$T/list")"
	tap_run "$TRACE" read "$T/rec" --list --no-fold --width 200
	tap_is "$name: --no-fold: each by itself" "$("$PYTHON" "$T/add.py" $size <<<"$TAP_OUT") $(grep -cE \
		'^~[0-9]+  . [0-9]+ segments' <<<"$TAP_OUT")" "$segments $segments 0"
}

tap_server sink "$PYTHON" tests/kernel/tcp_peer.py sink 127.0.0.1 7000
sink=$TAP_PID
folded 'sender followed'
folded 'both followed' -p "$sink"

tap_done
