# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Queueing disciplines and filters of tc, for the tests about them; over lib.sh.

# q_need KIND: skips the script where that queueing discipline is not in this kernel. (It is tried in a
# namespace of its own; the module is loaded by that where there is one.)
q_need()
{
	local said
	# shellcheck disable=SC2016 # that shell expands it
	said=$(unshare -n sh -c 'tc qdisc add dev lo root "$@" 2>&1' sh "${@:2}") ||
		tap_skip_all "$1: sch_$1 is not in this kernel (${said##*Error: })"
}

# q_set WHO DEV QDISC...: the queueing discipline of that device from now on; none: as before
q_set()
{
	local dev=$2
	k_netns "$1"
	shift 2
	if [[ $1 == none ]]; then
		tc -n "$K_NETNS" qdisc del dev "$dev" root || tap_bail 'tc qdisc del'
	else
		tc -n "$K_NETNS" qdisc replace dev "$dev" root "$@" || tap_bail "tc qdisc replace: $*"
	fi
}

# q_dropped WHO DEV: prints how many packets the root discipline of that device has dropped
q_dropped()
{
	k_netns "$1"
	tc -n "$K_NETNS" -s qdisc show dev "$2" root | sed -nE 's/.*\(dropped ([0-9]+),.*/\1/p'
}

# q_counter WHO FILE PREFIX NAME: a counter of /proc/net/snmp, netstat (PREFIX Udp, IpExt) or snmp6 ('')
q_counter()
{
	k_in "$1" cat "/proc/net/$2" | "$PYTHON" -IS -c '
import sys
prefix, name = sys.argv[1:]
lines = [line.split() for line in sys.stdin]
if not prefix:
    print(dict(line for line in lines)[name])
else:
    names, values = [line for line in lines if line[0] == prefix + ":"]
    print(values[names.index(name)])' "$3" "$4"
}

# q_has_enqueue: does this kernel tell when a queueing discipline takes a packet (5.15 on)? q_has_reasons: and
# why a packet is dropped (5.17 on)?
q_has_enqueue()
{
	"$TRACE" stages 2>/dev/null | grep -q 'qdisc enqueue' && q_btf_has btf_trace_qdisc_enqueue
}

q_has_reasons()
{
	q_btf_has skb_drop_reason
}

q_btf_has()
{
	grep -qaF -- "$1" /sys/kernel/btf/vmlinux
}

# q_ids PORT: prints the journeys to that port that were dropped, as a sentence lists them: #1, #4 and #5
q_ids()
{
	"$PYTHON" -IS -c '
import json, sys
ids = sorted(r["id"] for r in map(json.loads, open(sys.argv[1]))
             if r["type"] == "journey" and r["fate"]["kind"] == "dropped"
             and r["packet"].get("dport") == int(sys.argv[2]))
names = [f"#{i}" for i in ids]
print(" and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])))' "$K_JSON" "$1"
}

# q_overtaking PORT: prints which datagrams to that port overtook which, by the order in which they were
# sent: "3>2 5>2"
q_overtaking()
{
	"$PYTHON" -IS -c '
import json, sys
found = [r for r in map(json.loads, open(sys.argv[1]))
         if r["type"] == "journey" and r["packet"].get("dport") == int(sys.argv[2])]
found.sort(key=lambda r: r["born"])
number = {r["id"]: i + 1 for i, r in enumerate(found)}
print(*sorted("%d>%d" % (number[r["id"]], number[o]) for r in found for o in r["queue"]["overtook"]))' \
		"$K_JSON" "$1"
}

# q_inversions LOG: the same, as time_server says in which order it received them
q_inversions()
{
	"$PYTHON" -IS -c '
import re, sys
order = [int(n) for n in re.findall(r"request (\d+)", open(sys.argv[1]).read())]
print(*sorted("%d>%d" % (a, b) for i, a in enumerate(order) for b in order[i + 1:] if a > b))' "$1"
}
