#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O1, O3, O5, O6: giving a socket an address, and why the kernel refuses it.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
server=${TOPO_PREFIX}ns_server

# O1: the port that the kernel chose
for address in 127.0.0.1 ::1; do
	k_run server apps/addrbind "$address" 0
	port=$(sed -nE 's/.*bound to [^ ]*:([0-9]+);.*/\1/p' <<<"$TAP_OUT")
	tap_like "O1 $address: addrbind tells a port" "$port" '^[1-9][0-9]*$'
	k_expect "O1 $address: bind() shows the port asked for and the one it got, and no packet is sent" "
		call socket ret>2 as \$socket
		call bind ret=0 fd=\$socket.ret socket=\$socket.socket addr=$address port=0 local=$address lport=$port x1
		no journey"
	k_is "O1 $address: the summary says why nothing is there" 1 type=summary shown=0 nothing~.
done

# O3: an address that no interface has
for address in 10.0.3.1 fd00:0:0:3::1; do
	k_run server apps/addrbind "$address" 8080
	tap_is "O3 $address: addrbind fails, and trace passes its status on" "$TAP_STATUS" 1
	k_expect "O3 $address: EADDRNOTAVAIL, with the namespace that lacks it" "
		call bind ret=-1 errno=EADDRNOTAVAIL addr=$address port=8080 \
			hint~'$address is on no interface of $server' x1
		no journey"
done

# O5: a port that is used, and one that is not
k_server server apps/time_server 10.0.1.1 8080
k_run server apps/time_server 10.0.1.1 8080
tap_is 'O5: a second server on the same address and port fails' "$TAP_STATUS" 1
k_expect 'O5: EADDRINUSE, with the namespace and the address' "
	call bind ret=-1 errno=EADDRINUSE addr=10.0.1.1 port=8080 hint~'$server has 10.0.1.1:8080' x1"
k_run server apps/addrbind 10.0.2.1 8080
k_expect 'O5: the other address has room' 'call bind ret=0 local=10.0.2.1 lport=8080 hint=none x1'
k_run server apps/addrbind 0.0.0.0 8080
k_expect 'O5: the address of all has none' 'call bind errno=EADDRINUSE addr=0.0.0.0 x1'
k_server server apps/time_server fd00:0:0:1::1 8080
k_run server apps/time_server fd00:0:0:1::1 8080
k_expect 'O5 IPv6: EADDRINUSE' 'call bind errno=EADDRINUSE addr=fd00:0:0:1::1 x1'
k_run client1 apps/addrbind 0.0.0.0 8080
k_expect 'O5: another namespace has ports of its own' 'call bind ret=0 addr=0.0.0.0 lport=8080 x1'

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
	k_expect "O6 $address: EACCES, with the sysctl that decides it, and its value" "
		call bind ret=-1 errno=EACCES addr=$address port=80 \
			hint~'*1024*net.ipv4.ip_unprivileged_port_start*' x1"
	bind_as_nobody "$address" 1024
	k_expect "O6 $address: 1024 is anybody's" 'call bind ret=0 lport=1024 x1'
	k_run server apps/addrbind "$address" 80
	k_expect "O6 $address: root may" 'call bind ret=0 lport=80 x1'
done
k_in server sysctl -qw net.ipv4.ip_unprivileged_port_start=80
bind_as_nobody 10.0.1.1 80
k_expect 'O6: with the sysctl at 80 nobody may' 'call bind ret=0 lport=80 x1'
bind_as_nobody 10.0.1.1 79
k_expect 'O6: and the hint says 80' "call bind errno=EACCES port=79 hint~'below 80 ' x1"

tap_done
