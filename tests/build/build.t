#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The build: outside the tree, without BTF, and again after a change, what it concerns and no more.
set -u
: "${TAP_LIMIT:=300}"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
unset SAN CFLAGS LDFLAGS CPPFLAGS O MAKEFLAGS MFLAGS MAKELEVEL

tree=$TAP_TMP/tree
out=$TAP_TMP/out
mkdir "$tree"
cp -r Makefile tools apps bpf loader vmlinux docs LICENSE "$tree"
for app in apps/*.c; do
	rm -f "$tree/${app%.c}"
done
names=()
for app in apps/*.c; do
	names+=("$(basename "$app" .c)")
done

# what_would_be_built MAKE-ARGUMENT...: the files that compilers would write, without .o, one line
what_would_be_built()
{
	make -C "$tree" O="$out" -n V=1 "$@" | grep -oE ' -c .* -o [^ ]+' |
		sed -E 's/.* -o //; s/\.o$//' | sed "s|^$out/build/||" | sort | xargs
}

find "$tree" | sort >"$TAP_TMP/before"
if unshare -m true 2>/dev/null; then
	# shellcheck disable=SC2016 # for the inner shell
	tap_run unshare -m sh -c \
		'mount -t tmpfs none /sys/kernel/btf 2>/dev/null; make -C "$1" -j2 O="$2"' sh "$tree" "$out"
	tap_is 'builds outside the tree, without /sys/kernel/btf' "$TAP_STATUS" 0
else
	tap_run make -C "$tree" -j2 O="$out"
	tap_is 'builds outside the tree' "$TAP_STATUS" 0
fi
[[ $TAP_STATUS == 0 ]] || tap_bail 'the build failed' "$TAP_OUT$TAP_ERR"
find "$tree" | sort >"$TAP_TMP/after"
tap_check 'and writes nothing into the tree' diff "$TAP_TMP/before" "$TAP_TMP/after"
tap_check 'trace is there' test -x "$out/trace"
for name in "${names[@]}"; do
	tap_check "apps/$name is there" test -x "$out/apps/$name"
done

tap_run make -C "$tree" O="$out"
tap_like 'then there is nothing to be done' "$TAP_OUT" 'Nothing to be done'

wanted=$(grep -l '"time_protocol.h"' apps/*.c | sed 's/\.c$//' | sort | xargs)
touch "$tree/apps/time_protocol.h"
tap_is 'an edited header of some exercises rebuilds those' "$(what_would_be_built)" "$wanted"
make -C "$tree" O="$out" -s >/dev/null

wanted=$( (grep -l '\.skel\.h"' loader/*.c | sed 's/\.c$//' &&
	(cd bpf && printf '%s\n' *.bpf.c | sed 's/\.c$//')) | sort | xargs)
touch "$tree/vmlinux/vmlinux.h"
tap_is 'edited kernel types rebuild the BPF object and its users' "$(what_would_be_built)" "$wanted"
make -C "$tree" O="$out" -s >/dev/null

wanted=$(printf 'apps/%s\n' "${names[@]}" | sort | xargs)
tap_is 'changed flags rebuild, BPF excepted' "$(what_would_be_built CFLAGS=-O1 apps)" "$wanted"
tap_is 'and what was asked about is not remembered' "$(what_would_be_built)" ''

printf '#include "no_such_file.h"\n' >"$tree/loader/cmd_zzz.c"
tap_run make -C "$tree" O="$out"
tap_is 'a source that does not compile fails the build' "$((TAP_STATUS != 0))" 1
rm "$tree/loader/cmd_zzz.c"
tap_run make -C "$tree" O="$out"
tap_is 'and once it is gone, the build is whole again' "$TAP_STATUS" 0

mkdir "$TAP_TMP/elsewhere"
tap_run make -C "$TAP_TMP/elsewhere" -f "$tree/Makefile" time_server
tap_is 'make -f from another directory' "$TAP_STATUS" 0
tap_check 'builds there' test -x "$TAP_TMP/elsewhere/apps/time_server"

tap_run make -C "$tree" O="$TAP_TMP/none" CLANG=no_such_clang all
tap_is 'without clang: fails' "$((TAP_STATUS != 0))" 1
tap_is 'and says so in one line' "$(grep -c '^missing: .*no_such_clang.*Debian: clang' <<<"$TAP_ERR")" 1
tap_run make -C "$tree" O="$TAP_TMP/none" CLANG=no_such_clang time_server
tap_is 'an exercise needs no clang' "$TAP_STATUS" 0

tap_run make -C "$tree" O="$TAP_TMP/san" SAN=1 time_server
tap_check 'SAN=1 links the sanitizers in' grep -q __asan_init "$TAP_TMP/san/apps/time_server"
tap_run make -C "$tree" O="$TAP_TMP/san" time_server
tap_unlike 'and without it they are gone again' "$(grep -c __asan_init "$TAP_TMP/san/apps/time_server")" '[1-9]'
tap_unlike 'while both sets of objects stay' "$(make -C "$tree" O="$TAP_TMP/san" SAN=1 time_server)" ' CC '

tap_run make -C "$tree" O="$out" clean
tap_is 'make clean leaves nothing' "$(find "$out" -type f)" ''
tap_done
