#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O40 where there is no way: the kind of route that refuses, its table and prefix; the rule that does; nothing
# found; an address that may not be (martian); forwarding that is off. At the sender the call fails, at a
# router the packet is dropped.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
router=${TOPO_PREFIX}ns_server
client1=${TOPO_PREFIX}ns_client1
types=(blackhole unreachable prohibit throw)

# refuse NETNS NUMBER: routes there to 10.NUMBER.1.0/24 and fd00:NUMBER:1::/64 (blackhole), 2 (unreachable) ...
refuse()
{
	local i
	for i in 1 2 3 4; do
		if ! ip -n "$1" route add "${types[i - 1]}" "10.$2.$i.0/24" ||
			! ip -n "$1" -6 route add "${types[i - 1]}" "fd00:$2:$i::/64"; then
			tap_bail "a route of type ${types[i - 1]}"
		fi
	done
}

# rule VERSION NETNS WORD...: one more of ip rule there
rule()
{
	ip "-$1" -n "$2" rule add "${@:3}" || tap_bail "rule ${*:3}"
}

# call ADDRESS ERRNO FIELDS: a step: a sendto() there failed so, nothing was sent
call()
{
	printf 'call sendto comm~python ret=-1 addr=%s errno=%s sent=none error_from=none %s; ' "$@"
}

# calls_are WHAT NUMBER PREFIX...: of the four kinds; PREFIX: what stands before the kind's number, the
# address behind it, and the length
calls_are()
{
	local what=$1 begin=$2 end=$3 bits=$4
	local has="hint~'$client1 has no route to'"

	k_expect "$what: the call says which kind of route, which prefix, which table" "
		$(call "${begin}1${end}1" EINVAL "$has no_route=blackhole route_table=main route_prefix=${begin}1$bits \
			hint~'blackhole ${begin}1$bits (table main'")
		$(call "${begin}2${end}1" EHOSTUNREACH "$has no_route=unreachable route_table=main \
			route_prefix=${begin}2$bits hint~'unreachable ${begin}2$bits (table main'")
		$(call "${begin}3${end}1" EACCES "$has no_route=prohibit route_table=main route_prefix=${begin}3$bits \
			hint~'prohibit ${begin}3$bits (table main'")
		$(call "${begin}4${end}1" ENETUNREACH "$has no_route=throw route_table=main \
			route_prefix=${begin}4$bits hint~'throw ${begin}4$bits (table main' hint~'nothing after it leads there'")"
}

# rules_are WHAT BEGIN END: the same of rules
rules_are()
{
	local what=$1 begin=$2 end=$3
	k_expect "$what: a rule refuses: which one, and no table is named" "
		$(call "${begin}1${end}1" EINVAL "no_route=blackhole route_rule=101 route_table=none hint~'rule 101'")
		$(call "${begin}2${end}1" ENETUNREACH "no_route=unreachable route_rule=102 hint~'unreachable, by rule 102'")
		$(call "${begin}3${end}1" EACCES "no_route=prohibit route_rule=103 hint~'prohibit, by rule 103'")"
}

# ---- addresses that may not be ----

# martians PAIR...: in frames to the router, SRC,DST each
martians()
{
	local mac
	mac=$(k_in server cat /sys/class/net/veth_srv_c1/address)
	k_start -n "$router" 'udp dst port 8081'
	k_in client1 "$PYTHON" -IS tests/kernel/routes.py frames veth_c1 "$mac" 8081 "$@" || tap_bail 'frames'
	k_wait $# type=journey packet.dport=8081 fate.kind=dropped || tap_bail 'all of them are dropped'
	k_stop
}

# martian SRC DST END WORDS: a step
martian()
{
	printf "drop src=%s dst=%s dport=8081 netns=$router dev=veth_srv_c1 no_route=martian_%s why~'%s'; " "$@"
}

martians 127.0.0.1,10.0.1.1 224.0.0.5,10.0.1.1 255.255.255.255,10.0.1.1 0.0.0.0,10.0.1.1 10.0.2.1,10.0.1.1 \
	10.0.1.2,127.0.0.1 10.0.1.2,0.0.0.0
