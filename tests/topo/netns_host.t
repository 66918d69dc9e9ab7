#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# topo/netns_host.sh, under prefixes of its own. What two_clients.t says of all topologies is not
# said again. The real host is the namespace that this script runs in, never this machine's.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_own_netns "$@"

topo=topo/netns_host.sh
A=tapA$$_
B=tapB$$_

for arguments in '' sideways 'down --real-host' 'status --real-host' 'up --unreal-host' \
	'up --real-host more' '--real-host up' 'up down'; do
	# shellcheck disable=SC2086 # several arguments
	tap_run "$topo" $arguments
	tap_is "usage error: $arguments" "$TAP_STATUS $TAP_ERR" \
		"2 usage: $topo up [--real-host]|down|status"
done
tap_run topo/two_clients.sh up --real-host
tap_is 'a topology without a host has no such option' "$TAP_STATUS $TAP_ERR" \
	'2 usage: topo/two_clients.sh up|down|status'

if ((EUID != 0)); then
	tap_run "$topo" up --real-host
	tap_is 'not root: says so' "$TAP_STATUS $TAP_ERR" \
		"1 netns_host: needs root: sudo $topo up --real-host"
	tap_skip 'the lab itself' 'not root: no network namespaces'
	tap_done
fi
# Twice sure that this is no place where anybody else lives.
if [[ $(readlink /proc/self/ns/net) == "$(readlink "/proc/$PPID/ns/net")" ||
	$(ip -br link show up | wc -l) != 1 ]]; then
	tap_skip 'the lab itself' 'no network namespace of its own'
	tap_done
fi

# shellcheck disable=SC2317 # these two are called by name
topo_a()
{
	TOPO_PREFIX=$A "$topo" "$@"
}

