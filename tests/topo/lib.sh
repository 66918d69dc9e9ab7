# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What holds for every topology of a client and a server that a mechanism of the kernel joins, over
# tests/lib/tap.sh. What two_clients.t says of all topologies is not said again. A test is:
#
#	topo_name=bridge
#	topo_ups='ns_client ns_bridge ns_server'	its namespaces, as up names them
#	topo_spaces='ns_bridge ns_client ns_server'	in order of the alphabet
#	topo_pings='client:10.0.1.1 server:10.0.1.2'	who reaches whom
#	topo_begin "$@"
#	topo_holds
#	topo_broken MISSING COMMAND...			as often as wanted
#	topo_failed NAME STEP WHY EDIT			the same
#	topo_end
#
# A	the prefix of the copy that all of them are about

# shellcheck disable=SC2154 # what the test sets
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"

topo_begin()
{
	tap_own_netns "$@" # in the place of the host's namespace
	topo=topo/$topo_name.sh
	A=tapA$$_
	B=tapB$$_

	tap_run "$topo" up --real-host
	tap_is 'usage' "$TAP_STATUS $TAP_ERR" "2 usage: $topo up|down|status"
	if ((EUID != 0)) || ! unshare -n true 2>/dev/null; then
		tap_skip 'the lab itself' 'no right to make network namespaces'
		tap_done
	fi
	tap_defer topo_copy "$A" down
	tap_defer topo_copy "$B" down

	topo_run "$A" up
	if [[ $TAP_ERR == "$topo_name: the command "*' is missing: '* ]]; then
		tap_skip 'the lab itself' "${TAP_ERR#*: }"
		tap_done
	fi
	if [[ $TAP_ERR == *' has no '* ]]; then
		tap_like 'a kernel without it: up says so, and what to do' "$TAP_STATUS$TAP_OUT $TAP_ERR" \
			"^1 $topo_name: this kernel \\($(uname -r)\\) has no [^"$'\n'"]*: 'make vm KERNEL=[0-9.]+' [^"$'\n'"]*\$"
		tap_is 'a kernel without it: nothing is left' "$(topo_namespaces "$A")" ''
		tap_skip 'the lab itself' "${TAP_ERR#*: }"
		tap_done
	fi
	tap_is 'up: exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" \
		"0 $topo_name: up ($(topo_prefixed "$topo_ups"))"
}

# topo_copy PREFIX COMMAND
topo_copy()
{
	TOPO_PREFIX=$1 "$topo" "$2"
}

# Function calls cannot pass through timeout, which tap_run uses; the lab itself is bounded.
# shellcheck disable=SC2034 # the scripts that source this file read them
topo_run()
{
	TAP_OUT=$(topo_copy "$@" 2>"$TAP_TMP/err")
	TAP_STATUS=$?
	TAP_ERR=$(<"$TAP_TMP/err")
}

topo_namespaces()
{
	ip netns list | sed -nE "s/^($1[^ ]*).*/\1/p" | sort | xargs
}

topo_prefixed()
{
	local words
	read -ra words <<<"$1"
	echo "${words[*]/#/$A}"
}

# topo_unreached PREFIX: a line for each that is not reached at once.
topo_unreached()
{
	local ping
	for ping in $topo_pings; do
		ip netns exec "$1ns_${ping%%:*}" ping -n -c 1 -W 2 "${ping#*:}" >/dev/null ||
			echo "no ping: ${ping%%:*} to ${ping#*:}"
	done
}

# topo_reaches NAME PREFIX...
topo_reaches()
{
	local prefix missed=
	if ! command -v ping >/dev/null; then
		tap_skip "$1" 'no ping command'
		return
	fi
	for prefix in "${@:2}"; do
		missed+=$(topo_unreached "$prefix")
	done
	tap_is "$1" "$missed" ''
}

# topo_asks NAME WHO ADDRESS WHERE BOUND [PORT]: a UDP request of WHO is answered by a server in WHERE,
# whose output is in TOPO_LOG. Each has a file of its own: what an older one said would count as its word.
# shellcheck disable=SC2034 # the scripts that source this file read it
topo_asks()
{
	topo_asked=$((${topo_asked-0} + 1))
	TOPO_LOG=$TAP_TMP/server$topo_asked.out
	tap_need_program apps/time_server apps/time_client
	tap_server "server$topo_asked" ip netns exec "${A}ns_$4" apps/time_server "$5" "${6-0}"
	tap_run ip netns exec "${A}ns_$2" apps/time_client "$3" "$TAP_PORT"
	tap_is "$1: the request is answered" "$TAP_STATUS$TAP_ERR" 0
	tap_stop "$TAP_PID"
}