k_sound 'martians, IPv4'
k_expect 'martians, IPv4: which address, and what is wrong with it' "
	$(martian 127.0.0.1 10.0.1.1 source 'its source 127.0.0.1 is a loopback address')
	$(martian 224.0.0.5 10.0.1.1 source 'a multicast address')
	$(martian 255.255.255.255 10.0.1.1 source 'the broadcast address')
	$(martian 0.0.0.0 10.0.1.1 source 'no address')
	$(martian 10.0.2.1 10.0.1.1 source "an address of $router itself")
	$(martian 10.0.1.2 127.0.0.1 destination 'its destination 127.0.0.1 is a loopback address')
	$(martian 10.0.1.2 0.0.0.0 destination 'no address'); drop x7"
# The router tells the sender of what is out of its scope.
own=$(ip -n "$client1" -6 -o address show dev veth_c1 scope link | awk '{ sub("/.*", "", $4); print $4 }')
k_neighbour server veth_srv_c1 client1 veth_c1 "$own"
martians ::1,fd00:0:0:1::1 ff02::1,fd00:0:0:1::1 ::,fd00:0:0:2::2 "$own,fd00:0:0:2::2" fd00:0:0:1::2,::1 \
	fd00:0:0:1::2,ff01::1 fd00:0:0:1::2,ff00::5
k_sound 'martians, IPv6'
k_expect 'martians, IPv6: the same' "
	$(martian ::1 fd00:0:0:1::1 source 'the loopback address')
	$(martian ff02::1 fd00:0:0:1::1 source 'a multicast address')
	$(martian :: fd00:0:0:2::2 source 'no address')
	$(martian "$own" fd00:0:0:2::2 source 'link-local')
	$(martian fd00:0:0:1::2 ::1 destination 'the loopback address')
	$(martian fd00:0:0:1::2 ff01::1 destination 'scope 1')
	$(martian fd00:0:0:1::2 ff00::5 destination 'scope 0'); drop x7"

# ---- forwarding is off ----

# still REASON WHERE ADDRESS SYSCTL: nothing is forwarded
still()
{
	k_run client1 "$PYTHON" -IS tests/kernel/routes.py send "$3"
	k_sound "forwarding off, $2"
	k_expect "forwarding off, $2: the drop says where" "
		drop dst=$3 netns=$router dev=veth_srv_c1 $1 why~'by veth_srv_c1' why~'forwarding' why~'off there'
		drop x1; no icmp"
	k_is "forwarding off, $2: the remedy names the sysctl" 1 type=journey packet.dport=8080 "fate.remedy~$4"
}

# The kernel says so since 6.1; 5.10 leaves it to be guessed.
off=
! grep -qa SKB_DROP_REASON_IP_INADDRERRORS /sys/kernel/btf/vmlinux || off=no_route=forwarding_off
k_in server sysctl -qw net.ipv4.conf.veth_srv_c1.forwarding=0 || tap_bail 'the sysctl forwarding'
still "$off" 'IPv4, of one device' 10.0.2.2 net.ipv4.conf.veth_srv_c1.forwarding=1
k_in server sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 || tap_bail 'the sysctl forwarding'
still "$off" 'IPv4, of all' 10.0.2.2 net.ipv4.ip_forward=1
still "$off" 'IPv6' fd00:0:0:2::2 net.ipv6.conf.all.forwarding=1
k_in server sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 || tap_bail 'the sysctl forwarding'

# ---- at the sender ----

refuse "$client1" 9
k_run client1 "$PYTHON" -IS tests/kernel/routes.py send 10.9.{1,2,3,4}.1 fd00:9:{1,2,3,4}::1
k_sound 'sent'
calls_are 'IPv4, sent' 10.9. . .0/24
calls_are 'IPv6, sent' fd00:9: :: ::/64
k_expect 'sent: no packet' 'no journey; no drop; no icmp'
k_is 'IPv4: the prefix is a conclusion' 4 type=call 'no_route.prefix~^10' no_route.inferred=true
k_is 'IPv6: the kernel tells it' 4 type=call 'no_route.prefix~^fd' no_route.inferred=false

k_run client1 apps/simple_nc 10.9.3.1 8080
k_expect 'IPv4, TCP: connect() says it too' "
	call connect errno=EACCES addr=10.9.3.1 no_route=prohibit route_prefix=10.9.3.0/24 sent=none; no journey"

# ---- by a rule, or a table of one's own ----

for i in 1 2 3; do
	rule 4 "$client1" pref $((100 + i)) to "10.7.$i.0/24" "${types[i - 1]}"
	rule 6 "$client1" pref $((100 + i)) to "fd00:7:$i::/64" "${types[i - 1]}"
