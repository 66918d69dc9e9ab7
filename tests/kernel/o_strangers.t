#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The kernel gives the memory of a closed socket to the next one. Another program's socket must not be
# taken for the followed one that was there before it.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v ping >/dev/null || tap_skip_all 'ping is not installed'
k_lab

# The stranger, in a namespace of its own; it ends with this script.
tap_background churn unshare -n sh -c 'ip link set lo up && exec "$@"' sh \
	"$PYTHON" -IS tests/kernel/peer.py churn 127.0.0.1 9 $((TAP_LIMIT * 10))
churn=$TAP_PID
for number in 1 2 3 4; do
	# ping opens and closes a UDP socket that sends nothing, then goes on for a while
	k_run client1 ping -n -c 3 -i 0.1 -W 5 10.0.1.1
	k_is "run $number: requests and answers" 6 type=journey packet.proto=ICMP 'fate.netns~^ns_'
	k_is "run $number: nothing of a stranger" 6 type=journey
done
tap_ended "$churn" && tap_fail 'the stranger ran all the time'

tap_done
