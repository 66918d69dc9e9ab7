#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O50, of TCP: a connection whose addresses are translated on its way, by a router, at its own end (DNAT in the
# output hook) or at the other one (REDIRECT), is one connection with both state machines.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_topo nat
command -v nft >/dev/null || tap_skip_all 'nft is not installed'
tap_need_program apps/random_server apps/random_client
client=${TOPO_PREFIX}ns_client
server=${TOPO_PREFIX}ns_server

# rules WHO: those on standard input are added
rules()
{
	k_in "$1" nft -f - || tap_bail "the rules in $1"
}
rules server <<-'RULES'
	table inet here {
		chain prerouting {
			type nat hook prerouting priority -100;
			tcp dport 80 redirect to :8080
		}
	}
RULES
rules client <<-'RULES'
	table inet elsewhere {
		chain output {
			type nat hook output priority -100;
			ip daddr 10.0.1.1 tcp dport 90 dnat ip to 10.0.2.2:8080
			ip6 daddr fd00:0:0:1::1 tcp dport 90 dnat ip6 to [fd00:0:0:2::2]:8080
		}
	}
RULES
k_server server apps/random_server 8080
pid=$K_SERVER
k_server client apps/random_server 8080
inner=$K_SERVER
rules router <<-'RULES'
	table inet forward {
		chain prerouting {
			type nat hook prerouting priority -100;
			iifname "veth_r_s" ip daddr 10.0.2.1 tcp dport 70 dnat ip to 10.0.1.2:8080
			iifname "veth_r_s" ip6 daddr fd00:0:0:2::1 tcp dport 70 dnat ip6 to [fd00:0:0:1::2]:8080
		}
	}
RULES

# one WHAT WHO ADDRESS PORT FROM TO SERVER: a connection that FROM opens to that address; 3000 bytes come back
one()
{
	local what=$1 who=$2 address=$3 port=$4 from=$5 to=$6 serves=$7

	k_start -p "$$,$serves"
	k_player "client$((++runs))" "$who" sh -c 'exec apps/random_client "$@" >/dev/null' - "$address" "$port" 3000
	tap_wait "$TAP_PID"
	tap_is "$what: the client has its bytes" $? 0
	# Both ends close at once, so it may be by any way (RFC 9293, 3.6).
	k_wait 1+ type=state 'after~^(CLOSE|TIME_WAIT)$' || tap_bail "$what: an end is closed"
	k_stop
	k_sound "$what"
	k_expect "$what: one connection, opened by the client, taken by the server, both to their ends" "
		flow client_comm=random_client client_netns=$from as \$flow
		state SYN_SENT end=client netns=$from comm=random_client flow=\$flow
		state ESTABLISHED end=client cause_kind=journey flow=\$flow
		state ESTABLISHED end=server netns=$to cause_kind=journey flow=\$flow
		call recvfrom|read comm=random_server flow=\$flow ret>0
		call sendto|write comm=random_server flow=\$flow ret>0
		call recvfrom|read comm=random_client flow=\$flow ret>0
		flow x1; no drop; no reset; no retransmission"
	k_expect "$what: each segment is acknowledged because of the one that came" "
		journey flags=SYN from=client born_netns=$from netns=$to as \$syn
		journey flags=SYN+ACK from=server cause=\$syn born_netns=$to netns=$from as \$synack
		journey flags=ACK from=client payload=0 cause=\$synack netns=$to"
}
runs=0

one 'IPv4, masquerade' client 10.0.2.2 8080 "$client" "$server" "$pid"
k_is 'IPv4, masquerade: the new address is told where it is given' 1+ type=journey packet.proto=TCP 'hops.text~now from 10\.0\.2\.1:'
one 'IPv6, masquerade' client fd00:0:0:2::2 8080 "$client" "$server" "$pid"
one 'IPv4, redirect' client 10.0.2.2 80 "$client" "$server" "$pid"
one 'IPv6, redirect' client fd00:0:0:2::2 80 "$client" "$server" "$pid"
one 'IPv4, translated where it begins' client 10.0.1.1 90 "$client" "$server" "$pid"
one 'IPv6, translated where it begins' client fd00:0:0:1::1 90 "$client" "$server" "$pid"
one 'IPv4, port forward' server 10.0.2.1 70 "$server" "$client" "$inner"
one 'IPv6, port forward' server fd00:0:0:2::1 70 "$server" "$client" "$inner"
tap_done