# shellcheck disable=SC2317
topo_b()
{
	TOPO_PREFIX=$B "$topo" "$@"
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

# What the place of the real host looks like: devices, addresses, routes, settings.
picture()
{
	local version
	ip -o link
	ip -o address
	for version in -4 -6; do
		ip "$version" route show table all
		ip "$version" rule
	done
	grep -r '' /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/ip_forward 2>/dev/null
}

# unchanged NAME BEFORE: no namespace of the lab is there, and the picture is as it was BEFORE.
unchanged()
{
	tap_is "$1" "$(namespaces_of "$A")$(diff <(printf '%s\n' "$2") <(picture))" ''
}

# all_pings PREFIX HOST_COMMAND...: from the namespace and from the host, which HOST_COMMAND enters.
all_pings()
{
	local address inside=(ip netns exec "$1myns")
	shift
	for address in 10.0.0.2 fd00::2; do
		"${inside[@]}" ping -n -c 1 -W 2 "$address" >/dev/null || echo "no ping: to $address"
	done
	for address in 10.0.0.1 fd00::1; do
		"$@" ping -n -c 1 -W 2 "$address" >/dev/null || echo "no ping: to $address"
	done
}

# pings NAME PREFIX HOST_COMMAND...
pings()
{
	if command -v ping >/dev/null; then
		tap_is "$1" "$(all_pings "${@:2}")" ''
	else
		tap_skip "$1" 'no ping command'
	fi
}

tap_defer topo_a down
tap_defer topo_b down
before=$(picture)

# --- the host is a namespace

run topo_a down
tap_is 'down of nothing: exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" '0 netns_host: nothing to remove'
run topo_a status
tap_is 'status of nothing: exits 1' "$TAP_STATUS $TAP_OUT$TAP_ERR" '1 netns_host: absent'
run topo_a up
tap_is 'up: exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" "0 netns_host: up (${A}myhost ${A}myns)"
pings 'up: all pings work at once' "$A" ip netns exec "${A}myhost"
tap_is 'up: two namespaces' "$(namespaces_of "$A")" "${A}myhost ${A}myns"
tap_is 'up: nothing outside of them has changed' "$(diff <(printf '%s\n' "$before") <(picture))" ''
run topo_a status
tap_is 'status: exits 0' "$TAP_STATUS$TAP_ERR" 0
for word in 'netns_host: up' "veth0 +UP +<-> veth1 in ${A}myns" \
	"veth1 +UP +<-> veth0 in ${A}myhost" '10\.0\.0\.1/24' '10\.0\.0\.2/24' 'fd00::1/64' \
	'fd00::2/64'; do
	tap_like "status shows: $word" "$TAP_OUT" "$word"
done
inode=$(stat -c %i "/run/netns/${A}myhost")
run topo_a up
tap_is 'up again: leaves it alone' \
	"$TAP_STATUS $TAP_OUT$TAP_ERR $(stat -c %i "/run/netns/${A}myhost")" \
	"0 netns_host: already up $inode"
run topo_a up --real-host
tap_is 'up --real-host beside it: refused' "$TAP_STATUS $TAP_OUT$TAP_ERR" \
	'1 netns_host: is already up, but not with --real-host: take it down first'
tap_is 'up --real-host beside it: leaves it alone' \
	"$(stat -c %i "/run/netns/${A}myhost")" "$inode"
run topo_b up
tap_is 'second copy: exits 0' "$TAP_STATUS$TAP_ERR" 0
run topo_b down
tap_check 'down of the second copy: the first one is whole' topo_a status
ip -n "${A}myhost" link delete veth0
run topo_a status
tap_like 'no link: status says so' "$TAP_STATUS $TAP_OUT" \
	$'^1 netns_host: only partly up\n.*missing:\n.*10\.0\.0\.2/24 on veth0'
run topo_a up
tap_is 'no link: up repairs it' "$TAP_STATUS $TAP_OUT$TAP_ERR" \
	"0 netns_host: up (${A}myhost ${A}myns)"
run topo_a down
tap_is 'down: exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" '0 netns_host: down'
tap_is 'down: nothing is left' "$(namespaces_of "$A")" ''

# --- the host is the real one

run topo_a up --real-host
tap_is 'real host: up exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" \
	"0 netns_host: up (this host ${A}myns)"
pings 'real host: all pings work at once' "$A" env
tap_is 'real host: one namespace' "$(namespaces_of "$A")" "${A}myns"
tap_is 'real host: all that is new is of veth0' \
	"$(diff <(printf '%s\n' "$before") <(picture) | grep '^[<>]' | grep -vE '^> .*[ /]veth0[ /@]')" ''
run topo_a status
tap_is 'real host: status exits 0' "$TAP_STATUS$TAP_ERR" 0
tap_like 'real host: status shows it' "$TAP_OUT" \
	$'\nthis host\n  veth0 +UP +<-> veth1 in '"${A}myns"$'\n.*10\.0\.0\.2/24.*veth0 in this host'
link=$(ip -o link show dev veth0)
run topo_a up --real-host
tap_is 'real host: up again: leaves it alone' \
	"$TAP_STATUS $TAP_OUT$TAP_ERR $(ip -o link show dev veth0)" "0 netns_host: already up $link"
run topo_a up
tap_is 'real host: up without it: refused' "$TAP_STATUS $TAP_OUT$TAP_ERR" \
	'1 netns_host: is already up, with --real-host: take it down first'

run topo_b up --real-host
tap_is 'real host: a second copy is refused' "$TAP_STATUS $TAP_OUT" '1 '
tap_like 'real host: a second copy: names the route' "$TAP_ERR" \
	$'^netns_host: up failed at: 10\.0\.0\.2/24 .*\n.*because: .* overlaps: 10\.0\.0\.0/24 dev veth0 '
run topo_b down
tap_is 'real host: down of the second copy leaves the first alone' "$TAP_STATUS $TAP_OUT" \
	'0 netns_host: nothing to remove'
tap_check 'real host: the first one is whole' topo_a status

tap_background sleeper ip netns exec "${A}myns" sleep 1000
tap_wait_until eval "[[ -n \$(ip netns pids ${A}myns) ]]"
run topo_a down
tap_is 'real host: down exits 0' "$TAP_STATUS$TAP_OUT" '0netns_host: down'
unchanged 'real host: down: nothing is left, although a process keeps the namespace' "$before"
tap_stop "$TAP_PID"

# What is left of it is repaired or removed.
run topo_a up --real-host
ip netns delete "${A}myns"
run topo_a up --real-host
tap_is 'real host, namespace gone: up repairs it' "$TAP_STATUS $TAP_OUT$TAP_ERR" \
	"0 netns_host: up (this host ${A}myns)"
ip link set veth0 down
run topo_a status
tap_like 'real host, veth0 down: status says so' "$TAP_STATUS $TAP_OUT" \
	$'^1 netns_host: only partly up\n.*\nmissing:\n(.*\n)?  this host: veth0 up'
run topo_a up --real-host
tap_check 'real host, veth0 down: up repairs it' topo_a status
ip link delete veth0
run topo_a up --real-host
tap_check 'real host, veth0 gone: up repairs it' topo_a status
run topo_a down
unchanged 'real host: down again: nothing is left' "$before"

# --- the real host has no place for it

# refused NAME STEP WHY: up --real-host fails and changes nothing.
refused()
{
	local before_up
	before_up=$(picture)
	run topo_a up --real-host
	tap_is "$1: refused" "$TAP_STATUS$TAP_OUT" 1
	tap_like "$1: says at which step and why" "$TAP_ERR" \
		"^netns_host: up failed at: $2 of this host"$'\n'"netns_host: because: $3\$"
	unchanged "$1: nothing has changed" "$before_up"
}

# shellcheck disable=SC2317 # called by name
is_settled()
{
	[[ $(ip -br link show other0) == *' UP '* && $(ip -o -6 address show other0) == *fe80* ]]
}

# No search for duplicates, so that addresses do not change while a test looks at them.
echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad
ip link add other0 type veth peer name other1
ip link set other0 up
ip link set other1 up
tap_wait_until is_settled || tap_bail 'the other device does not come up'
overlaps='this host has a route that overlaps:'
while read -r version route shown; do
	read -ra words <<<"${route//,/ }"
	ip route add "${words[@]}"
	step='10\.0\.0\.2/24 on veth0'
	[[ $version == 4 ]] || step='fd00::2/64 on veth0'
	refused "route ${words[*]}" "$step" "$overlaps $shown"
	ip route delete "${words[@]}"
done <<'END'
4 10.0.0.0/24,dev,other0 10\.0\.0\.0/24 dev other0 .*
4 10.0.0.0/8,dev,other0 10\.0\.0\.0/8 dev other0 .*
4 10.0.0.128/25,dev,other0 10\.0\.0\.128/25 dev other0 .*
4 10.0.0.7,dev,other0,table,77 10\.0\.0\.7 dev other0 table 77 .*
4 unreachable,10.0.0.0/16 unreachable 10\.0\.0\.0/16.*
4 0.0.0.0/1,dev,other0 0\.0\.0\.0/1 dev other0 .*
6 fd00::/8,dev,other0 fd00::/8 dev other0 .*
6 fd00::8000/113,dev,other0 fd00::8000/113 dev other0 .*
END

ip address add 10.0.0.9/32 dev other0
refused 'an address of the network' '10\.0\.0\.2/24 on veth0' "$overlaps local 10\.0\.0\.9 dev other0 .*"
ip address delete 10.0.0.9/32 dev other0

ip link set other0 down
ip link set other0 name veth0
refused 'a device of that name' veth0 'this host has a device of that name already'
run topo_a down
tap_is 'a device of that name: down leaves it' "$TAP_STATUS $(ip -br link show veth0 | wc -l)" '0 1'
ip link set veth0 name other0
ip link set other0 up
tap_wait_until is_settled || tap_bail 'the other device does not come up again'

# Routes that only look alike.
for route in 10.0.1.0/24 11.0.0.0/8 default fd00:0:0:1::/64; do
	ip route add "$route" dev other0
done
ip -6 route add default dev other0
ip route add unreachable default table 77
run topo_a up --real-host
tap_is 'other routes and default routes: up exits 0' "$TAP_STATUS $TAP_OUT$TAP_ERR" \
	"0 netns_host: up (this host ${A}myns)"
pings 'other routes and default routes: all pings work' "$A" env
run topo_a down
tap_is 'other routes and default routes: down leaves them' \
	"$(ip route | wc -l) $(ip -6 route show dev other0 | grep -cE '^(fd00|default)') $(
		ip route show table 77 | wc -l)" '3 2 1'

