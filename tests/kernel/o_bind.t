#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O1, O3, O5, O6: giving a socket an address, and why the kernel refuses it.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab

# O1: the port that the kernel chose
for address in 127.0.0.1 ::1; do
	k_run server apps/addrbind "$address" 0
	port=$(sed -nE 's/.*bound to [^ ]*:([0-9]+);.*/\1/p' <<<"$TAP_OUT")
	tap_like "O1 $address: addrbind tells a port" "$port" '^[1-9][0-9]*$'
	k_is "O1 $address: bind() shows the port asked for and the one it got" 1 type=call name=bind \
		ret=0 "given.address=$address" given.port=0 "local.address=$address" "local.port=$port"
	k_is "O1 $address: and the socket it is for" 1 type=call name=socket \
		"socket=$(k_get socket type=call name=bind)"
	k_is "O1 $address: no packet" 0 type=journey
	k_is "O1 $address: the summary says why nothing is there" 1 type=summary shown=0 nothing~.
done

# O3: an address that no interface has
for address in 10.0.3.1 fd00:0:0:3::1; do
	k_run server apps/addrbind "$address" 8080
	tap_is "O3 $address: addrbind fails, and trace passes its status on" "$TAP_STATUS" 1
	k_is "O3 $address: EADDRNOTAVAIL, with the namespace that lacks it" 1 type=call name=bind \
		errno=EADDRNOTAVAIL "given.address=$(k_get given.address type=call name=bind)" \
		given.port=8080 "hint~is on no interface of ns_server"
done
k_is 'O3: the hint names the address' 1 type=call name=bind 'hint~fd00:0:0:3::1'

# O5: a port that is used, and one that is not
k_server server apps/time_server 10.0.1.1 8080
k_run server apps/time_server 10.0.1.1 8080
tap_is 'O5: a second server on the same address and port fails' "$TAP_STATUS" 1
k_is 'O5: EADDRINUSE, with the namespace and the address' 1 type=call name=bind errno=EADDRINUSE \
	given.address=10.0.1.1 given.port=8080 'hint~ns_server has 10.0.1.1:8080'
k_run server apps/addrbind 10.0.2.1 8080
k_is 'O5: the other address has room' 1 type=call name=bind ret=0 local.address=10.0.2.1 \
	local.port=8080 hint=
k_run server apps/addrbind 0.0.0.0 8080
k_is 'O5: the address of all has none' 1 type=call name=bind errno=EADDRINUSE given.address=0.0.0.0
k_server server apps/time_server fd00:0:0:1::1 8080
k_run server apps/time_server fd00:0:0:1::1 8080
k_is 'O5 IPv6: EADDRINUSE' 1 type=call name=bind errno=EADDRINUSE given.address=fd00:0:0:1::1
k_run client1 apps/addrbind 0.0.0.0 8080
k_is 'O5: another namespace has ports of its own' 1 type=call name=bind ret=0

# O6: a port below 1024
bind_as_nobody()
{
	k_run_with --in "${TOPO_PREFIX}ns_server" --user nobody -- "$TAP_TMP/bin/addrbind" "$@"
}
# where nobody can reach it, wherever the sources are
mkdir "$TAP_TMP/bin"
cp apps/addrbind "$TAP_TMP/bin"
chmod 755 "$TAP_TMP" "$TAP_TMP/bin"
for address in 10.0.1.1 fd00:0:0:1::1; do
	bind_as_nobody "$address" 80
	tap_is "O6 $address: addrbind fails" "$TAP_STATUS" 1
	k_is "O6 $address: EACCES, with the sysctl that decides it, and its value" 1 type=call \
		name=bind errno=EACCES given.port=80 \
		'hint~1024.*net\.ipv4\.ip_unprivileged_port_start'
	bind_as_nobody "$address" 1024
	k_is "O6 $address: 1024 is anybody's" 1 type=call name=bind ret=0 local.port=1024
	k_run server apps/addrbind "$address" 80
	k_is "O6 $address: root may" 1 type=call name=bind ret=0 local.port=80
done
k_in server sysctl -qw net.ipv4.ip_unprivileged_port_start=80
bind_as_nobody 10.0.1.1 80
k_is 'O6: with the sysctl at 80 nobody may' 1 type=call name=bind ret=0 local.port=80
bind_as_nobody 10.0.1.1 79
k_is 'O6: and the hint says 80' 1 type=call name=bind errno=EACCES 'hint~below 80 '

tap_done
