#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/two_clients.sh, under prefixes of its own.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@" # in the place of the host's namespace

topo=topo/two_clients.sh
A=tapA$$_
B=tapB$$_

tap_run "$topo"
tap_like 'no command: usage' "$TAP_STATUS $TAP_ERR" '^2 usage: .*two_clients\.sh up\|down\|status$'
tap_run "$topo" sideways
tap_like 'unknown command: usage' "$TAP_STATUS $TAP_ERR" '^2 usage: '
tap_run env TOPO_PREFIX=../x "$topo" up
tap_like 'prefix that is no name: refused' "$TAP_STATUS $TAP_ERR" "^2 .*TOPO_PREFIX is '../x'"

mkdir "$TAP_TMP/few" "$TAP_TMP/bin"
ln -s "$(command -v dirname)" "$(command -v basename)" "$TAP_TMP/few"
tap_run env PATH="$TAP_TMP/few" "$BASH" "$topo" up
tap_is 'no ip command: says so' "$TAP_STATUS $TAP_ERR" \
	'1 two_clients: the command ip is missing: install iproute2'

if ((EUID != 0)); then
	tap_run "$topo" up
	tap_is 'not root: says so' "$TAP_STATUS $TAP_ERR" \
		"1 two_clients: needs root: sudo $topo up"
	tap_skip 'the lab itself' 'not root: no network namespaces'
	tap_done
fi

if setpriv --reuid 65534 --clear-groups test -r "$topo" 2>/dev/null; then
	tap_run setpriv --reuid 65534 --clear-groups env TOPO_PREFIX="$A" "$BASH" "$topo" up
	tap_is 'not root: says so' "$TAP_STATUS $TAP_ERR" \
		"1 two_clients: needs root: sudo TOPO_PREFIX=$A $topo up"
else
	tap_skip 'not root: says so' 'another user cannot read the source tree'
fi
if setpriv --bounding-set -sys_admin --inh-caps -sys_admin true 2>/dev/null; then
	tap_run setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
		env TOPO_PREFIX="$A" "$topo" up
	tap_like 'root without CAP_SYS_ADMIN: says why' "$TAP_STATUS $TAP_ERR" \
		$'^1 two_clients: up failed at: ip netns add '"$A"$'ns_client1\n.*not permitted'
else
	tap_skip 'root without CAP_SYS_ADMIN: says why' 'setpriv cannot drop a capability'
fi
if ! unshare -n true; then
	tap_skip 'the lab itself' 'no right to make network namespaces'
	tap_done
fi

# shellcheck disable=SC2317 # these three are called by name
topo_a()
{
	TOPO_PREFIX=$A "$topo" "$1"
}

# shellcheck disable=SC2317
topo_b()
{
	TOPO_PREFIX=$B "$topo" "$1"
}

# shellcheck disable=SC2317
has_process()
{
	[[ -n $(ip netns pids "$1") ]]
}

namespaces_of()
{
	ip netns list | sed -nE "s/^($1[^ ]*).*/\1/p" | sort | xargs
}

# Function calls cannot pass through timeout, which tap_run uses; the lab itself is bounded.
run()
{
	TAP_OUT=$("$@" 2>"$TAP_TMP/err")
	TAP_STATUS=$?
	TAP_ERR=$(<"$TAP_TMP/err")
}

# all_pings PREFIX: at once, without a second try.
all_pings()
{
	local pair
	for pair in client1:10.0.1.1 client2:10.0.2.1 client1:10.0.2.2 client2:10.0.1.2 \
		client1:fd00:0:0:1::1 client2:fd00:0:0:2::1 \
		client1:fd00:0:0:2::2 client2:fd00:0:0:1::2; do
		ip netns exec "$1ns_${pair%%:*}" ping -n -c 1 -W 2 "${pair#*:}" >/dev/null ||
			echo "no ping: $pair"
	done
}

tap_defer topo_a down
tap_defer topo_b down

# --- down and status of nothing