done
rule 4 "$client1" pref 200 from 10.0.1.2 to 10.6.0.0/16 lookup 100
rule 6 "$client1" pref 200 to fd00:6::/32 lookup 100
rule 4 "$client1" pref 201 to 10.6.0.0/16 lookup 101
if ! ip -n "$client1" route add unreachable default table 101 ||
	! ip -n "$client1" route add throw 10.6.8.0/24 table 100 ||
	! ip -n "$client1" -6 route add prohibit default table 100; then
	tap_bail 'a table of its own'
fi
k_run client1 "$PYTHON" -IS tests/kernel/routes.py send 10.7.{1,2,3}.1 10.6.1.1 fd00:7:{1,2,3}::1 fd00:6::1
k_sound 'rules'
rules_are 'IPv4' 10.7. .
rules_are 'IPv6' fd00:7: ::
k_expect 'a table that a rule leads to refuses' "
	$(call 10.6.1.1 EHOSTUNREACH "no_route=unreachable route_table=101 route_prefix=default hint~'table 101'")
	$(call fd00:6::1 EACCES "no_route=prohibit route_table=100 route_prefix=default hint~'prohibit default (table 100'")
	no journey"

# ---- at a router ----

# died ADDRESS KIND PREFIX: a step
died()
{
	printf "drop dst=%s netns=$router dev=veth_srv_c1 call=sendto no_route=%s route_table=main route_prefix=%s \
		why~'$router has no route to %s: %s %s (table main'; " "$1" "$2" "$3" "$1" "$2" "$3"
}

refuse "$router" 8
k_in server sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 || tap_bail 'the sysctl icmp_ratelimit'
k_run client1 "$PYTHON" -IS tests/kernel/routes.py send 10.8.{1,2,3,4}.1 fd00:8:{1,2,3,4}::1
k_sound 'forwarded'
k_expect 'IPv4, forwarded: the drop says which kind of route, which prefix, which table' "
	$(died 10.8.1.1 blackhole 10.8.1.0/24) $(died 10.8.2.1 unreachable 10.8.2.0/24)
	$(died 10.8.3.1 prohibit 10.8.3.0/24) $(died 10.8.4.1 throw 10.8.4.0/24)"
k_expect 'IPv6, forwarded: the same' "
	$(died fd00:8:1::1 blackhole fd00:8:1::/64) $(died fd00:8:2::1 unreachable fd00:8:2::/64)
	$(died fd00:8:3::1 prohibit fd00:8:3::/64) $(died fd00:8:4::1 throw fd00:8:4::/64)"
# ip_error() and icmp_send() take from the same allowance of the peer, so of IPv4 only the first is sure.
k_expect 'forwarded: the black hole says nothing, the others do' '
	drop dst=10.8.1.1 as $b; no icmp cause=$b
	drop dst=10.8.2.1 as $a; icmp type=3 code=1 cause=$a
	drop dst=fd00:8:1::1 as $c; no icmp cause=$c
	drop dst=fd00:8:2::1 as $d; icmp type=1 code=0 cause=$d
	drop dst=fd00:8:3::1 as $e; icmp type=1 code=1 cause=$e
	drop dst=fd00:8:4::1 as $f; icmp type=1 code=0 cause=$f
	drop x8'

for i in 1 2 3; do
	rule 4 "$router" pref $((100 + i)) from 10.0.1.2 to "10.7.$((i + 3)).0/24" "${types[i - 1]}"
	rule 6 "$router" pref $((100 + i)) to "fd00:7:$((i + 3))::/64" "${types[i - 1]}"
done
k_run client1 "$PYTHON" -IS tests/kernel/routes.py send 10.7.{4,5,6,7}.1 fd00:7:{4,5,6,7}::1
k_sound 'forwarded, rules'
k_expect 'forwarded: a rule refuses, or no table has a route' "
	drop dst=10.7.4.1 netns=$router no_route=blackhole route_rule=101 why~'rule 101'
	drop dst=10.7.5.1 netns=$router no_route=unreachable route_rule=102
	drop dst=10.7.6.1 netns=$router no_route=prohibit route_rule=103
	drop dst=10.7.7.1 netns=$router no_route=nothing route_table='local, main' why~'nothing in table local, main'
	drop dst=fd00:7:4::1 netns=$router no_route=blackhole route_rule=101
	drop dst=fd00:7:5::1 netns=$router no_route=unreachable route_rule=102
	drop dst=fd00:7:6::1 netns=$router no_route=prohibit route_rule=103
	drop dst=fd00:7:7::1 netns=$router no_route=nothing route_table~'main' why~'nothing in table'; drop x8"

tap_done
