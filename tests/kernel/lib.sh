# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the kernel tests share, over tests/lib/tap.sh. A test asks for a copy of the lab of its own,
# traces something in it, and says what the JSON must hold (tests/kernel/expect.py has the language):
#
#	. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
#	k_lab
#	k_run client2 apps/time_client 10.0.2.1 8080
#	k_is 'dropped' 1 type=journey packet.dport=8080 fate.reason=NO_SOCKET
#	tap_done
#
# K_JSON	the output that k_is, k_get and k_sound look at: that of the last k_run or k_stop
# K_REC	the recording that k_expect looks at: of the same run
# PYTHON		python3, as python.sh finds it
# TRACE		the program under test; may be set from outside

# The machine may be busy, and starting trace takes a second even when it is not.
: "${TAP_LIMIT:=60}"
: "${TRACE:=./trace}"
# shellcheck source=../lib/tap.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/tap.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/python.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib/python.sh"
# shellcheck source-path=SCRIPTDIR source=reasons.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/reasons.sh"

k_runs=0
k_keyboards=()
K_JSON=/dev/null
K_REC=/dev/null

# k_need: skips the script where nothing of this can work.
k_need()
{
	((EUID == 0)) || tap_skip_all 'not root: tracing and network namespaces need it'
	[[ -e /sys/kernel/btf/vmlinux ]] || tap_skip_all 'this kernel has no BTF'
	unshare -n true 2>/dev/null || tap_skip_all 'network namespaces cannot be made'
	[[ -n $PYTHON ]] || tap_skip_all 'python3 is not installed'
	tap_need_program "$TRACE" apps/time_client
	k_need_backend "${HOPSCOPE_BACKEND:-auto}"
}

# k_need_backend NAME: skips the script where the kernel does not grant it; the words are the doctor's.
k_need_backend()
{
	local doctor backends=("$PYTHON" -IS tests/kernel/backends.py)
	[[ $1 != auto && $1 != tracepoint ]] || return 0
	doctor=$("$TRACE" doctor --json)
	"${backends[@]}" granted <(echo "$doctor") | grep -qx "$1" ||
		tap_skip_all "this kernel does not grant $1 ($("${backends[@]}" refused <(echo "$doctor")))"
}

# k_need_reasons: skips the script where the kernel gives none; the words are the doctor's.
k_need_reasons()
{
	k_has_reasons ||
		tap_skip_all 'the kernel does not say why it drops a packet (before Linux 5.17)'
}

# k_need_drop_socket: skips the script where nothing tells which socket a dropped packet was for.
k_need_drop_socket()
{
	k_has_drop_socket || [[ $(k_way SOCK_BUFFER) == function ]] ||
		tap_skip_all 'the kernel does not say whose buffer is full (before Linux 6.11), and its functions are not probed'
}

# k_reset_reason REASON: prints it where the kernel says why it sends an RST (tcp_send_reset, since Linux 6.10).
k_reset_reason()
{
	! grep -qa sk_rst_reason /sys/kernel/btf/vmlinux || echo "$1"
}

# k_way STAGE: prints by what it is seen: "function", "tracepoint", as the doctor says. A backend that is forced
# takes the place of another one on functions, or of all of them.
k_way()
{
	if [[ ${HOPSCOPE_BACKEND:-auto} == tracepoint ]]; then
		echo tracepoint
	else
		"$TRACE" doctor --json | "$PYTHON" -c '
import json, sys
print(*[s["way"] for s in json.load(sys.stdin)["stages"] if s["name"] == sys.argv[1]])' "$1"
	fi
}

# A flood anywhere on the machine (another test, another program) may cost trace events, and some kernels run no
# probe in some softirqs. What fails then proves nothing, so the script is run again; K_LOST is the file that says why.
# Where a probe can be preempted, no attempt may be without losses, and that is the reason to skip it.
k_attempts()
{
	local attempt begun status limit=${TAP_TEST_LIMIT:-600}
	[[ -z ${K_LOST-} ]] || return 0 # this is an attempt
	export K_LOST=$TAP_TMP/lost
	for attempt in 1 2 3 4 5; do
		rm -f -- "$K_LOST"
		begun=$SECONDS
		# shellcheck disable=SC2154 # tap.sh's: the running script
		tap_background attempt bash "$tap_script"
		wait "$TAP_PID"
		status=$?
		[[ $status != 0 && -e $K_LOST ]] || break
		tap_diag "attempt $attempt is inconclusive: $(<"$K_LOST")"
		((2 * SECONDS - begun < limit * 9 / 10)) || break # not enough time for another one
	done
	cat -- "$TAP_TMP/attempt.err" >&2
	if [[ $status != 0 && -e $K_LOST ]] && k_is_preempted; then
		tap_skip_all 'events were skipped in each attempt: probes can be preempted (since Linux 7.0)'
	fi
	cat -- "$TAP_TMP/attempt.out"
	tap_is_done=1
	exit "$status"
}

