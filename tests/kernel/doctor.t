#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# trace doctor: what it finds on this machine agrees with the machine, with what `trace` can do
# here, and with itself; it says so to an ordinary user and without BTF too, and leaves nothing.
set -u
# shellcheck source-path=SCRIPTDIR source=../lib/tap.sh disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/../lib/tap.sh"
tap_need_program ./trace

# json FILE EXPRESSION: a Python expression about the findings `d`, printed.
json()
{
	python3 -c 'import json, sys
with open(sys.argv[1]) as f: d = json.load(f)
print(eval(sys.argv[2]))' "$@"
}

# json_is NAME FILE EXPRESSION WANTED
json_is()
{
	tap_is "$1" "$(json "$2" "$3" 2>&1)" "$4"
}

# Whom another test runs as: nobody, without any capability.
ordinary=()
if ((UID == 0)); then
	ordinary=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all)
fi

# The same findings twice: for people and for programs.
tap_run ./trace doctor
status=$TAP_STATUS text=$TAP_OUT
tap_is 'nothing on stderr' "$TAP_ERR" ''
tap_is 'no line is wider than 80 columns' "$(grep -E '.{81}' <<<"$text")" ''
tap_is 'plain ASCII' "$(LC_ALL=C grep -P '[^\x20-\x7e]' <<<"$text")" ''
all=$TAP_TMP/all.json
tap_run ./trace doctor --json
printf '%s\n' "$TAP_OUT" >"$all"
tap_is '--json exits alike' "$TAP_STATUS" "$status"
tap_is '--json: nothing on stderr' "$TAP_ERR" ''

# With itself
if ((status == 0)); then
	tap_like 'the first line: trace can work' "${text%%$'\n'*}" '^trace can work here'
	json_is 'it works, for no reason against it' "$all" '(d["works"], d["reason"])' '(True, None)'
	json_is 'no problem is fatal' "$all" '[p for p in d["problems"] if p["fatal"]]' '[]'
else
	tap_is 'exit status 1' "$status" 1
	tap_like 'the first line: trace cannot work, and why' "${text%%$'\n'*}" '^trace cannot work here: .'
	json_is 'it does not work, and why' "$all" '(d["works"], bool(d["reason"]))' '(False, True)'
fi
json_is 'each problem says what it is and what to do' "$all" \
	'[p for p in d["problems"] if not (p["about"] and p["what"] and p["remedy"])]' '[]'
json_is 'each probe says what its absence hides' "$all" \
	'[p["name"] for p in d["probes"] if not p["hides"]]' '[]'
json_is 'a probe works if it loads and attaches' "$all" \
	'[p["name"] for p in d["probes"] if p["works"] != (p["load"]["works"] and p["attach"]["works"])]' '[]'
json_is 'a stage is timed where its probe works' "$all" \
	'[s["name"] for s in d["stages"] if (s["way"] == "tracepoint")
	!= any(p["name"] == s["probe"] and p["works"] for p in d["probes"])]' '[]'
json_is 'the stages are those of the table' "$all" '[s["name"] for s in d["stages"]]' \
	"$(./trace stages --json | json /dev/stdin '[s["name"] for s in d]')"

# With the machine
json_is 'kernel release' "$all" 'd["release"]' "$(uname -r)"
json_is 'user' "$all" 'd["privileges"]["uid"]' "$(id -u)"
effective=$((0x$(awk '/^CapEff/ { print $2 }' /proc/self/status)))
json_is 'CAP_BPF' "$all" 'int(d["privileges"]["cap_bpf"])' $((effective >> 39 & 1))
json_is 'CAP_PERFMON' "$all" 'int(d["privileges"]["cap_perfmon"])' $((effective >> 38 & 1))
json_is 'CAP_SYS_ADMIN' "$all" 'int(d["privileges"]["cap_sys_admin"])' $((effective >> 21 & 1))
[[ -r /sys/kernel/btf/vmlinux ]] && btf=True || btf=False
json_is 'BTF' "$all" 'd["btf"]' "$btf"
grep -qE '^0*[1-9a-f]' /proc/kallsyms 2>/dev/null && names=True || names=False
json_is 'addresses of functions' "$all" 'd["kallsyms"]["works"]' "$names"
if [[ ! -e /sys/bus/event_source/devices/kprobe ]]; then
	json_is 'no kprobes where the kernel has none' "$all" 'd["kprobe"]["works"]' False
