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

# Or, in any topology, and of every packet (foreign_*.t):
#
#	witness_of PLACE=PLACE...	the two ends of each link: client/veth_c=router/veth_r_c
#	witness_also PLACE...		other devices, that packets only enter
#	whole_begin; whole_end WHAT	around traffic: traces and captures it
#
# What is compared lies between two marks. The script says how a mark is sent over each device, both ways:
#
#	whole_mark()			{ mark_by client "$1" 10.0.2.2; }

witness_places=(client1/lo client1/veth_c1 server/lo server/veth_srv_c1 server/veth_srv_c2 client2/lo client2/veth_c2)
witness_links=()
witness_in=(lo)           # devices that are captured as packets come in only
witness_filter='ip or ip6'

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
	# What an earlier tcpdump said must not pass for what this one says.
	rm -f -- "$TAP_TMP"/*.pcap "$TAP_TMP"/*.pcap.err
	for place in "${witness_places[@]}"; do
		dev=${place#*/}
		for direction in in out; do
			# libpcap shows what passes lo only once, as it comes in
			[[ $direction != out || " ${witness_in[*]} " != *" $dev "* ]] || continue
			pcap=$TAP_TMP/ns_${place%/*}.$dev.$direction.pcap
			tap_background "${pcap##*/}" ip netns exec "${TOPO_PREFIX}ns_${place%/*}" \
				tcpdump -i "$dev" -Q "$direction" -n -p -s 2048 -B 8192 -U \
				--immediate-mode -w "$pcap" "$witness_filter"
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

witness_of()
{
	local link place who
	witness_links=("$@")
	witness_places=()
	witness_filter=
	for link; do
		for place in "${link%=*}" "${link#*=}"; do
			who=${place%/*}
			[[ " ${witness_places[*]-} " == *" $who/lo "* ]] || witness_places+=("$who/lo")
			witness_places+=("$place")
		done
	done
}

witness_also()
{
	local place
	for place; do
		witness_places+=("$place")
		witness_in+=("${place#*/}")
	done
}

# The namespaces of the places, each once.
witness_who()
{
	local place
	for place in "${witness_places[@]}"; do
		[[ $place != */lo ]] || echo "${place%/*}"
	done
}

# What witness.py needs to know of the topology.
witness_describe()
{
	local link who
	for link in "${witness_links[@]}"; do
		echo "ns_${link%=*} ns_${link#*=}"
	done >"$TAP_TMP/links"
	for who in $(witness_who); do
		k_netns "$who"
		ip -n "$K_NETNS" -o address show | awk -v ns="ns_$who" '{ sub("/.*", "", $4); print ns, $4 }'
	done | grep -v -e ' 127\.' -e ' ::1$' >"$TAP_TMP/addresses"
}

# mark_by WHO N ADDRESS [OPTION...]: mark N, 1 the first, 2 the last; witness.py knows them by their length.
mark_by()
{
	quiet "$1" ping -n -c 1 -s "100$2" -p "6861727065646d3$2" "${@:4}" "$3"
}

mark_all()
{
	local who
	whole_mark "$1"
	for who in $(witness_who); do
		mark_by "$who" "$1" 127.0.0.1
	done
}

are_marked()
{
	local capture
	for capture in "${captures[@]}"; do
		grep -q harpedm2 "${capture#* }" || return
	done
}

whole_begin()
{
	local who options=()
	for who in $(witness_who); do
		k_netns "$who"
		options+=(-n "$K_NETNS")
	done
	witness_describe
	k_start --all "${options[@]}"
	start_captures
	mark_all 1
}

# whole_end WHAT
whole_end()
{
	local capture bad=
	mark_all 2
	tap_wait_until are_marked || bad='a mark is missing '
	for capture in "${captures[@]}"; do
		tap_stop "${capture%% *}" INT
		grep -q '^0 packets dropped by kernel' "$TAP_TMP/${capture##*/}.err" ||
			bad+="${capture##*/}: $(<"$TAP_TMP/${capture##*/}.err") "
	done
	k_stop
	[[ -z $bad ]] || echo 'tcpdump lost packets' >>"$K_LOST"
	tap_is "$1: tcpdump captured everything" "$bad" ''
	k_sound "$1"
	tap_check "$1: each packet at each device is in one journey, which has a fate" \
		"$PYTHON" -IS tests/kernel/witness.py whole "$K_JSON" "$TAP_TMP"
	tap_diag "$1: $("$PYTHON" -IS tests/kernel/witness.py whole "$K_JSON" "$TAP_TMP" | tail -n 1)"
}
