#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh: a command in a VM is as a command here, for root and for an ordinary user.
# shellcheck disable=SC2016 # other shells expand it
set -u
# a VM takes its time
: "${TAP_LIMIT:=200}"
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"

kernel=${HOPSCOPE_VM_KERNEL:-6.12}
run=$TAP_ROOT/tests/vm/run.sh

# What needs no VM.
tap_run "$run" -k 9.9 -- true
tap_is 'an unknown kernel: 125' "$TAP_STATUS" 125
tap_like 'an unknown kernel: says which there are' "$TAP_ERR" "no kernel '9.9': 5.10, .*6.12"
tap_run "$run" -k "$kernel"
tap_is 'no command: 125' "$TAP_STATUS" 125
tap_run make -s vm KERNEL=9.9
tap_like 'make vm of an unknown kernel says so' "$TAP_ERR" "no kernel '9.9': 5.10, .*6.12"

missing=$(tools/deps.sh missing vm | xargs)
if [[ -n $missing ]]; then
	tap_skip 'commands in a VM' "not installed: $missing"
	tap_done
elif ! timeout "$TAP_LIMIT" tests/vm/kit.sh "$kernel" >"$TAP_TMP/kit" 2>"$TAP_TMP/why"; then
	tap_skip 'commands in a VM' "no kit of $kernel: $(tail -n 1 "$TAP_TMP/why")"
	tap_done
fi
kit=$(<"$TAP_TMP/kit")

mkdir "$TAP_TMP/window"
head -c 300000 /dev/urandom >"$TAP_TMP/bytes"
echo 'from here' >"$TAP_TMP/window/in"
script='printf "%s|" "$PWD" "$(uname -r)" "$(id -u)" "$PASSED" "${LEFT-none}" "$@" >&2
	cat "$WINDOW/in" >"$WINDOW/out"
	cat "$WINDOW/../bytes"
	echo changed >"$WINDOW/../bytes"
	exit 42'
PASSED=$'a "b\nc' LEFT=1 WINDOW=$TAP_TMP/window "$run" -k "$kernel" -w "$TAP_TMP/window" \
	-e PASSED -e WINDOW -- bash -c "$script" bash 'a b' "it's" '' $'n\nl' '$HOME' '*' \
	>"$TAP_TMP/got" 2>"$TAP_TMP/words"
tap_is 'the exit status arrives' "$?" 42
tap_is 'directory, kernel, user, variables and arguments are as said' "$(<"$TAP_TMP/words")" \
	"$TAP_ROOT|$(<"$kit/version")|0|"$'a "b\nc'"|none|a b|it's||"$'n\nl|$HOME|*|'
tap_check '300000 bytes of stdout are the same' cmp "$TAP_TMP/bytes" "$TAP_TMP/got"
tap_is 'what is written to -w is here' "$(<"$TAP_TMP/window/out")" 'from here'
tap_is 'what is written elsewhere is not' "$(wc -c <"$TAP_TMP/bytes")" 300000

tap_run "$run" -k "$kernel" -t 8 -- sleep 100
tap_is 'at the limit: 124' "$TAP_STATUS" 124
tap_like 'at the limit: says so' "$TAP_ERR" '^run.sh: stopped after 8 s'

tap_run "$run" -k "$kernel" -- bash -c 'echo c >/proc/sysrq-trigger'
tap_is 'the kernel panics: 125' "$TAP_STATUS" 125
tap_like 'the kernel panics: its last words are shown' "$TAP_ERR" 'died.*Kernel panic'

# In a terminal: it is one there too, as wide as here.
if command -v script >/dev/null; then
	mkfifo "$TAP_TMP/keys"
	exec {keys}<>"$TAP_TMP/keys"
	TERM=dumb tap_background terminal bash -c 'exec script -qec "$1" /dev/null <"$2"' bash \
		"stty rows 33 cols 77; exec $run -k $kernel -i -- bash --norc" "$TAP_TMP/keys"
	tap_wait_until grep -q 'bash-[0-9.]*#' "$TAP_TMP/terminal.out"
	printf 'stty size; exit 7\r' >&"$keys"
	tap_wait "$TAP_PID"
	tap_is 'a shell on the terminal: its exit status' "$?" 7
	tap_like 'a shell on the terminal: has its size' "$(<"$TAP_TMP/terminal.out")" '33 77'
	exec {keys}>&-
else
	tap_skip 'a shell on the terminal' 'script is not installed'
fi

# An ordinary user, without sudo, with a kit of his own.
stranger=(setpriv --reuid=61234 --regid=61234 --clear-groups)
if ((EUID != 0)); then
	tap_pass 'an ordinary user: all of the above'
elif ! "${stranger[@]}" test -r "$run" 2>/dev/null; then
	tap_skip 'an ordinary user' 'this directory cannot be read by another user'
else
	mkdir -p "$TAP_TMP/home/kits"
	cp -r -- "$kit" "$TAP_TMP/home/kits"
	chmod 755 "$TAP_TMP"
	chown -R 61234:61234 "$TAP_TMP/home"
	HOME=$TAP_TMP/home HOPSCOPE_VM=$TAP_TMP/home/kits TMPDIR=$TAP_TMP/home \
		tap_run "${stranger[@]}" "$run" -k "$kernel" -w "$TAP_TMP/home" -- \
		bash -c 'id -u; ip netns add x && ip netns; echo written >"$HOME/file"; exit 3'
	tap_is 'an ordinary user: the exit status' "$TAP_STATUS" 3
	tap_is 'an ordinary user: is root in the VM' "$TAP_OUT" $'0\nx'
	tap_is 'an ordinary user: the file is his' "$(stat -c %u "$TAP_TMP/home/file")" 61234
fi
tap_done