fi

# With what trace can do here
tap_run ./trace -o "$TAP_TMP/trace.out" -- true
if ((status == 0)); then
	tap_is 'trace does work' "$TAP_STATUS" 0
else
	tap_is 'trace does not work' "$TAP_STATUS" 125
fi

# An ordinary user: what is missing, no crash, no noise
chmod 755 "$TAP_TMP"
cp trace "$TAP_TMP/trace"
user=$TAP_TMP/user.json
if "${ordinary[@]}" "$TAP_TMP/trace" stages >/dev/null 2>&1; then
	tap_run "${ordinary[@]}" "$TAP_TMP/trace" doctor --json
	printf '%s\n' "$TAP_OUT" >"$user"
	json_is 'an ordinary user has no CAP_BPF' "$user" 'd["privileges"]["cap_bpf"]' False
	tap_is 'an ordinary user: exit status 1' "$TAP_STATUS" 1
	tap_is 'an ordinary user: nothing on stderr' "$TAP_ERR" ''
	json_is 'an ordinary user: BPF was tried' "$user" 'd["program"]' \
		"{'tried': True, 'works': False, 'errno': 'EPERM', 'why': None}"
	tap_run "${ordinary[@]}" "$TAP_TMP/trace" doctor
	tap_like 'an ordinary user is told what is missing' "$TAP_OUT" \
		'^trace cannot work here: .*CAP_BPF and CAP_PERFMON are missing'
	tap_like 'an ordinary user is told what to do' "$TAP_OUT" 'to do: Run it as root'
else
	tap_skip 'an ordinary user' 'cannot run a program as user 65534 without capabilities'
fi

# Without BTF
hide_btf=(unshare -m -- sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$@"' sh)
if [[ $btf == True ]] && "${hide_btf[@]}" true 2>/dev/null; then
	tap_run "${hide_btf[@]}" ./trace doctor
	tap_is 'without BTF: exit status 1' "$TAP_STATUS" 1
	tap_is 'without BTF: nothing on stderr' "$TAP_ERR" ''
	if ((status == 0)); then
		tap_like 'without BTF: the first line says so' "${TAP_OUT%%$'\n'*}" \
			'^trace cannot work here: the kernel does not describe its types'
	fi
	tap_like 'without BTF: what to do' "$TAP_OUT" 'CONFIG_DEBUG_INFO_BTF'
else
	tap_skip 'without BTF' 'cannot hide /sys/kernel/btf in a mount namespace of its own (CAP_SYS_ADMIN)'
fi

# Nothing stays: the kernel frees programs a moment after their last descriptor.
# shellcheck disable=SC2317 # called through tap_wait_until
no_program()
{
	local list
	list=$(bpftool prog show 2>/dev/null) && ! grep -q 'name hs_doctor ' <<<"$list"
}
if [[ $(json "$all" 'd["program"]["works"]') == True ]] && bpftool prog show >/dev/null 2>&1; then
	tap_check 'no program of the doctor stays loaded' tap_wait_until no_program
else
	tap_skip 'no program of the doctor stays loaded' 'bpftool cannot list programs (CAP_SYS_ADMIN)'
fi

# Fast: the best of five, others may be busy; and where all else may take longer, it may (TAP_LIMIT, in VMs)
limit=$((TAP_LIMIT > 30 ? TAP_LIMIT / 4 : 5))
best=999999999
for _ in 1 2 3 4 5; do
	start=${EPOCHREALTIME/[.,]/}
	./trace doctor >/dev/null 2>&1
	took=$((${EPOCHREALTIME/[.,]/} - start))
	((took >= best)) || best=$took
	((best >= limit * 1000000)) || break
done
tap_check "takes less than $limit s, on a busy machine too" test "$best" -lt $((limit * 1000000))

# Usage
tap_run ./trace doctor --help
tap_is '--help exits 0' "$TAP_STATUS" 0
tap_like '--help explains' "$TAP_OUT" '^usage: trace doctor'
tap_run ./trace doctor nonsense
tap_is 'an argument is refused' "$TAP_STATUS" 2
tap_like 'and named' "$TAP_ERR" "no argument 'nonsense'"
./trace doctor >/dev/full 2>"$TAP_TMP/full"
tap_is 'a full disk is an error' "$?" 1
tap_like 'and told' "$(<"$TAP_TMP/full")" 'cannot write the findings'
tap_done
