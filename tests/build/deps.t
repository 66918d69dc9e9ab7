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

# Versions: all is there, and says of itself that it is these.
# shellcheck disable=SC2016 # the fakes expand it
fake bpftool 'echo "$BPFTOOL_SAYS"; echo "features:"'
# shellcheck disable=SC2016
fake clang 'echo "$CLANG_SAYS"; echo "Target: x86_64-pc-linux-gnu"'
# shellcheck disable=SC2016
fake pkg-config '[[ $1 == --exists ]] || echo "$LIBBPF"'
clang14='Debian clang version 14.0.6'
# versions CLANG-SAYS LIBBPF BPFTOOL-SAYS GROUP
versions()
{
	CLANG_SAYS=$1 LIBBPF=$2 BPFTOOL_SAYS=$3 tap_run env PATH="$bin" bash tools/deps.sh need "$4"
}

# too_old CLANG-SAYS LIBBPF BPFTOOL-SAYS WHICH AT-LEAST
too_old()
{
	versions "$1" "$2" "$3" build
	tap_is "$4: too old" "$TAP_STATUS" 1
	tap_is "$4: says so in one line" "$(wc -l <<<"$TAP_ERR")" 1
	tap_like "$4: with what is needed" "$TAP_ERR" "^too old: $4\\. At least $5 is needed"
}

# new_enough CLANG-SAYS LIBBPF BPFTOOL-SAYS
new_enough()
{
	versions "$1" "$2" "$3" build
	tap_is "$1, libbpf $2, $3: will do" "$TAP_STATUS$TAP_OUT$TAP_ERR" 0
}

too_old "$clang14" 0.8.1 'bpftool v7.1.0' 'libbpf 0.8.1' 1.0
too_old 'Debian clang version 11.0.1-2' 1.1.2 'bpftool v7.1.0' 'Clang 11.0.1' 13
too_old 'clang version 9.0.0 (Fedora 9.0.0-1.fc31)' 1.1.2 'bpftool v7.1.0' 'Clang 9.0.0' 13
too_old "$clang14" 1.1.2 '/usr/sbin/bpftool v5.10.223' 'bpftool 5.10.223' 5.13
new_enough 'clang version 13.0.0' 1.0.0 'bpftool v5.13.0'
new_enough 'Ubuntu clang version 14.0.0-1ubuntu1.1' 1.10.0 'bpftool v5.19.17'
new_enough 'Debian clang version 19.1.7 (3+b1)' 2.0 'bpftool v7.5.0'
new_enough 'something else' '' ''
versions 'clang version 9.0.0' 0.3 'bpftool v4.19' apps
tap_is 'an exercise needs none of these' "$TAP_STATUS$TAP_ERR" 0

# For another machine: the headers of this one's libraries are no libraries there.
fake pkg-config 'exit 1'
CROSS=arm64 tap_run env PATH="$bin" bash tools/deps.sh need build
tap_is 'to build for another machine without its libraries: fails' "$TAP_STATUS" 1
tap_like 'and says for which, and how to help' "$TAP_ERR" '^missing to build for arm64: libbpf.*SYSROOT='
tap_done