topo_holds()
{
	local inode=/run/netns/${A}ns_server

	topo_reaches 'up: all pings work at once' "$A"
	tap_is 'up: the namespaces' "$(topo_namespaces "$A")" "$(topo_prefixed "$topo_spaces")"
	# Besides lo; modules of tunnels put a device of their own into every namespace.
	tap_is 'up: no device outside of them' \
		"$(ip -br link | grep -cvE '^(lo|(tunl|sit|gre|gretap|erspan|ip6tnl|ip6gre)0@NONE) ')" 0
	topo_run "$A" status
	tap_is 'status: exits 0' "$TAP_STATUS$TAP_ERR" 0
	inode=$(stat -c %i "/run/netns/${A}ns_server")
	topo_run "$A" up
	tap_is 'up again: leaves it alone' \
		"$TAP_STATUS $TAP_OUT$TAP_ERR $(stat -c %i "/run/netns/${A}ns_server")" \
		"0 $topo_name: already up $inode"
	topo_run "$B" up
	tap_is 'second copy: exits 0' "$TAP_STATUS$TAP_ERR" 0
	topo_reaches 'both copies: all pings work' "$A" "$B"
	topo_run "$B" down
	tap_is 'down of the second copy: nothing of it is left' "$TAP_STATUS$(topo_namespaces "$B")" 0
	tap_check 'down of the second copy: the first one is whole' topo_copy "$A" status
}

# topo_shows TEXT...: the status has each, however it is spaced.
topo_shows()
{
	local text
	topo_run "$A" status
	TAP_OUT=$(tr -s ' \t' ' ' <<<"$TAP_OUT")
	for text; do
		if [[ $TAP_OUT == *"$text"* ]]; then
			tap_pass "status shows: $text"
		else
			tap_fail "status shows: $text" "$TAP_OUT"
		fi
	done
}

# topo_broken MISSING COMMAND...: after COMMAND the status names MISSING, and up repairs it.
topo_broken()
{
	local missing=$1
	shift
	"$@" || tap_diag "failed: $*"
	topo_run "$A" status
	if [[ $TAP_STATUS == 1 && $TAP_OUT == *$'\nmissing:\n'*"$missing"* ]]; then
		tap_pass "$missing missing: status says so"
	else
		tap_fail "$missing missing: status says so" "$TAP_STATUS $TAP_OUT"
	fi
	topo_run "$A" up
	tap_check "$missing missing: up repairs it" topo_copy "$A" status
	topo_reaches "$missing missing: then all pings work" "$A"
}

# topo_failed NAME STEP WHY EDIT: with what sed's EDIT makes of the batches that ip and nft get, up fails at
# STEP because of WHY, both regular expressions, and leaves nothing.
topo_failed()
{
	local tool
	topo_copy "$A" down >/dev/null
	mkdir -p "$TAP_TMP/bin"
	for tool in ip nft; do
		cat >"$TAP_TMP/bin/$tool" <<END
#!/bin/bash
case " \$* " in
*' -batch - '* | *' -f - ') exec "$(command -v "$tool")" "\$@" < <(sed "\${EDIT-}") ;;
esac
exec "$(command -v "$tool")" "\$@"
END
		chmod +x "$TAP_TMP/bin/$tool"
	done
	TAP_OUT=$(PATH=$TAP_TMP/bin:$PATH TOPO_PREFIX=$A EDIT=$4 "$topo" up 2>"$TAP_TMP/err")
	TAP_STATUS=$?
	TAP_ERR=$(<"$TAP_TMP/err")
	tap_is "up fails at $1: exits 1" "$TAP_STATUS$TAP_OUT" 1
	tap_like "up fails at $1: says at which step and why" "$TAP_ERR" \
		"^$topo_name: up failed at: $2"$'\n'"$topo_name: because: $3\$"
	tap_is "up fails at $1: undone" "$(topo_namespaces "$A")" ''
}

topo_end()
{
	topo_run "$A" up
	topo_run "$A" down
	tap_is 'down: exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" "0 $topo_name: down"
	tap_is 'down: nothing is left' "$(topo_namespaces "$A")" ''
	topo_run "$A" down
	tap_is 'down again: exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" "0 $topo_name: nothing to remove"
	tap_done
}