# k_is_preempted: whether probes can be, as the doctor says.
k_is_preempted()
{
	"$TRACE" doctor --json | grep -q '"probes_preempted":true'
}

# k_topo NAME: a copy of that topology of this script's own.
k_topo()
{
	k_need
	k_attempts
	export TOPO_PREFIX=k$$_
	tap_defer "topo/$1.sh" down
	tap_run "topo/$1.sh" up
	((TAP_STATUS == 0)) || tap_bail 'the lab cannot be set up' "$TAP_ERR"
}

# k_lab: a copy of two_clients of this script's own. Its neighbours are known for good, so that no
# ARP or ND comes between. k_lab_cold leaves that to the kernel.
k_lab()
{
	k_lab_cold
	k_neighbours
}

k_lab_cold()
{
	k_topo two_clients
}

# k_host: the same of netns_host, whose namespaces are myns and myhost.
k_host()
{
	k_topo netns_host
	k_neighbour myns veth1 myhost veth0 10.0.0.2 fd00::2
	k_neighbour myhost veth0 myns veth1 10.0.0.1 fd00::1
}

# k_crowd: a copy of bridge, with a third one, ns_third, at another port, so that the bridge has to clone what
# goes to all; few local ports, so that connections have the same endpoints again and again. What
# tests/kernel/traffic.py needs: k_traffic SECONDS ROUNDS PROCESSES starts it, its process is TRAFFIC, and writes
# to TRAFFIC_OUT; it waits for k_go.
k_crowd()
{
	local third=ns_third bridge=ns_bridge
	k_topo bridge
	third=$TOPO_PREFIX$third bridge=$TOPO_PREFIX$bridge
	tap_defer ip netns del "$third"
	if ! { ip netns add "$third" && ip -n "$third" link set lo up &&
		ip link add veth_t netns "$third" type veth peer name veth_br_t netns "$bridge" &&
		k_setting "$third" ipv6/conf/veth_t/accept_dad 0 &&
		ip -n "$bridge" link set br0 type bridge mcast_snooping 0 &&
		ip -n "$bridge" link set veth_br_t master br0 up && ip -n "$third" link set veth_t up &&
		ip -n "$third" address add 10.0.1.3/24 dev veth_t &&
		ip -n "$third" address add fd00:0:0:1::3/64 dev veth_t nodad &&
		k_setting "${TOPO_PREFIX}ns_client" ipv4/ip_local_port_range '40000 40127' &&
		k_setting "${TOPO_PREFIX}ns_client" ipv4/tcp_tw_reuse 1 &&
		k_setting "${TOPO_PREFIX}ns_server" ipv4/icmp_ratelimit 0; }; then
		tap_bail 'the lab cannot be set up'
	fi
	tap_wait_until k_third_is_up "$third" "$bridge" || tap_bail 'ns_third can be reached'
	k_neighbour client veth_c server veth_s 10.0.1.1 fd00:0:0:1::1
	k_neighbour server veth_s client veth_c 10.0.1.2 fd00:0:0:1::2
}

# k_setting NETNS NAME VALUE: of /proc/sys/net there
k_setting()
{
	# shellcheck disable=SC2016 # an inner shell expands
	ip netns exec "$1" sh -c 'echo "$2" >"/proc/sys/net/$1"' sh "$2" "$3"
}

# The port forwards, and IPv6 has come up: it drops what is multicast before that.
k_third_is_up()
{
	[[ $(bridge -n "$2" link show dev veth_br_t) == *'state forwarding'* &&
		-n $(ip -n "$1" -6 route show table local type multicast dev veth_t) ]]
}

# shellcheck disable=SC2034 # the scripts that source this file read them
k_traffic()
{
	local keys=$TAP_TMP/traffic.keys
	[[ -p $keys ]] || mkfifo "$keys"
	exec {k_traffic_keys}<>"$keys"
	tap_background traffic k_traffic_run "$keys" "$@"
	TRAFFIC=$TAP_PID
	TRAFFIC_OUT=$TAP_TMP/traffic.out
	tap_wait_until k_has_said traffic '^ready$' || tap_bail 'the traffic is ready' "$(<"$TAP_TMP/traffic.err")"
}

k_traffic_run()
{
	local keys=$1
	shift
	exec "$PYTHON" -IS tests/kernel/traffic.py "$TOPO_PREFIX" "$@" <"$keys"
}

k_go()
{
	echo >&"$k_traffic_keys"
}