# --- a failed up

# An ip that changes what the lab asks for with $EDIT, and stops before a line with $STOP_AT until
# the file "go" is there.
mkdir "$TAP_TMP/bin"
cat >"$TAP_TMP/bin/ip" <<END
#!/bin/bash
if [[ \$* == *-batch* ]]; then
	lines=\$(sed "\${EDIT-}")
	if [[ -n \${STOP_AT-} && \$lines == *"\$STOP_AT"* ]]; then
		: >"$TAP_TMP/reached"
		until [[ -e "$TAP_TMP/go" ]]; do sleep 0.02; done
	fi
	exec "$(command -v ip)" "\$@" <<<"\$lines"
fi
exec "$(command -v ip)" "\$@"
END
chmod +x "$TAP_TMP/bin/ip"
before=$(picture)

# failed NAME STEP WHY EDIT: up --real-host fails at STEP because of WHY and leaves nothing.
failed()
{
	run env PATH="$TAP_TMP/bin:$PATH" TOPO_PREFIX="$A" EDIT="$4" "$topo" up --real-host
	tap_is "up fails at $1: exits 1" "$TAP_STATUS$TAP_OUT" 1
	tap_like "up fails at $1: says at which step and why" "$TAP_ERR" \
		"^netns_host: up failed at: $2"$'\n'"netns_host: because: $3\$"
	unchanged "up fails at $1: undone" "$before"
}
failed 'the link' "ip -n ${A}myns link add veth1 .*" '.+' '/add veth1/s,type veth,type nosuch,'
failed 'an address of the host' 'ip address add 10.0.0.2/24 dev veth0' \
	'Cannot find device "nosuch"' 's,\(10.0.0.2/24 dev\) veth0,\1 nosuch,'
failed 'an address of the namespace' "ip -n ${A}myns address add 10.0.0.1/24 dev veth1" \
	'Cannot find device "nosuch"' 's,\(10.0.0.1/24 dev\) veth1,\1 nosuch,'

for stop_at in 'alias' 'address add 10.0.0.2'; do
	rm -f "$TAP_TMP/reached" "$TAP_TMP/go"
	tap_background interrupted env PATH="$TAP_TMP/bin:$PATH" TOPO_PREFIX="$A" STOP_AT="$stop_at" \
		"$topo" up --real-host
	tap_check "up interrupted at $stop_at: is in the middle" \
		tap_wait_until test -e "$TAP_TMP/reached"
	kill -TERM "$TAP_PID"
	: >"$TAP_TMP/go"
	tap_wait "$TAP_PID"
	tap_is "up interrupted at $stop_at: exits 143" $? 143
	unchanged "up interrupted at $stop_at: undone" "$before"
done

tap_done
