#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O53: a burst to a closed port. The ICMP rate limit holds back most errors: each one that was not sent
# is explained.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

# burst WHAT ADDRESS PROTO COUNTER SYSCTL
burst()
{
	local what=$1 address=$2 proto=$3 counter=$4 sysctl=$5 answered silent told
	local drop=(type=journey packet.proto=UDP fate.kind=dropped fate.reason=NO_SOCKET)

	k_run client2 apps/time_burst_client -t 0.3 "$address" 8080 20
	k_sound "$what"
	k_is "$what: 20 datagrams, each dropped in ns_server" 20 "${drop[@]}" fate.netns=ns_server
	answered=$(k_number "${drop[@]}" caused.n=1)
	silent=$((20 - answered))
	tap_check "$what: some provoked an error, some did not ($answered, $silent)" \
		test "$answered" -gt 0 -a "$silent" -gt 0
	k_is "$what: each error is a port unreachable of one datagram's own" "$answered" type=journey \
		"packet.proto=$proto" packet.icmp.error=true cause.journey.fate.reason=NO_SOCKET
	k_is "$what: with an error sent, nothing to explain" "$answered" "${drop[@]}" caused.n=1 no_icmp=
	k_is "$what: without one, the rate limit is named, with counter and sysctl" "$silent" \
		"${drop[@]}" caused.n=0 "no_icmp~rate limit.*$counter.*$sysctl"
	k_is "$what: told by a line of its own too" "$silent" type=no_icmp journey.fate.reason=NO_SOCKET
	k_is "$what: nothing else was dropped" 1 type=summary dropped=20 unknown=0
	# An error that finds another one waiting in the socket takes its place, so calls may be fewer.
	told=$(k_number type=call errno=ECONNREFUSED)
	tap_check "$what: errors were told to calls ($told of $answered)" \
		test "$told" -gt 0 -a "$told" -le "$answered"
	k_is "$what: each such call names its error" "$told" type=call errno=ECONNREFUSED \
		"error_from.packet.proto=$proto" error_from.cause.journey.fate.reason=NO_SOCKET
	k_is "$what: and the error that call" "$told" type=journey "packet.proto=$proto" told.kind=call
}

burst 'O53 IPv4' 10.0.2.1 ICMP IcmpOutRateLimit icmp_ratelimit
burst 'O53 IPv6' fd00:0:0:2::1 ICMPv6 Icmp6OutRateLimit icmp.ratelimit

# Without the limit every datagram gets its error.
k_in server sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
for address in 10.0.2.1 fd00:0:0:2::1; do
	k_run client2 apps/time_burst_client -t 0.3 "$address" 8080 20
	k_sound "no limit $address"
	k_is "no limit $address: 20 datagrams, 20 errors" 20 type=journey fate.reason=NO_SOCKET \
		caused.n=1 no_icmp=
	k_is "no limit $address: each was told to a call" 20 type=call errno=ECONNREFUSED \
		error_from.packet.icmp.error=true
done

tap_done
