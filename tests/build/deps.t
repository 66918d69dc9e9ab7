#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tools/deps.sh on a machine that has next to nothing: what it says, asks and installs.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
unset CI YES CC CLANG BPFTOOL PKG_CONFIG

bin=$TAP_TMP/bin
mkdir "$bin"
for tool in bash cat cut dirname env grep sed; do
	ln -s "$(command -v "$tool")" "$bin/$tool"
done
fake()
{
	printf '#!%s\n%s\n' "$(command -v bash)" "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}
fake id 'echo 0'
fake apt-get "echo \"\$*\" >>'$TAP_TMP/apt'; [[ \$1 != -s || -e '$TAP_TMP/knows' ]]"
: >"$TAP_TMP/apt"

# deps ANSWER ARGUMENT...
deps()
{
	local answer=$1
	shift
	tap_run env PATH="$bin" bash tools/deps.sh "$@" <<<"$answer"
}

deps '' missing apps
tap_is 'missing: exits 1' "$TAP_STATUS" 1
tap_is 'and names the packages' "$(xargs <<<"$TAP_OUT")" 'gcc make'
deps '' need apps
tap_is 'need: one line' "$(wc -l <<<"$TAP_ERR")" 1
tap_like 'that says what to run' "$TAP_ERR" 'GCC.*GNU make.*tools/deps.sh install apps.*gcc make'

deps n install apps
tap_is 'answered no: fails' "$TAP_STATUS" 1
tap_like 'after it asked' "$TAP_OUT" 'Install these 2 packages\? \[Y/n\]'
tap_is 'and installs nothing' "$(<"$TAP_TMP/apt")" ''
tap_run env PATH="$bin" bash tools/deps.sh install apps </dev/null
tap_is 'nobody there to answer: fails' "$TAP_STATUS" 1
tap_like 'and says what would not ask' "$TAP_ERR" 'YES=1'

deps y install apps
tap_like 'answered yes: installs' "$(<"$TAP_TMP/apt")" 'install gcc make'
tap_like 'after an update, as apt does not know them' "$(<"$TAP_TMP/apt")" '-q update'

: >"$TAP_TMP/apt"
: >"$TAP_TMP/knows"
export YES=1
tap_run env PATH="$bin" bash tools/deps.sh install apps </dev/null
tap_is 'YES=1 does not ask' "$TAP_STATUS" 0
tap_unlike 'and an apt that knows them needs no update' "$(<"$TAP_TMP/apt")" 'update'

fake id 'echo 1000'
deps '' install apps
tap_is 'neither root nor sudo: fails' "$TAP_STATUS" 1
tap_like 'and says how' "$TAP_ERR" 'as root'

rm "$bin/apt-get"
deps '' install apps
tap_is 'no apt-get: fails' "$TAP_STATUS" 1
tap_like 'and lists upstream names' "$TAP_ERR" 'GNU make'

fake gcc 'exit 0'
fake make ''
deps '' install apps
tap_is 'nothing is missing: nothing to do' "$TAP_STATUS$TAP_OUT$TAP_ERR" 0
deps '' install everything
tap_is 'an unknown group fails' "$TAP_STATUS" 1
tap_done