run topo_a down
tap_is 'down of nothing: exits 0' "$TAP_STATUS$TAP_ERR" 0
run topo_a status
tap_is 'status of nothing: exits 1' "$TAP_STATUS $TAP_OUT$TAP_ERR" '1 two_clients: absent'

# --- up

run topo_a up
tap_is 'up: exits 0' "$TAP_STATUS$TAP_ERR" 0
if command -v ping >/dev/null; then
	tap_is 'up: all pings work at once' "$(all_pings "$A")" ''
else
	tap_skip 'up: all pings work at once' 'no ping command'
fi
tap_is 'up: three namespaces' "$(namespaces_of "$A")" "${A}ns_client1 ${A}ns_client2 ${A}ns_server"
tap_is 'up: no device outside of them' "$(ip -br link | wc -l)" 1
for forwards in client1:0 server:1 client2:0; do
	tap_is "up: ns_${forwards%:*} forwards: ${forwards#*:}" \
		"$(ip netns exec "${A}ns_${forwards%:*}" cat /proc/sys/net/ipv4/ip_forward \
			/proc/sys/net/ipv6/conf/all/forwarding | xargs)" \
		"${forwards#*:} ${forwards#*:}"
done
tap_is 'up: no address is still tentative' \
	"$(for name in client1 server client2; do ip -n "${A}ns_$name" address show tentative; done)" ''

run topo_a status
tap_is 'status: exits 0' "$TAP_STATUS$TAP_ERR" 0
for word in 'two_clients: up' "${A}ns_client1 +default via 10.0.1.1, fd00:0:0:1::1" \
	"${A}ns_server +router" "veth_srv_c1 +UP +<-> veth_c1 in ${A}ns_client1" \
	"veth_c2 +UP +<-> veth_srv_c2 in ${A}ns_server" '10.0.2.2/24' 'fd00:0:0:2::2/64'; do
	tap_like "status shows: $word" "$TAP_OUT" "$word"
done
tap_unlike 'status: nothing is missing' "$TAP_OUT" missing

inode=$(stat -c %i "/run/netns/${A}ns_server")
run topo_a up
tap_is 'up again: leaves it alone' \
	"$TAP_STATUS $TAP_OUT$TAP_ERR $(stat -c %i "/run/netns/${A}ns_server")" \
	"0 two_clients: already up $inode"

# --- two copies

run topo_b up
tap_is 'second copy: exits 0' "$TAP_STATUS$TAP_ERR" 0
if command -v ping >/dev/null; then
	tap_is 'both copies: all pings work' "$(all_pings "$A")$(all_pings "$B")" ''
else
	tap_skip 'both copies: all pings work' 'no ping command'
fi
run topo_b down
tap_is 'down of the second copy: exits 0' "$TAP_STATUS$TAP_ERR" 0
tap_is 'down of the second copy: nothing of it is left' "$(namespaces_of "$B")" ''
tap_check 'down of the second copy: the first one is whole' topo_a status

# --- half a lab

# broken MISSING COMMAND...: after COMMAND the status names MISSING, and up repairs it.
broken()
{
	local missing=$1
	shift
	"$@" || tap_diag "failed: $*"
	run topo_a status
	tap_like "$missing missing: status says so" "$TAP_STATUS $TAP_OUT" \
		$'^1 two_clients: only partly up\n.*\nmissing:\n(.*\n)?  [^\n]*'"$missing"$'(\n|$)'
	run topo_a up
	tap_is "$missing missing: up exits 0" "$TAP_STATUS$TAP_ERR" 0
	tap_check "$missing missing: up repairs it" topo_a status
}
broken "namespace ${A}ns_client1" ip netns delete "${A}ns_client1"
broken 'veth_c2 up' ip -n "${A}ns_client2" link set veth_c2 down
broken 'lo up' ip -n "${A}ns_client2" link set lo down
broken '10.0.2.1/24 on veth_srv_c2' ip -n "${A}ns_server" address delete 10.0.2.1/24 dev veth_srv_c2
broken 'default route via fd00:0:0:1::1' ip -n "${A}ns_client1" -6 route delete default
broken 'forwarding of IPv4 and IPv6' \
	ip netns exec "${A}ns_server" sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'

