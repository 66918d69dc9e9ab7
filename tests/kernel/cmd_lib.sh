# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the tests of the command share. Sourced after tap.sh, by a script that runs in a network
# namespace of its own: what COMMAND sends over lo there is nobody else's.

: "${TRACE:=./trace}"
# Loading the probes takes its time on a busy machine, and more with sanitizers.
((TAP_LIMIT > 30)) || TAP_LIMIT=30
# shellcheck source-path=SCRIPTDIR source=../lib/python.sh disable=SC1091
. tests/lib/python.sh
# shellcheck source-path=SCRIPTDIR source=reasons.sh disable=SC1091
. tests/kernel/reasons.sh
# Why a packet to a closed port is dropped.
# shellcheck disable=SC2034 # the scripts that source this file read it
no_socket=$(k_reason NO_SOCKET)

cmd_begin()
{
	((EUID == 0)) || tap_skip_all 'not root: tracing needs it'
	tap_need_program "$TRACE" apps/time_client apps/time_server
	[[ -r /sys/kernel/btf/vmlinux ]] || tap_skip_all 'the kernel has no BTF'
	tap_run "$TRACE" -o /dev/null -- true
	[[ $TAP_STATUS == 0 ]] || tap_bail 'trace runs' "$TAP_ERR"
}

# cmd_json QUERY FILE: what cmd_json.py says of the JSON lines in FILE.
cmd_json()
{
	"$PYTHON" tests/kernel/cmd_json.py "$@"
}

# cmd_udp ...: see cmd_udp.py.
cmd_udp()
{
	"$PYTHON" tests/kernel/cmd_udp.py "$@"
}

# cmd_start NAME ARG...: `trace ARG...` as the leader of a process group of its own, which gets
# SIGINT as from a terminal. Output as tap_background keeps it. Sets TAP_PID.
cmd_start()
{
	local name=$1
	shift
	tap_background "$name" setsid env --default-signal=INT,QUIT "$TRACE" "$@"
}

# cmd_start_ready NAME ARG...: the same, and tracing has begun when it returns.
cmd_start_ready()
{
	local name=$1
	shift
	cmd_start "$name" --ready-fd 9 "$@" 9>"$TAP_TMP/$name.ready"
	tap_wait_until cmd_is_ready "$name" || tap_bail "$name: tracing begins" "$(<"$TAP_TMP/$name.err")"
}

cmd_is_ready()
{
	[[ -s $TAP_TMP/$1.ready ]] || tap_ended "$TAP_PID"
}

# cmd_bpf_ids PID: what the process has of BPF: "link 12", "prog 34", a line each.
cmd_bpf_ids()
{
	sed -nE 's/^(link|prog)_id:[[:space:]]*([0-9]+)$/\1 \2/p' "/proc/$1/fdinfo/"* 2>/dev/null | sort -u
}

# cmd_bpf_is_gone LINE...: none of these exists any more.
cmd_bpf_is_gone()
{
	local line
	for line; do
		if bpftool "${line% *}" show id "${line#* }" >/dev/null 2>&1; then
			return 1
		fi
	done
}

# cmd_ends_in_newline FILE: it has no half line.
cmd_ends_in_newline()
{
	[[ ! -s $1 || -z $(tail -c 1 "$1") ]]
}