k_neighbours()
{
	k_neighbour client1 veth_c1 server veth_srv_c1 10.0.1.1 fd00:0:0:1::1
	k_neighbour server veth_srv_c1 client1 veth_c1 10.0.1.2 fd00:0:0:1::2
	k_neighbour client2 veth_c2 server veth_srv_c2 10.0.2.1 fd00:0:0:2::1
	k_neighbour server veth_srv_c2 client2 veth_c2 10.0.2.2 fd00:0:0:2::2
}

# k_netns WHO: sets K_NETNS to the name of that namespace of the lab: client1 is ns_client1, and those
# of netns_host are called myns and myhost.
k_netns()
{
	case $1 in
	my*) K_NETNS=$TOPO_PREFIX$1 ;;
	*) K_NETNS=${TOPO_PREFIX}ns_$1 ;;
	esac
}

# k_neighbour WHERE DEV PEER PEERDEV ADDRESS...: as ND would learn it. What IPv6 has learned of the MTU of a path is
# forgotten within a minute when its gateway is not marked as a router (rt6_age_examine_exception(), net/ipv6/route.c).
k_neighbour()
{
	local where=$1 dev=$2 mac address marks=()
	mac=$(k_in "$3" cat "/sys/class/net/$4/address")
	[[ $(k_in "$3" sysctl -n net.ipv6.conf.all.forwarding) != 1 ]] || marks=(router)
	shift 4
	k_netns "$where"
	for address; do
		ip -n "$K_NETNS" neighbour replace "$address" dev "$dev" \
			lladdr "$mac" nud permanent "${marks[@]}" || tap_bail "neighbour $address in $K_NETNS"
	done
}

# k_in WHO COMMAND...: runs it in the namespace of that name (k_netns). The process is COMMAND's own.
k_in()
{
	k_netns "$1"
	shift
	ip netns exec "$K_NETNS" "$@"
}

# k_server WHO COMMAND...: a server there. Its process is K_SERVER, its output goes to K_LOG.
# shellcheck disable=SC2034 # the scripts that source this file read them
k_server()
{
	k_netns "$1"
	shift
	k_runs=$((k_runs + 1))
	tap_server "server$k_runs" ip netns exec "$K_NETNS" "$@"
	K_SERVER=$TAP_PID
	K_LOG=$TAP_TMP/server$k_runs.out
}

# k_player NAME WHO COMMAND...: a program there with a keyboard: what is written to the descriptor
# K_KEYS is typed, and the end of its input comes when that is closed (exec {K_KEYS}>&-; a copy keeps
# it open, and so does a trace that is started meanwhile). Its process is TAP_PID, its output goes to
# $TAP_TMP/NAME.out.
# shellcheck disable=SC2034 # the scripts that source this file read it
k_player()
{
	local name=$1
	k_netns "$2"
	shift 2
	mkfifo "$TAP_TMP/$name.keys"
	exec {K_KEYS}<>"$TAP_TMP/$name.keys"
	k_keyboards+=("$K_KEYS")
	tap_background "$name" k_player_run "$TAP_TMP/$name.keys" ip netns exec "$K_NETNS" "$@"
}

# k_says NAME REGEX [COUNT]: waits until COUNT (1) lines of that program's output match.
k_says()
{
	tap_wait_until k_has_said "$@"
}

k_has_said()
{
	(($(grep -cE -- "$2" "$TAP_TMP/$1.out") >= ${3-1}))
}

k_player_run()
{
	local keys=$1 fd
	shift
	exec <"$keys"
	for fd in "${k_keyboards[@]}"; do
		exec {fd}>&-
	done
	# A shell leaves it ignored to its children if it was started so.
	exec env --default-signal=PIPE "$@"
}

# k_run WHO COMMAND...: follows COMMAND, run in that namespace (WHO -: where the test is).
# k_run_with OPTION... -- COMMAND...: the same with options of trace.
k_run()
{
	local who=$1
	shift
	if [[ $who == - ]]; then
		k_run_with -- "$@"
	else
		k_netns "$who"
		k_run_with --in "$K_NETNS" -- "$@"
	fi
}

k_run_with()
{
	k_judge
	k_runs=$((k_runs + 1))
	K_JSON=$TAP_TMP/trace$k_runs.json
	K_REC=$TAP_TMP/trace$k_runs.rec
	tap_run "$TRACE" --json -o "$K_JSON" -w "$K_REC" "$@"
	k_note_losses "$K_JSON"
	if ((TAP_STATUS >= 124)); then
		tap_fail 'trace runs' "status $TAP_STATUS from: trace $*"$'\n'"$TAP_ERR"
	fi
}

# k_note_losses FILE: of that output
k_note_losses()
{
	! grep -q '"type":"loss"' "$1" || echo 'events were lost' >>"$K_LOST"
	! tail -n 1 -- "$1" | grep -q '"losses":{[^}]*"softirqs"' || echo 'softirqs were not seen' >>"$K_LOST"
}

