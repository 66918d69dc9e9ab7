#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# trace diff: two recordings of one exercise part where the kernel treated them differently, and nowhere else.
set -u
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

k_lab
k_judge
T=$TAP_TMP

# record NAME WHO COMMAND...: to $T/NAME.rec. With OPTIONS, an array, of trace.
OPTIONS=()
record()
{
	local rec=$T/$1.rec
	k_netns "$2"
	shift 2
	tap_run "$TRACE" -q "${OPTIONS[@]}" -w "$rec" --in "$K_NETNS" -- "$@"
	((TAP_STATUS < 124)) || tap_fail 'trace records' "status $TAP_STATUS"$'\n'"$TAP_ERR"
}

# compare NAME A B STATUS [OPTION...]: the exit status; k_is asks about what it said.
compare()
{
	local name=$1 a=$2 b=$3 wanted=$4
	shift 4
	K_JSON=$T/diff.json
	tap_run "$TRACE" diff "$T/$a.rec" "$T/$b.rec" --json -o "$K_JSON" "$@"
	((TAP_STATUS != 4)) || echo 'events were lost' >>"$K_LOST"
	tap_is "$name: exit status" "$TAP_STATUS $TAP_ERR" "$wanted "
	cat -- "$K_JSON" >>"$T/all.json"
}

# same NAME A B: there is no parting.
same()
{
	compare "$1" "$2" "$3" 0
	k_is "$1: nothing parts" 0 type=diff verdict!=same minor=false
	k_is "$1: no call differs" 0 type=diff_call
	k_is "$1: the summary says so" 1 type=diff_summary verdict=same part=0 'same>=1' only_a=0 only_b=0
}

# ---- a server that is bound to the right address, and to the wrong one ----

# bound NAME TO ASKED: what client 1 gets
bound()
{
	k_server server apps/time_server "$2" 8080
	record "$1" client1 apps/time_client "$3" 8080
	tap_stop "$K_SERVER"
}

for version in 4 6; do
	right=10.0.1.1 wrong=10.0.2.1 icmp=3/3
	((version == 4)) || right=fd00:0:0:1::1 wrong=fd00:0:0:2::1 icmp=1/4
	bound "right$version" "$right" "$right"
	bound "again$version" "$right" "$right"
	bound "wrong$version" "$wrong" "$right"

	same "IPv$version, twice" "right$version" "again$version"
	same "IPv$version, a recording and itself" "wrong$version" "wrong$version"
	compare "IPv$version, bound right and wrong" "right$version" "wrong$version" 1
	k_is "IPv$version: the request parts at the server, where one is queued and one dropped" 1 \
		type=diff verdict=part differs=fate differs=path differs=read a.packet.dport=8080 b.packet.dport=8080 \
		a.last.netns=ns_server a.last.dev=veth_srv_c1 b.last.dev=veth_srv_c1 a.next.netns=ns_server b.next.netns=ns_server \
		'common>=4' a.fate.kind=queued a.read.ret=24 b.fate.kind=dropped 'b.fate.function~^(__udp[46]_lib_rcv|udp(v6)?_rcv)$' b.read=null
	k_is "IPv$version: that is all that is paired and differs" 1 type=diff verdict=part
	k_is "IPv$version: the answer is in A only" 1 type=diff verdict=only_a a.packet.sport=8080 b=null
	k_is "IPv$version: the ICMP error in B" 1 type=diff verdict=only_b a=null b.packet.icmp.type="${icmp%/*}" \
		b.packet.icmp.code="${icmp#*/}" b.told.errno=ECONNREFUSED
	k_is "IPv$version: the call that has another result" 1 type=diff_call verdict=part a.name=recvfrom a.ret=24 \
		b.name=recvfrom b.errno=ECONNREFUSED
	compare "IPv$version, the other way round" "wrong$version" "right$version" 1
	k_is "IPv$version: what was A is B" 1 type=diff verdict=part a.fate.kind=dropped b.fate.kind=queued
done

# ---- what one recording could not see ----

k_server server apps/time_server 10.0.1.1 8080
OPTIONS=(--stacks=never)
record without client1 apps/time_client 10.0.1.1 8080
OPTIONS=(--stacks=always --backend=tracepoint)
record stacks client1 apps/time_client 10.0.1.1 8080
OPTIONS=(--stacks=always)
record best client1 apps/time_client 10.0.1.1 8080
OPTIONS=()
same 'stacks, and none' without stacks
k_is 'stacks, and none: the hops that only one has are counted' 2 type=diff verdict=same a.extra=0 'b.extra>=5' 'common>=4'
same 'tracepoints, and the best that the kernel grants' stacks best
tap_run "$TRACE" diff "$T/without.rec" "$T/stacks.rec" -v
tap_like 'stacks, and none: -v names the hops' "$TAP_OUT" 'in B: udp send, '

# A neighbour that is known does not have to be asked for.
k_netns client1
ip -n "$K_NETNS" neighbour delete 10.0.1.1 dev veth_c1
record asked client1 apps/time_client 10.0.1.1 8080
same 'ARP before, and none' asked without
k_is 'ARP before, and none: it is there, and of no account' 2 type=diff verdict=only_a minor=true a.packet.proto=ARP
k_neighbour client1 veth_c1 server veth_srv_c1 10.0.1.1
tap_stop "$K_SERVER"

# ---- a router that forwards, and one that does not ----

