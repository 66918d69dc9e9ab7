#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O53: a burst to a closed port. The ICMP rate limit holds back most errors: each one that was not sent
# is explained.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_need_reasons
k_lab
server=${TOPO_PREFIX}ns_server

# burst WHAT ADDRESS PROTO COUNTER SYSCTL
burst()
{
	local what=$1 address=$2 proto=$3 counter=$4 sysctl=$5 answered silent told
	local drop=(type=journey packet.proto=UDP fate.kind=dropped fate.reason=NO_SOCKET)

	k_run client2 apps/time_burst_client -t 0.3 "$address" 8080 20
	k_sound "$what"
	answered=$(k_number "${drop[@]}" caused.n=1)
	silent=$((20 - answered))
	tap_check "$what: some provoked an error, some did not ($answered, $silent)" \
		test "$answered" -gt 0 -a "$silent" -gt 0
	k_expect "$what: 20 datagrams, each dropped; an error, or the rate limit that is why there is none" "
		drop NO_SOCKET proto=UDP netns=$server caused!=none as \$answered
		icmp proto=$proto name=port-unreachable cause=\$answered
		drop NO_SOCKET netns=$server caused=none no_icmp~'*rate limit*$counter*$sysctl*'
		drop NO_SOCKET netns=$server caused=none no_icmp~'*rate limit*$counter*$sysctl*' x$silent
		drop NO_SOCKET netns=$server caused!=none no_icmp=none x$answered
		icmp proto=$proto name=port-unreachable cause!=none born_netns=$server x$answered; icmp x$answered
		drop x20"
	k_is "$what: told by a line of its own too" "$silent" type=no_icmp journey.fate.reason=NO_SOCKET
	# An error that finds another one waiting in the socket takes its place, so calls may be fewer.
	told=$(k_number type=call errno=ECONNREFUSED)
	tap_check "$what: errors were told to calls ($told of $answered)" \
		test "$told" -gt 0 -a "$told" -le "$answered"
	k_is "$what: each such call names its error" "$told" type=call errno=ECONNREFUSED \
		"error_from.packet.proto=$proto" error_from.cause.journey.fate.reason=NO_SOCKET
	k_expect "$what: and the error that call" "
		icmp told=call told_to=time_burst_clie errno=ECONNREFUSED as \$error
		call errno=ECONNREFUSED error_from=\$error
		icmp proto=$proto told=call errno=ECONNREFUSED x$told"
}

burst 'O53 IPv4' 10.0.2.1 ICMP IcmpOutRateLimit icmp_ratelimit
burst 'O53 IPv6' fd00:0:0:2::1 ICMPv6 Icmp6OutRateLimit icmp.ratelimit

# Without the limit every datagram gets its error.
k_in server sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
for address in 10.0.2.1 fd00:0:0:2::1; do
	k_run client2 apps/time_burst_client -t 0.3 "$address" 8080 20
	k_sound "no limit $address"
	k_expect "no limit $address: 20 datagrams, 20 errors, each told to a call" "
		drop NO_SOCKET caused!=none no_icmp=none x20; drop x20
		icmp name=port-unreachable cause!=none told=call errno=ECONNREFUSED x20; icmp x20
		call errno=ECONNREFUSED error_from!=none x20"
done

tap_done
