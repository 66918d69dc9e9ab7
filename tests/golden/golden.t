#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Recordings of real kernels (record.sh), shown by each view, against what they showed when somebody
# looked at them. UPDATE=1 takes what they show now; look at the difference before it is committed.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/python.sh disable=SC1091
. tests/lib/python.sh
tap_need_program trace

here=tests/golden
# name of the expectation, options
views=(
	'list.txt --list'
	'tree.txt --tree'
	'follow.txt -f'
	'tree-v.txt --tree -v'
	'ascii.txt --list --ascii'
	'plain.txt --tree --plain'
	'wide.txt -f --width 160'
	'json --json'
)

# shows NAME SUFFIX OPTION...: the recording as these options show it, in a fixed locale and time zone,
# is what was expected.
# shellcheck disable=SC2317 # called by tap_check
shows()
{
	local name=$1 expected=$here/$1.$2
	shift 2
	LC_ALL=C.UTF-8 TZ=UTC ./trace read "$here/$name.rec" --width 80 "$@" >"$TAP_TMP/got" || return 1
	[[ -z ${UPDATE-} ]] || cp -- "$TAP_TMP/got" "$expected"
	diff -u -- "$expected" "$TAP_TMP/got" | head -60
	cmp -s -- "$expected" "$TAP_TMP/got"
}

# shellcheck disable=SC2317 # called by tap_check
is_7bit()
{
	LC_ALL=C.UTF-8 ./trace read "$1" --ascii "${@:2}" >"$TAP_TMP/got" || return 1
	! LC_ALL=C grep -n '[^ -~]' "$TAP_TMP/got"
}

for rec in "$here"/*.rec; do
	name=$(basename -- "$rec" .rec)
	for view in "${views[@]}"; do
		read -ra options <<<"${view#* }"
		tap_check "$name as ${view%% *}" shows "$name" "${view%% *}" "${options[@]}"
	done
	for view in --list --tree -f; do
		tap_check "$name: $view --ascii is 7-bit" is_7bit "$rec" "$view" -v
	done
done
schema_check "$here"/*.json
./trace stages --json >"$TAP_TMP/stages"
tap_check 'JSON: the schema knows every stage' python3 tests/kernel/cmd_json.py stages "$TAP_TMP/stages"
# an orderly close, to be read from the ladder alone, in 80 columns
tap_check 'close as ladder.txt' shows close ladder.txt --ladder
tap_check 'close as ladder-ascii.txt' shows close ladder-ascii.txt --ladder --ascii
tap_check 'close: --ladder --ascii is 7-bit' is_7bit "$here/close.rec" --ladder
tap_is 'close: no line is longer than 80 columns' "$(awk 'length > 80' "$here/close.ladder-ascii.txt")" ''
# two recordings held against each other
# parts A B SUFFIX STATUS OPTION...: the same for trace diff, with its exit status
# shellcheck disable=SC2317 # called by tap_check
parts()
{
	local a=$1 b=$2 expected=$here/$1-$2.$3 wanted=$4 status
	shift 4
	(cd "$here" && LC_ALL=C.UTF-8 ../../trace diff "$a.rec" "$b.rec" --width 80 "$@") >"$TAP_TMP/got"
	status=$?
	[[ -z ${UPDATE-} ]] || cp -- "$TAP_TMP/got" "$expected"
	diff -u -- "$expected" "$TAP_TMP/got" | head -60
	echo "status $status"
	cmp -s -- "$expected" "$TAP_TMP/got" && [[ $status == "$wanted" ]]
}

for pair in 'request closed_port' 'unconnected closed_port' 'long_addresses long_refused'; do
	read -r a b <<<"$pair"
	tap_check "$a and $b: diff.txt" parts "$a" "$b" diff.txt 1
	tap_check "$a and $b: diff.ascii.txt" parts "$a" "$b" diff.ascii.txt 1 --ascii -v
	tap_check "$a and $b: diff.plain.txt" parts "$a" "$b" diff.plain.txt 1 --plain
	tap_is "$a and $b: --ascii is 7-bit" "$(LC_ALL=C grep -n '[^ -~]' "$here/$a-$b.diff.ascii.txt")" ''
	tap_is "$a and $b: no line is longer than 80 columns" "$(awk 'length > 80' "$here/$a-$b.diff.ascii.txt")" ''
done
tap_check 'request and closed_port: diff.json' parts request closed_port diff.json 1 --json
tap_check 'arp and request: no parting' parts arp request diff.txt 0
for rec in "$here"/*.rec; do
	tap_run ./trace diff "$rec" "$rec" --json
	tap_like "$(basename -- "$rec") and itself: the same" "$TAP_STATUS $TAP_OUT" \
		'^0 .*"verdict":"same",[^}]*\},"b":[^}]*\},"same":[0-9]+,"part":0,"only_a":0,"only_b":0,"inconclusive":0,"minor":0'
done
# what README.md shows is what trace shows
for shown in request.follow.txt closed_port.tree.txt close.ladder.txt unconnected-closed_port.diff.txt; do
	tap_is "README.md shows $shown" "$(comm -23 <(sort "$here/$shown") <(sort README.md))" ''
done
tap_done
