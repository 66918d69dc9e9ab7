#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs that nobody here wrote, followed whole: every packet of theirs has a fate, and where all went
# well, nothing was dropped.
# shellcheck disable=SC2317,SC2016 # functions that tap.sh calls by name; inner shells expand
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

k_lab
server=${TOPO_PREFIX}ns_server
client=${TOPO_PREFIX}ns_client1

# A timer may send again what only its ACK was late for. The receiver throws that away; no other drop is
# clean.
clean='no drop retransmission=0; no drop reason!=TCP_OLD_DATA|TCP_OLD_SEQUENCE; no refused; no icmp
	no journey fate=unknown; no journey fate=underway; no journey complete=no'

listens()
{
	[[ -n $(k_in server ss -Htln "sport = :$1") ]]
}

# has PROGRAM: whether it is here; skips its tests where it is not.
has()
{
	command -v "$1" >/dev/null || {
		tap_skip "$1" "$1 is not installed"
		return 1
	}
}

lost_nothing()
{
	k_is "$1: the summary says that nothing is lost" 1 type=summary lost=0 misses=0 unknown=0 underway=0
}

# ---- curl, and Python's HTTP server ----

http()
{
	local what=$1 address=$2 port=$3 url=$4 request header body

	k_start -p $$
	tap_background "http$port" ip netns exec "$server" "$PYTHON" -u -m http.server "$port" \
		--bind "$address" --directory "$TAP_TMP/www"
	tap_wait_until listens "$port" || tap_bail 'http.server starts'
	tap_run ip netns exec "$client" curl -sS --noproxy '*' -o "$TAP_TMP/got" \
		-w '%{size_request} %{size_header} %{size_download}' "$url"
	tap_is "$what: ends well" "$TAP_STATUS $TAP_ERR" '0 '
	tap_check "$what: and with the file" cmp "$TAP_TMP/www/file" "$TAP_TMP/got"
	read -r request header body <<<"$TAP_OUT"
	k_wait 1+ type=state before=LAST_ACK after=CLOSE
	k_stop
	tap_stop "$TAP_PID"
	k_sound "$what"
	lost_nothing "$what"
	k_expect "$what: nothing is dropped, nothing refused" "$clean; no reset"
	k_expect "$what: request and answer, byte by byte" "
		flow opened client_comm=curl server=$address sport=$port as \$flow
		call connect comm=curl flow=\$flow
		call sendto comm=curl flow=\$flow ret=$request first_byte=1 next_byte=$((request + 1)) as \$request
		queued id=\$request payload=$request netns=$server read as \$segment
		call recvfrom comm~python flow=\$flow read=\$segment ret=$request
		call recvfrom comm=curl flow=\$flow ret>0 first_byte=1
		call recvfrom comm=curl flow=\$flow ret>0 next_byte=$((header + body + 1))
		flow x1; state ESTABLISHED x2"
}

mkdir "$TAP_TMP/www"
head -c 300000 /dev/urandom >"$TAP_TMP/www/file"
od -An -v -tx1 -w16 -N 50000 "$TAP_TMP/www/file" >"$TAP_TMP/www/lines"
lines=$(stat -c %s "$TAP_TMP/www/lines")
if has curl; then
	http 'curl, IPv4' 10.0.1.1 8000 http://10.0.1.1:8000/file
	http 'curl, IPv6' fd00:0:0:1::1 8001 'http://[fd00:0:0:1::1]:8001/file'
fi

# ---- socat, for longer, in both directions ----

echoed()
{
	local what=$1 listen=$2 connect=$3 port=$4 keys talks answers i

	k_start -p $$
	tap_background "echo$port" ip netns exec "$server" socat "$listen" EXEC:cat
	answers=$TAP_PID
	tap_wait_until listens "$port" || tap_bail 'socat listens'
	k_player "talk$port" client1 socat - "$connect"
	talks=$TAP_PID keys=$K_KEYS
	for i in 1 2 3 4 5; do
		echo "line $i" >&"$keys"
		k_says "talk$port" "^line $i\$" || tap_bail "$what: line $i comes back"
		# Longer than trace waits for anything to happen to a packet.
		((i != 3)) || sleep 3
	done
	cat "$TAP_TMP/www/lines" >&"$keys"
	echo end >&"$keys"
	k_says "talk$port" '^end$' || tap_bail "$what: all of it comes back"
	exec {keys}>&-
	tap_wait "$talks"
	tap_is "$what: ends well" $? 0
	tap_wait "$answers"
	k_wait 1+ type=state before=LAST_ACK after=CLOSE
	k_stop
	k_sound "$what"
	lost_nothing "$what"
	k_expect "$what: nothing is dropped, nothing refused" "$clean; no reset"
	k_expect "$what: each byte goes there and comes back" "
		flow opened client_comm=socat sport=$port as \$flow
		call write comm=socat flow=\$flow ret=7 first_byte=1 next_byte=8 as \$write
		queued id=\$write payload=7 from=client netns=$server as \$there
		call read comm=socat flow=\$flow read=\$there ret=7 first_byte=1 next_byte=8
		queued payload=7 seq=1 from=server flow=\$flow netns=$client read as \$back
		call read comm=socat flow=\$flow read=\$back ret=7
		call write pid=$talks flow=\$flow next_byte=$((5 * 7 + lines + 4 + 1))
		call read pid=$talks flow=\$flow ret>0 next_byte=$((5 * 7 + lines + 4 + 1))
		flow x1; state ESTABLISHED x2"
}

