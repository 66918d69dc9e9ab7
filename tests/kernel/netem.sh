#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# The client's part of o_netem.t, in its namespace: netem.sh ADDRESS DEV. Each step sends to a port of its own:
#	8080	no queueing discipline
#	8081	all are lost
#	8082	some are lost
#	8083	some are delayed, so others overtake them
#	8084	each is doubled
#	8085	delayed for longer than the client waits
set -u
address=$1
dev=$2

discipline()
{
	tc qdisc del dev "$dev" root 2>/dev/null
	[[ $1 == none ]] || tc qdisc add dev "$dev" root "$@" || exit 3
}

# dropped NAME: says how many packets the discipline has dropped
dropped()
{
	tc -s qdisc show dev "$dev" root | sed -nE "s/.*\(dropped ([0-9]+),.*/$1 \1/p"
}

apps/time_client "$address" 8080
discipline netem loss 100%
apps/time_client -t 0.3 "$address" 8081
dropped all
discipline netem loss 40%
apps/time_burst_client -t 1 "$address" 8082 20
dropped some
discipline netem delay 300ms 50ms distribution normal reorder 50%
apps/time_burst_client -t 5 "$address" 8083 12
discipline netem duplicate 100%
apps/time_client "$address" 8084
discipline netem delay 2s
apps/time_client -t 0.3 "$address" 8085
discipline none
exit 0