# --- down

tap_background sleeper ip netns exec "${A}ns_client1" sleep 1000
tap_wait_until has_process "${A}ns_client1"
run topo_a down
tap_is 'down: exits 0' "$TAP_STATUS$TAP_OUT" '0two_clients: down'
tap_is 'down: names the process that keeps a namespace alive' "$TAP_ERR" \
	"two_clients: ${A}ns_client1 lives on, without a name, until these end: $TAP_PID"
tap_is 'down: nothing is left' "$(namespaces_of "$A")" ''
run topo_a down
tap_is 'down again: exits 0' "$TAP_STATUS$TAP_ERR" 0

# --- a failed up

# An ip that changes what the lab asks for with $EDIT, fails in place of "netns exec" if $FAIL_EXEC
# is set, and stops before a line with $STOP_AT until the file "go" is there.
cat >"$TAP_TMP/bin/ip" <<END
#!/bin/bash
case "\$*" in
*-batch*)
	lines=\$(sed "\${EDIT-}")
	if [[ -n \${STOP_AT-} && \$lines == *"\$STOP_AT"* ]]; then
		: >"$TAP_TMP/reached"
		until [[ -e "$TAP_TMP/go" ]]; do sleep 0.02; done
	fi
	exec "$(command -v ip)" "\$@" <<<"\$lines"
	;;
*'netns exec'*)
	[[ -z \${FAIL_EXEC-} ]] || { echo 'cannot create ipv4/ip_forward' >&2; exit 2; }
	;;
esac
exec "$(command -v ip)" "\$@"
END
chmod +x "$TAP_TMP/bin/ip"

# failed NAME STEP WHY VARIABLE=VALUE: up fails at STEP because of WHY and leaves nothing.
failed()
{
	run env PATH="$TAP_TMP/bin:$PATH" TOPO_PREFIX="$A" "$4" "$topo" up
	tap_is "up fails at $1: exits 1" "$TAP_STATUS$TAP_OUT" 1
	tap_like "up fails at $1: says at which step and why" "$TAP_ERR" \
		"^two_clients: up failed at: $2"$'\n'"two_clients: because: $3\$"
	tap_is "up fails at $1: undone" "$(namespaces_of "$A")" ''
}
failed 'a namespace' "ip netns add ${A}ns_client1;.*;netns add ${A}ns_client2" '.*no/such.*' \
	EDIT="s,netns add ${A}ns_client2,netns add no/such,"
failed 'the settings' "settings under /proc/sys/net in ${A}ns_client1" \
	'cannot create ipv4/ip_forward' FAIL_EXEC=1
failed 'a link' "ip -n ${A}ns_client2 link add veth_c2 .*" '.+' \
	EDIT='/add veth_c2/s,type veth,type nosuch,'
failed 'an address' "ip -n ${A}ns_server address add 10.0.2.1/24 dev veth_srv_c2" \
	'Cannot find device "nosuch"' EDIT='s,\(10.0.2.1/24 dev\) veth_srv_c2,\1 nosuch,'
failed 'a route' "ip -n ${A}ns_client2 route add default via fd00:0:0:2::1" '.+' \
	EDIT='s,via fd00:0:0:2::1,via fd00:9::1,'

# Interrupted in the middle.
tap_background interrupted env PATH="$TAP_TMP/bin:$PATH" TOPO_PREFIX="$A" \
	STOP_AT='address add 10.0.2.1' "$topo" up
tap_check 'up interrupted: is in the middle' tap_wait_until test -e "$TAP_TMP/reached"
kill -TERM "$TAP_PID"
: >"$TAP_TMP/go"
tap_wait "$TAP_PID"
tap_is 'up interrupted: exits 143' $? 143
tap_is 'up interrupted: undone' "$(namespaces_of "$A")" ''

tap_done
