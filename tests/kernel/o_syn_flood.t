#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O38: SYNs from addresses that never answer. Without SYN cookies they fill the listener's queue, and a client
# is refused in silence; with them every SYN is answered and nobody is refused. The kernel counts the same.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_host
tap_need_program apps/byte_sink apps/simple_nc
client=${TOPO_PREFIX}myns
server=${TOPO_PREFIX}myhost
# The strangers: nobody there, and on the way back their packets are dropped.
k_in myhost ip route add 10.9.0.0/16 via 10.0.0.1
k_in myhost ip route add fd09::/64 via fd00::1

# counted NAME: that counter of TcpExt
counted()
{
	k_in myhost cat /proc/net/netstat | awk -v want="$1" '
		$1 == "TcpExt:" && !names { names = split($0, name); next }
		$1 == "TcpExt:" { split($0, value); for (i in name) if (name[i] == want) print value[i] }'
}

# flood WHAT ADDRESS CLIENT STRANGER PORT
flood()
{
	local what="O38 $1" address=$2 peer=$3 stranger=$4 port=$5
	local to="dst=$address dport=$port" before sent=12

	k_server myhost apps/byte_sink -a "$port"

	k_in myhost sysctl -qw net.ipv4.tcp_syncookies=0
	before=$(counted TCPReqQFullDrop)
	k_start -n "$server"
	k_in myns "$PYTHON" -IS tests/kernel/synflood.py "$stranger" "$address" "$port" "$sent"
	k_wait "$sent" type=journey packet.dport="$port" fate.time\>0 || tap_bail "$what: the SYNs"
	timeout 0.5 ip netns exec "$client" apps/simple_nc "$address" "$port" </dev/null
	k_wait 1+ type=journey packet.dport="$port" packet.src="$peer" fate.kind=refused || tap_bail "$what: a refused one"
	k_stop
	k_sound "$what"
	tap_is "$what: without cookies as many are refused as the kernel counts" \
		"$(k_number type=journey packet.dport="$port" fate.kind=refused)" $(($(counted TCPReqQFullDrop) - before))
	k_expect "$what: the first are answered, and wait for what never comes" "
		journey tcp flags=SYN $to fate=consumed as \$syn
		journey tcp flags=SYN+ACK dport=40000 cause=\$syn
		state SYN_RECV end=server cause=\$syn"
	k_expect "$what: a client is refused in silence, because these fill the SYN queue" "
		refused flags=SYN src=$peer $to netns=$server inferred=yes why~'SYN queue is full' why~'half-open' as \$syn
		no journey cause=\$syn; no reset; no journey tcp src=$address dst=$peer"

	k_in myhost sysctl -qw net.ipv4.tcp_syncookies=1
	before=$(counted TCPReqQFullDoCookies)
	k_start -n "$server"
	k_in myns "$PYTHON" -IS tests/kernel/synflood.py "$stranger" "$address" "$port" "$sent"
	k_in myns apps/simple_nc "$address" "$port" <<<'a line' >/dev/null
	tap_is "$what: with cookies a client is served" $? 0
	k_wait 1 type=journey packet.dport="$port" packet.src="$peer" packet.payload=7 fate.kind=queued ||
		tap_bail "$what: its line arrives"
	k_stop
	k_sound "$what, cookies"
	k_expect "$what: every SYN is answered, and none is refused" "
		{ journey tcp flags=SYN $to x$((sent + 1)); journey tcp flags=SYN+ACK src=$address x$((sent + 1))+ }
		no refused; queued tcp src=$peer $to payload=7 owner=byte_sink"
	tap_check "$what: the kernel counts cookies" [ "$(counted TCPReqQFullDoCookies)" -gt "$before" ]
	tap_stop "$K_SERVER"
}

flood IPv4 10.0.0.2 10.0.0.1 10.9.0.1 9301
flood IPv6 fd00::2 fd00::1 fd09::1 9302
tap_done
