#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The client's part of o_police.t, in its namespace: police.sh ADDRESS DEV. Eight requests to each port:
#	8086, 8087	(policed by filters that stand already: on the way out, and on the way in)
#	8088		tbf, in whose queue all have room
#	8089		tbf, in whose queue few have
set -u
address=$1
dev=$2

apps/time_burst_client -t 0.5 "$address" 8086 8
apps/time_burst_client -t 0.5 "$address" 8087 8
tc qdisc add dev "$dev" root tbf rate 16kbit burst 200 latency 5s || exit 3
apps/time_burst_client -t 5 "$address" 8088 8
tc qdisc del dev "$dev" root
tc qdisc add dev "$dev" root tbf rate 8kbit burst 200 limit 200 || exit 3
apps/time_burst_client -t 1 "$address" 8089 8
tc -s qdisc show dev "$dev" root | sed -nE 's/.*\(dropped ([0-9]+),.*/full \1/p'
tc qdisc del dev "$dev" root
exit 0
