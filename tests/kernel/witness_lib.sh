# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# tcpdump beside trace, at each device of the lab two_clients, over lib.sh:
#
#	witness_need
#	k_lab
#	k_start OPTION...
#	start_captures
#	...			traffic; quiet WHO COMMAND... for what may fail
#	mark
#	stop_captures
#	k_stop
#	compare_captures

witness_places=(client1/lo client1/veth_c1 server/lo server/veth_srv_c1 server/veth_srv_c2 client2/lo client2/veth_c2)

witness_need()
{
	command -v tcpdump >/dev/null || tap_skip_all 'tcpdump is not installed'
	command -v ping >/dev/null || tap_skip_all 'ping is not installed'
}

# quiet WHO COMMAND...: it may fail; how is not the question here
quiet()
{
	k_in "$@" >/dev/null 2>&1
}

# The last ones, over every device both ways, so that it is known when the captures have all.
mark()
{
	local who
	quiet client1 ping -n -c 1 -p 6861727065646961 10.0.2.2
	for who in client1 server client2; do
		quiet "$who" ping -n -c 1 -p 6861727065646961 127.0.0.1
	done
}

start_captures()
{
	local place dev direction pcap capture
	captures=()
	rm -f -- "$TAP_TMP"/*.pcap
	for place in "${witness_places[@]}"; do
		dev=${place#*/}
		for direction in in out; do
			# libpcap shows what passes lo only once, as it comes in
			[[ $dev/$direction != lo/out ]] || continue
			pcap=$TAP_TMP/ns_${place%/*}.$dev.$direction.pcap
			tap_background "${pcap##*/}" ip netns exec "${TOPO_PREFIX}ns_${place%/*}" \
				tcpdump -i "$dev" -Q "$direction" -n -p -s 2048 -B 8192 -U \
				--immediate-mode -w "$pcap" 'ip or ip6'
			captures+=("$TAP_PID $pcap")
		done
	done
	for capture in "${captures[@]}"; do
		tap_wait_until grep -q '^tcpdump: listening on' "$TAP_TMP/${capture##*/}.err" ||
			tap_bail 'tcpdump starts' "$(<"$TAP_TMP/${capture##*/}.err")"
	done
}

# Sets captures_bad to what is missing.
stop_captures()
{
	local capture
	captures_bad=
	for capture in "${captures[@]}"; do
		tap_wait_until grep -q harpedia "${capture#* }" ||
			captures_bad+="${capture##*/} has no mark "
	done
	for capture in "${captures[@]}"; do
		tap_stop "${capture%% *}" INT
		grep -q '^0 packets dropped by kernel' "$TAP_TMP/${capture##*/}.err" ||
			captures_bad+="${capture##*/}: $(<"$TAP_TMP/${capture##*/}.err") "
	done
}

# compare_captures [WHAT]: all was captured, and trace says the same
compare_captures()
{
	local what=${1:+$1: }
	[[ -z $captures_bad ]] || echo 'tcpdump lost packets' >>"$K_LOST"
	tap_is "${what}tcpdump captured everything" "$captures_bad" ''
	tap_check "${what}each namespace, device and direction: the same packets" \
		"$PYTHON" -IS tests/kernel/witness.py devices "$K_JSON" "$TAP_TMP"
	tap_diag "$("$PYTHON" -IS tests/kernel/witness.py devices "$K_JSON" "$TAP_TMP" | tail -n 1)"
}