# k_start OPTION...: traces in the background, until k_stop. Returns when tracing has begun. What a
# COMMAND among the options prints goes to K_OUT.
# shellcheck disable=SC2034 # the scripts that source this file read it
k_start()
{
	k_judge
	k_runs=$((k_runs + 1))
	k_json=$TAP_TMP/trace$k_runs.json
	k_ready=$TAP_TMP/ready$k_runs
	k_rec=$TAP_TMP/trace$k_runs.rec
	tap_defer k_note_losses "$k_json" # once it has ended, by k_stop or not
	tap_background "trace$k_runs" "$TRACE" --json -o "$k_json" -w "$k_rec" --ready-fd 9 "$@" 9>"$k_ready"
	k_pid=$TAP_PID
	K_OUT=$TAP_TMP/trace$k_runs.out
	tap_wait_until k_is_ready_or_ended
	[[ -s $k_ready ]] || tap_bail 'trace starts' "$*"$'\n'"$(<"$TAP_TMP/trace$k_runs.err")"
}

k_is_ready_or_ended()
{
	[[ -s $k_ready ]] || tap_ended "$k_pid"
}

# k_wait N COND...: until the running trace has told of N records that match. When they do not come, says what came.
k_wait()
{
	tap_wait_until k_ask "$k_json" is "$@" && return
	tap_diag "$(k_ask "$k_json" is "$@")"
	tap_diag 'so far:' "$("$TRACE" read -v "$k_rec" 2>&1 | tail -n 40)"
	return 1
}

# k_stop: ends what k_start began; the output has all that happened before. k_stop_command: the same
# where there is a COMMAND, to which trace passes SIGTERM on.
k_stop()
{
	k_end INT
}

k_stop_command()
{
	k_end TERM
}

k_end()
{
	local status
	tap_stop "$k_pid" "$1"
	status=$?
	K_JSON=$k_json
	K_REC=$k_rec
	((status == 0)) || tap_fail 'trace ends well' "status $status"
}

# k_judge: starts what answers k_ask: Python takes a second to start on a slow machine, and is asked often.
k_judge()
{
	[[ -z ${k_question-} ]] || return 0
	mkfifo "$TAP_TMP/questions" "$TAP_TMP/answers"
	exec {k_question}<>"$TAP_TMP/questions" {k_answer}<>"$TAP_TMP/answers"
	tap_background judge "$PYTHON" -IS tests/kernel/expect.py serve "$TAP_TMP/questions" "$TAP_TMP/answers"
}

# k_ask FILE COMMAND...: what tests/kernel/expect.py says of it; its exit status.
k_ask()
{
	local status text
	printf '%s\0' "$#" "$@" >&"$k_question"
	if ! IFS= read -r -d '' -t "$TAP_LIMIT" status <&"$k_answer" ||
		! IFS= read -r -d '' -t "$TAP_LIMIT" text <&"$k_answer"; then
		echo "no answer within $TAP_LIMIT s to: $*"
		cat -- "$TAP_TMP/judge.err"
		return 2
	fi
	[[ -z $text ]] || printf '%s\n' "$text"
	return "$status"
}

# k_expect NAME TEXT: the steps of TEXT (trace --expect help) hold in that recording. Names of namespaces
# have the lab's prefix: netns=${TOPO_PREFIX}ns_server.
k_expect()
{
	tap_run "$TRACE" read -q "$K_REC" --expect "$2"
	((TAP_STATUS != 4)) || echo "${TAP_ERR%%$'\n'*}" >>"$K_LOST"
	if ((TAP_STATUS == 0)); then
		tap_pass "$1"
	else
		tap_fail "$1" "status $TAP_STATUS"$'\n'"$TAP_ERR"
	fi
}

# k_is NAME N COND...: N records match ("1+": one or more).
k_is()
{
	local name=$1
	shift
	tap_check "$name" k_ask "$K_JSON" is "$@"
}

# k_get PATH COND...: prints that of the one record that matches. k_first: of the first one.
k_get()
{
	k_ask "$K_JSON" get "$@"
}

k_first()
{
	k_ask "$K_JSON" first "$@"
}

# k_number COND...: prints how many records match.
k_number()
{
	k_ask "$K_JSON" number "$@"
}

# k_sound NAME: nothing lost, nothing unknown, nothing that contradicts itself. A packet without a birth
# or an arrival, though nothing was lost, is a time in which the kernel's tracepoints were silent (seen
# for 3 ms on a busy virtual machine): such a run proves nothing either, and is repeated.
k_sound()
{
	local output
	if output=$(k_ask "$K_JSON" sound 2>&1); then
		tap_pass "$1: complete and consistent"
		return
	fi
	[[ $output != *incomplete:* ]] || echo "$output" >>"$K_LOST"
	tap_fail "$1: complete and consistent" "$output"
}
