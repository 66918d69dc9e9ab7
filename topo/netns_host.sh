#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# A namespace and a host, joined by one link: for following a packet from a process in a namespace
# to a socket on the host.
#
#	myns                    myhost
#	veth1 ----------------- veth0
#	10.0.0.1/24             10.0.0.2/24
#	fd00::1/64              fd00::2/64
#
# The host is a namespace too, so that the lab cannot disturb anything. With --real-host veth0 is in
# the network of this machine itself, if nothing there uses these addresses.
#
# Try: sudo topo/netns_host.sh up
#      sudo ip netns exec myns ping 10.0.0.2
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

topo_namespace myhost host
topo_namespace myns

topo_link myns veth1 myhost veth0

topo_address myhost veth0 10.0.0.2/24 fd00::2/64
topo_address myns veth1 10.0.0.1/24 fd00::1/64

topo_main "$@"
