#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# O36: a connection of which one end has vanished, without a word that arrived: while the peer is away the
# other end sends again and again, in silence; when it is back it knows of no connection, and answers with RST.
# shellcheck disable=SC2016 # the names in expectations are not the shell's
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_host
command -v nft >/dev/null || tap_skip_all 'nft is not installed'
tap_need_program apps/simple_nc
client=${TOPO_PREFIX}myns
server=${TOPO_PREFIX}myhost

# Nothing of TCP reaches the peer's machine, and nothing leaves it.
away()
{
	k_in myhost nft -f - <<-'RULES' || tap_bail 'the rules'
		table inet away {
			chain in {
				type filter hook prerouting priority 0
				meta l4proto tcp drop
			}
			chain out {
				type filter hook output priority 0
				meta l4proto tcp drop
			}
		}
	RULES
}

# half_open WHAT ADDRESS CLIENT PORT
half_open()
{
	local what="O36 $1" address=$2 peer=$3 port=$4 nc ends typed
	local to="src=$peer dst=$address dport=$port"

	k_player "peer$port" myhost "$PYTHON" -IS tests/kernel/peer.py vanish "$address" "$port"
	ends=$K_KEYS
	k_says "peer$port" listening || tap_bail 'the peer listens'
	k_start -p $$
	k_player "nc$port" myns apps/simple_nc "$address" "$port"
	nc=$TAP_PID typed=$K_KEYS
	k_says "peer$port" accepted || tap_bail 'a connection'
	away
	echo >&"$ends"
	k_says "peer$port" gone || tap_bail 'the peer ends'
	echo 'a line' >&"$typed"
	k_wait 3+ type=journey packet.dport="$port" segment.retransmission\>0 || tap_bail "$what: it sends again"
	k_in myhost nft flush ruleset
	k_wait 1+ type=state after=CLOSE netns=myns ||
		tap_bail "$what: the peer is back"
	echo 'another' >&"$typed"
	tap_wait "$nc"
	tap_is "$what: the end that was left is told at last" "$? $(<"$TAP_TMP/nc$port.err")" \
		'1 simple_nc: write: Connection reset by peer'
	k_stop
	k_sound "$what"

	k_expect "$what: the peer's end is over, and its RST dies at home" "
		drop proto=TCP src=$address sport=$port flags~RST netns=$server hook=output rule~drop cause_kind=call as \$rst
		no state CLOSE end=client ended<\$rst.began"
	# The first time may be tcp_send_loss_probe(), after about as long as tcp_retransmit_timer() takes for the
	# second; from there on it doubles its time.
	k_expect "$what: what is written then is sent in silence, again and again, ever later" "
		call write pid=$nc ret=7 as \$write
		drop proto=TCP $to payload=7 retransmission=0 id=\$write netns=$server hook=prerouting as \$data
		drop proto=TCP $to payload=7 retransmission=1 of=\$data cause_kind=timer hook=prerouting as \$first
		drop proto=TCP $to payload=7 retransmission=2 of=\$data hook=prerouting as \$second
		drop proto=TCP $to payload=7 retransmission=3 of=\$data resent_after>\$second.resent_after hook=prerouting"
	k_expect "$what: when the peer is back it has no such connection, and says so" "
		journey tcp $to payload=7 retransmission>1 netns=$server function=tcp_v4_rcv|tcp_v6_rcv as \$again
		{ reset src=$address cause=\$again cause_kind=journey netns=$client as \$rst
		state CLOSE before=ESTABLISHED end=client cause=\$rst }
		call write pid=$nc ret=-1 errno=ECONNRESET error_from=\$rst"
	exec {typed}>&- {ends}>&-
}

half_open IPv4 10.0.0.2 10.0.0.1 9201
half_open IPv6 fd00::2 fd00::1 9202
tap_done
