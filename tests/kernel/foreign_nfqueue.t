#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A program that nobody here wrote has a say about what a router forwards (an nft queue): the example that comes with
# libnetfilter_queue, which lets all pass. tcpdump looks on at each device: curl's packets to nginx and ping's stay
# what they are, each in one journey.
# shellcheck disable=SC2016,SC2317 # the names in expectations are not the shell's; functions called by name
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=witness_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/witness_lib.sh"
# shellcheck source-path=SCRIPTDIR source=foreign_lib.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/foreign_lib.sh"

source=/usr/share/doc/libnetfilter-queue-dev/examples/nf-queue.c
witness_need
for program in curl nginx nft gcc; do
	command -v "$program" >/dev/null || tap_skip_all "$program is not installed"
done
[[ -e $source || -e $source.gz ]] || tap_skip_all "libnetfilter-queue-dev is not installed, or without $source"
zcat -f "$source"* >"$TAP_TMP/nf-queue.c"
gcc -O1 -o "$TAP_TMP/nf-queue" "$TAP_TMP/nf-queue.c" -lnetfilter_queue -lmnl 2>"$TAP_TMP/gcc.err" ||
	tap_skip_all "libnetfilter_queue's example cannot be built: $(head -n 1 "$TAP_TMP/gcc.err")"
k_lab
witness_of client1/veth_c1=server/veth_srv_c1 client2/veth_c2=server/veth_srv_c2
client1=${TOPO_PREFIX}ns_client1
client2=${TOPO_PREFIX}ns_client2

k_in server nft -f - <<-'RULES' 2>"$TAP_TMP/nft.err" ||
	table inet ask {
		chain forward {
			type filter hook forward priority 0
			queue num 7
		}
	}
RULES
	tap_skip_all "this kernel's nftables has no queue: $(head -n 1 "$TAP_TMP/nft.err")"
k_netns server
tap_background nf-queue ip netns exec "$K_NETNS" stdbuf -oL "$TAP_TMP/nf-queue" 7
queue=$TAP_PID

whole_mark()
{
	mark_by client1 "$1" 10.0.2.2
	mark_by client1 "$1" fd00:0:0:2::2
}

reads()
{
	[[ -n $(k_in server awk '$1 == 7' /proc/net/netfilter/nfnetlink_queue) ]]
}
tap_wait_until reads || tap_bail 'a program reads queue 7' "$(<"$TAP_TMP/nf-queue.err")"

mkdir "$TAP_TMP/www"
head -c 100000 /dev/urandom >"$TAP_TMP/www/file"
nginx_serves client2 80

# asked WHAT ADDRESS PEER HOST PROTO
asked()
{
	local what=$1
	whole_begin
	k_in client1 ping -n -q -c 2 -i 0.01 -W "$TAP_LIMIT" "$2" >/dev/null || tap_fail "$what, ping: both come back"
	k_in client1 curl -sS --noproxy '*' -m "$TAP_LIMIT" -o "$TAP_TMP/got" "http://$4/file" || tap_fail "$what, curl: ends well"
	tap_check "$what, curl: with the file" cmp "$TAP_TMP/www/file" "$TAP_TMP/got"
	closed 1
	whole_end "$what"
	k_is "$what: each that was forwarded came back from the program" 0 type=journey 'packet.proto!=ARP' \
		'timed~veth_srv_c1: .*veth_srv_c2: ' hops.stage!=nfqueue_back
	k_expect "$what, ping: nothing is the program's, though it goes on in its calls" "
		journey proto=$5 src=$3 dst=$2 payload=56 by=ping call=sendto born_netns=$client1 netns=$client2 as \$request
		journey proto=$5 src=$2 dst=$3 payload=56 cause=\$request netns=$client1 reader=ping
		no journey by=nf-queue; no drop retransmission=0"
	k_expect "$what, curl: one connection" "
		journey flags=SYN src=$3 dst=$2 by=curl call=connect born_netns=$client1 netns=$client2 as \$syn
		journey flags=SYN+ACK cause=\$syn born_netns=$client2 netns=$client1 as \$synack
		no reset"
	k_expect "$what, curl: both state machines" "
		flow x1; flow client_comm=curl client=$3 server=$2 as \$flow
		state ESTABLISHED end=client netns=$client1 flow=\$flow
		state ESTABLISHED end=server netns=$client2 flow=\$flow"
}

asked IPv4 10.0.2.2 10.0.1.2 10.0.2.2 ICMP
asked IPv6 fd00:0:0:2::2 fd00:0:0:1::2 '[fd00:0:0:2::2]' ICMPv6
tap_check 'the program was asked about all of them' test "$(grep -c 'packet received' "$TAP_TMP/nf-queue.out")" -ge 20
tap_stop "$queue"
tap_done