k_server client2 apps/time_server 10.0.2.2 8080
record forwards client1 apps/time_client -t 0.3 10.0.2.2 8080
k_in server sysctl -qw net.ipv4.ip_forward=0
record stops client1 apps/time_client -t 0.3 10.0.2.2 8080
k_in server sysctl -qw net.ipv4.ip_forward=1
record forwards2 client1 apps/time_client -t 0.3 10.0.2.2 8080
same 'forwarded twice' forwards forwards2
compare 'forwarding on and off' forwards stops 1
k_is 'forwarding: they part at the router, which sends it on or drops it' 1 type=diff verdict=part differs=path differs=fate \
	a.last.netns=ns_server a.last.dev=veth_srv_c1 a.next.netns=ns_server a.fate.netns=ns_client2 a.fate.kind=queued \
	b.fate.kind=dropped b.fate.netns=ns_server b.fate.function=ip_error 'b.fate.remedy~ip_forward=1'
k_is 'forwarding: the call that waits in vain' 1 type=diff_call verdict=part a.name=recvfrom a.ret=24 b.errno=EAGAIN
tap_stop "$K_SERVER"

# ---- a connection ----

for run in tcp1 tcp2; do
	k_server server apps/byte_sink -a -r 8080
	record "$run" client1 sh -c 'echo hello | apps/simple_nc 10.0.1.1 8080'
	tap_stop "$K_SERVER"
done
compare 'a connection, twice' tcp1 tcp2 0
k_is 'a connection, twice: its handshake is the same' 2+ type=diff verdict=same a.packet.tcp.flags=SYN
record refused client1 sh -c 'echo hello | apps/simple_nc 10.0.1.1 8080'
compare 'a connection, and a refused one' tcp1 refused 1
k_is 'refused: the SYN gets another answer' 1+ type=diff verdict=only_b b.packet.tcp.flags=RST
k_is 'refused: connect() says so' 1 type=diff_call a.name=connect a.ret=0 b.errno=ECONNREFUSED

# ---- the command ----

schema_check "$T/all.json"
tap_run "$TRACE" diff "$T/right4.rec" "$T/wrong4.rec"
tap_like 'what it says names the fate, the errno and the calls' "$TAP_STATUS $TAP_OUT" \
	'^1 .*QUEUED.*DROPPED.*ECONNREFUSED.*1 journey parts'
tap_run "$TRACE" diff -q "$T/right4.rec" "$T/wrong4.rec"
tap_is '-q: the exit status alone' "$TAP_STATUS $TAP_OUT$TAP_ERR" '1 '
"$TRACE" diff - "$T/again4.rec" -q <"$T/right4.rec"
tap_is 'one of them from stdin' $? 0
tap_run "$TRACE" diff "$T/right4.rec" "$T/wrong4.rec" --json -- udp port 9
tap_like 'FILTER applies to both' "$TAP_STATUS $TAP_OUT" '"journeys":0.*"journeys":0'
tap_run "$TRACE" diff "$T/right4.rec" "$T/wrong4.rec" --only dropped --json
tap_like '--only applies to both' "$TAP_OUT" '"verdict":"only_b".*"journeys":0.*"journeys":1'
tap_run "$TRACE" diff --help
tap_like '--help' "$TAP_STATUS $TAP_OUT" '^0 .*trace diff A B'
for args in '' "$T/right4.rec" "$T/right4.rec $T/right4.rec $T/right4.rec" '- -' "--tree $T/right4.rec $T/right4.rec" \
	"--expect drop $T/right4.rec $T/right4.rec" "-p 1 $T/right4.rec $T/right4.rec"; do
	# shellcheck disable=SC2086 # words
	tap_run "$TRACE" diff $args
	tap_like "usage: diff ${args//"$T/"/}" "$TAP_STATUS $TAP_ERR" '^2 trace diff: .'
done
tap_run "$TRACE" diff "$T/right4.rec" "$T/nosuch.rec"
tap_is 'a file that is not there' "$TAP_STATUS $TAP_OUT$TAP_ERR" "125 trace diff: $T/nosuch.rec: No such file or directory"
echo 'no recording' >"$T/text"
tap_run "$TRACE" diff "$T/text" "$T/right4.rec"
tap_like 'a file that is no recording' "$TAP_STATUS $TAP_ERR" "^125 trace diff: $T/text: ."
tap_run "$TRACE" diff "$T/right4.rec" "$T/right4.rec" -o /dev/full
tap_like 'a full disk' "$TAP_STATUS $TAP_ERR" '^125 trace diff: /dev/full: No space'

# What is cut off may have happened: nobody can tell.
size=$(stat -c %s "$T/right4.rec")
for part in 60 90; do
	head -c $((size * part / 100)) "$T/right4.rec" >"$T/cut.rec"
	tap_run "$TRACE" diff "$T/right4.rec" "$T/cut.rec"
	tap_like "cut at $part %: inconclusive at most, and told" "$TAP_STATUS $TAP_ERR" '^[04] trace diff: .*cut\.rec: .'
done

chmod 755 "$T"
chmod 644 "$T"/*.rec
if setpriv --reuid 65534 --clear-groups test -x "$TRACE" 2>/dev/null; then
	tap_run setpriv --reuid 65534 --regid 65534 --clear-groups "$TRACE" diff -q "$T/right4.rec" "$T/wrong4.rec"
	tap_is 'it needs no root' "$TAP_STATUS $TAP_ERR" '1 '
else
	tap_skip 'it needs no root' 'another user cannot run what was built here'
fi
tap_done