if has socat; then
	echoed 'socat, IPv4' TCP4-LISTEN:9001,bind=10.0.1.1 TCP4:10.0.1.1:9001 9001
	echoed 'socat, IPv6' 'TCP6-LISTEN:9002,bind=[fd00:0:0:1::1]' 'TCP6:[fd00:0:0:1::1]:9002' 9002
fi

# ---- two people at nc ----

people()
{
	local what=$1 address=$2 port=$3 one other pid_one pid_other

	k_start -p $$
	k_player "other$port" server nc -N -l "$address" "$port"
	pid_other=$TAP_PID other=$K_KEYS
	tap_wait_until listens "$port" || tap_bail 'nc listens'
	k_player "one$port" client1 nc -N "$address" "$port"
	pid_one=$TAP_PID one=$K_KEYS
	echo 'hello' >&"$one"
	k_says "other$port" '^hello$' || tap_bail "$what: the first line comes"
	echo 'who is it?' >&"$other"
	k_says "one$port" '^who is it.$' || tap_bail "$what: the second line comes"
	echo 'a packet' >&"$one"
	k_says "other$port" '^a packet$' || tap_bail "$what: the third line comes"
	echo 'bye' >&"$other"
	k_says "one$port" '^bye$' || tap_bail "$what: the last line comes"
	exec {one}>&-
	tap_wait "$pid_one"
	tap_is "$what: ends well" $? 0
	tap_wait "$pid_other"
	tap_is "$what: at both ends" $? 0
	exec {other}>&-
	k_wait 1+ type=state before=LAST_ACK after=CLOSE
	k_stop
	k_sound "$what"
	lost_nothing "$what"
	k_expect "$what: nothing is dropped, nothing refused" "$clean; no reset"
	k_expect "$what: line by line" "
		call write pid=$pid_one ret=6 first_byte=1 as \$write
		queued id=\$write payload=6 from=client netns=$server as \$hello
		call read pid=$pid_other ret=6 read=\$hello first_byte=1 next_byte=7
		call write pid=$pid_other ret=11 first_byte=1 as \$answer
		queued id=\$answer payload=11 from=server netns=$client as \$who
		call read pid=$pid_one ret=11 read=\$who
		call write pid=$pid_one ret=9 first_byte=7 as \$third
		queued id=\$third payload=9 from=client
		call read pid=$pid_other ret=9
		call write pid=$pid_other ret=4 first_byte=12 as \$bye
		queued id=\$bye payload=4 from=server netns=$client
		call read pid=$pid_one ret=4"
	k_expect "$what: the one who types the end of input ends it for both" "
		call shutdown pid=$pid_one ret=0 how=SHUT_WR as \$shut
		journey flags~FIN from=client id=\$shut as \$fin
		state CLOSE_WAIT end=server cause=\$fin
		call read pid=$pid_other ret=0
		journey flags~FIN from=server by=nc as \$last
		state TIME_WAIT end=client cause=\$last minisocket
		flow x1"
}

if has nc && nc -h 2>&1 | grep -q -- '-N'; then
	people 'nc, IPv4' 10.0.1.1 9003
	people 'nc, IPv6' fd00:0:0:1::1 9004
fi

# ---- as fast as it goes: iperf3 ----

fast()
{
	local what=$1 address=$2 rec=$TAP_TMP/fast.rec ready=$TAP_TMP/fast.ready pid bytes

	tap_background fast "$TRACE" -q -w "$rec" --ready-fd 9 -p $$ 9>"$ready"
	pid=$TAP_PID
	tap_wait_until test -s "$ready" || tap_bail 'trace starts' "$(<"$TAP_TMP/fast.err")"
	tap_background iperf3 ip netns exec "$server" iperf3 -s -1 -B "$address" -p 5201
	tap_wait_until listens 5201 || tap_bail 'iperf3 listens'
	tap_run ip netns exec "$client" iperf3 -J -c "$address" -p 5201 -t 5
	tap_is "$what: ends well" "$TAP_STATUS $TAP_ERR" '0 '
	bytes=$("$PYTHON" -c 'import json, sys
print(json.load(sys.stdin)["end"]["sum_received"]["bytes"])' <<<"$TAP_OUT")
	tap_wait "$TAP_PID"
	tap_stop "$pid" INT
	tap_is "$what: trace ends well" $? 0
	# shellcheck disable=SC2016 # an inner shell expands
	tap_check "$what: every journey has a fate, or its loss is counted ($bytes B)" \
		bash -o pipefail -c '"$1" read "$2" --json | "$3" -IS tests/kernel/foreign.py "$4"' bash \
		"$TRACE" "$rec" "$PYTHON" "$bytes"
	rm -f "$rec"
}

if has iperf3; then
	fast 'iperf3, IPv4' 10.0.1.1
	fast 'iperf3, IPv6' fd00:0:0:1::1
fi

tap_done
