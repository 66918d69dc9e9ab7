#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# make install and uninstall: what goes where, and that a `trace` of somebody else survives.
set -u
: "${TAP_LIMIT:=300}"
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL

tap_need_program trace
root=$TAP_TMP/root
do_make()
{
	tap_run make DESTDIR="$root" PREFIX=/opt "$@"
}
list()
{
	(cd "$root" && find . ! -type d | sort)
}

do_make install
tap_is 'install' "$TAP_STATUS" 0
tap_check 'hopscope is there and runs' "$root/opt/bin/hopscope" stages
tap_is 'trace is its second name' "$(readlink "$root/opt/bin/trace")" hopscope
if command -v scdoc >/dev/null; then
	tap_check 'the man page is there' test -s "$root/opt/share/man/man1/hopscope.1"
	tap_is 'under both names' "$(readlink "$root/opt/share/man/man1/trace.1")" hopscope.1
else
	tap_skip 'the man page is there' 'scdoc is not installed'
fi
tap_check 'the licence is there' cmp LICENSE "$root/opt/share/doc/hopscope/LICENSE"
list >"$TAP_TMP/first"
do_make install
list >"$TAP_TMP/second"
tap_check 'a second install changes nothing' cmp "$TAP_TMP/first" "$TAP_TMP/second"
do_make uninstall
tap_is 'uninstall' "$TAP_STATUS" 0
tap_is 'takes all of it away' "$(list)" ''

mkdir -p "$root/opt/bin" "$root/opt/share/doc/hopscope"
echo theirs >"$root/opt/bin/trace"
echo mine >"$root/opt/share/doc/hopscope/notes"
do_make install
tap_is "install beside somebody else's trace" "$TAP_STATUS" 0
tap_like 'says that it left it alone' "$TAP_OUT" 'left alone.*/opt/bin/trace'
tap_is 'and does' "$(<"$root/opt/bin/trace")" theirs
do_make uninstall
tap_is 'uninstall leaves what is not ours' "$(list | xargs)" \
	'./opt/bin/trace ./opt/share/doc/hopscope/notes'
ln -sf /usr/bin/true "$root/opt/bin/trace"
do_make install
tap_is "a foreign link is somebody else's, too" "$(readlink "$root/opt/bin/trace")" /usr/bin/true
tap_done
