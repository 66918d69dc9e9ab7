# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Topologies of network namespaces. A topology script describes its parts with
#
#	topo_namespace NAME [router|switch|host]	a namespace; a router forwards IPv4 and IPv6; a
#						switch has no IPv6 of its own; for a host see below
#	topo_link NS DEV NS DEV			a veth pair between two namespaces, the host named last
#	topo_device NS DEV WORD...		a device that `ip link add DEV WORD...` makes there, when
#						there are links: a bridge, VLAN or tunnel
#	topo_port NS DEV BRIDGE			makes that device a port of a bridge
#	topo_address NS DEV ADDRESS/LENGTH...	addresses of a device, written as ip prints them
#	topo_gateway NS ADDRESS...		default gateways, one for each IP version
#	topo_route NS WORD...			another route, written as ip prints it
#	topo_mpls NS DEV...			takes packets with labels from these devices
#	topo_mpls_route NS LABEL WORD...	where those with LABEL go, written as ip prints it
#	topo_nft NS TEXT			rules, written as nft prints them
#
# and ends with `topo_main "$@"`, which does what the command line says: up, down or status.
#
# TOPO_PREFIX in the environment goes before the name of each namespace, so that several copies can
# stand side by side. Devices keep their names: they only ever exist inside the namespaces.
#
# `up --real-host` puts the network of this machine itself (or of whoever runs the script) in the
# place of the host. There the script makes its devices and nothing else: no setting of the machine
# is changed, no route to others taken over. An alias on the devices tells that they are ours.

topo_script=$0
topo_name=$(basename -- "$0" .sh)

# The description. Keys name namespaces without the prefix.
topo_namespaces=()      # NAME
declare -A topo_router  # [NAME]=1
topo_host=              # NAME
topo_devices=()         # "NAME DEV"
declare -A topo_peer    # ["NAME DEV"]="NAME DEV", both ways
topo_links=()           # "NAME DEV NAME DEV"
declare -A topo_switch  # [NAME]=1
declare -A topo_kind    # ["NAME DEV"]="WORD...", of those that are no end of a link
declare -A topo_bridge  # ["NAME DEV"]=BRIDGE
declare -A topo_address # ["NAME DEV"]="ADDRESS/LENGTH..."
declare -A topo_gateway # [NAME]="ADDRESS..."
declare -A topo_routes  # [NAME]="ROUTE" lines
declare -A topo_labels  # [NAME]="ROUTE" lines, of MPLS
declare -A topo_late    # [NAME]="SETTING=VALUE..." under /proc/sys/net, once there are devices
declare -A topo_rules   # [NAME]=TEXT
topo_needs=()           # what the kernel must have, see topo_try

topo_real= # not empty: the lab that is up, or will be, has the real host in it

topo_namespace()
{
	topo_namespaces+=("$1")
	[[ ${2-} != router ]] || topo_router[$1]=1
	[[ ${2-} != switch ]] || topo_switch[$1]=1
	[[ ${2-} != host ]] || topo_host=$1
}

topo_link()
{
	topo_devices+=("$1 $2" "$3 $4")
	topo_peer["$1 $2"]="$3 $4"
	topo_peer["$3 $4"]="$1 $2"
	topo_links+=("$*")
}

topo_device()
{
	topo_devices+=("$1 $2")
	topo_kind["$1 $2"]=${*:3}
	[[ ! " ${*:3} " =~ ' type '([a-z0-9]+) ]] || topo_need "${BASH_REMATCH[1]}"
}

topo_port()
{
	topo_bridge["$1 $2"]=$3
}

topo_address()
{
	local key="$1 $2"
	shift 2
	topo_address[$key]=$*
}

topo_gateway()
{
	local name=$1
	shift
	topo_gateway[$name]=$*
}

topo_route()
{
	topo_routes[$1]+=${*:2}$'\n'
	[[ " ${*:2} " != *' encap mpls '* ]] || topo_need mpls
}

topo_mpls()
{
	local device
	topo_late[$1]+=' mpls/platform_labels=1024'
	for device in "${@:2}"; do
		topo_late[$1]+=" mpls/conf/$device/input=1"
	done
	topo_need mpls
}

topo_mpls_route()
{
	topo_labels[$1]+=${*:2}$'\n'
}

topo_nft()
{
	topo_rules[$1]+=$2$'\n'
	topo_need nft
}

topo_need()
{
	[[ " ${topo_needs[*]} " == *" $1 "* ]] || topo_needs+=("$1")
}

topo_error()
{
	printf '%s: %s\n' "$topo_name" "$*" >&2
}

# topo_cause TEXT: of what a program said when it failed, the line that says why; warnings may stand before it.
topo_cause()
{
	local line
	line=$(grep -v -m1 '^Warning: ' <<<"$1")
	topo_error "because: ${line:-${1%%$'\n'*}}"
}

# topo_is_real NAME: whether NAME stands for the real host, and not for a namespace.
topo_is_real()
{
	[[ -n $topo_real && $1 == "$topo_host" ]]
}

# topo_label NAME: what a person calls it.
topo_label()
{
	if topo_is_real "$1"; then
		echo 'this host'
	else
		echo "$TOPO_PREFIX$1"
	fi
}

# topo_ip NAME ARGUMENT...: runs ip in NAME.
topo_ip()
{
	local where=()
	topo_is_real "$1" || where=(-n "$TOPO_PREFIX$1")
	ip "${where[@]}" "${@:2}"
}

# topo_batch NAME [-M] LINE...: runs LINEs as ip commands in NAME, or outside of all namespaces for "";
# with -M their routes are those of MPLS. One process for all of them is several times faster than one each. A failure names the line that
# failed.
topo_batch()
{
	local where=() error number
	[[ -z $1 ]] || topo_is_real "$1" || where=(-n "$TOPO_PREFIX$1")
	shift
	if [[ ${1-} == -M ]]; then
		where+=(-M)
		shift
	fi
	error=$(printf '%s\n' "$@" | ip "${where[@]}" -batch - 2>&1 >/dev/null) && return 0
	if [[ $error =~ 'Command failed -:'([0-9]+) ]]; then
		number=${BASH_REMATCH[1]}
		set -- "${@:number:1}"
	fi
	# ip does not always tell the line; then they are all named.
	topo_error "up failed at: ip ${where[*]}${where[*]:+ }$(IFS=';' && echo "$*")"
	topo_cause "$error"
	return 1
}

# topo_write_sysctls NAME SETTING=VALUE...: settings under /proc/sys/net in NAME.
topo_write_sysctls()
{
	local where=() error
	topo_is_real "$1" || where=(ip netns exec "$TOPO_PREFIX$1")
	# shellcheck disable=SC2016 # $setting is the inner shell's
	error=$("${where[@]}" sh -c '
		cd /proc/sys/net || exit
		for setting; do
			echo "${setting#*=}" >"${setting%=*}" || exit
		done' sh "${@:2}" 2>&1) && return 0
	topo_error "up failed at: settings under /proc/sys/net in $(topo_label "$1")"
	topo_cause "$error"
	return 1
}

# A new namespace takes some settings from the host. Those that decide which packets pass are set,
# so that the lab behaves alike everywhere.
topo_set_sysctls()
{
	local forward=${topo_router[$1]-0} silent=${topo_switch[$1]-0}
	# accept_dad=0: no search for duplicates, which would leave addresses unusable for seconds.
	# accept_ra=0: nobody advertises routes here, so do not ask for them.
	topo_write_sysctls "$1" \
		ipv4/ip_forward="$forward" ipv6/conf/all/forwarding="$forward" \
		ipv4/conf/all/rp_filter=0 ipv4/conf/default/rp_filter=0 \
		ipv6/conf/all/disable_ipv6="$silent" ipv6/conf/default/disable_ipv6="$silent" \
		ipv6/conf/all/accept_dad=0 ipv6/conf/default/accept_dad=0 \
		ipv6/conf/default/accept_ra=0
}

# The real host's settings are its own; those of our device there are not.
topo_set_device_sysctls()
{
	topo_write_sysctls "$1" "ipv6/conf/$2/disable_ipv6=0" "ipv6/conf/$2/accept_dad=0" \
		"ipv6/conf/$2/accept_ra=0"
}

topo_create()
{
	local name device link peer address gateway words lines index=10

	lines=()
	for name in "${topo_namespaces[@]}"; do
		topo_is_real "$name" || lines+=("netns add $TOPO_PREFIX$name")
	done
	topo_batch '' "${lines[@]}" || return

	# Before there are devices: they take their settings from the defaults.
	for name in "${topo_namespaces[@]}"; do
		topo_is_real "$name" || topo_set_sysctls "$name" || return
	done

	# Both ends are born where they belong; nothing passes through the host's namespace. Interface
	# numbers differ throughout the lab: the kernel takes a veth whose peer has the same number in
	# another namespace for a device without a lower one, and may report its carrier a second late.
	# On the real host only the kernel knows which numbers are free. That one has no name; the
	# process id stands for it.
	for name in "${topo_namespaces[@]}"; do
		! topo_is_real "$name" || continue
		lines=('link set lo up')
		for link in "${topo_links[@]}"; do
			read -ra words <<<"$link"
			[[ ${words[0]} == "$name" ]] || continue
			peer="name ${words[3]} index $((index + 2)) netns $TOPO_PREFIX${words[2]}"
			! topo_is_real "${words[2]}" || peer="name ${words[3]} netns $$"
			lines+=("link add ${words[1]} index $((index + 1)) type veth peer $peer")
			index=$((index + 2))
		done
		topo_batch "$name" "${lines[@]}" || return
	done

	for device in "${topo_devices[@]}"; do
		topo_is_real "${device% *}" || continue
		topo_batch "${device% *}" "link set ${device#* } alias $(topo_alias)" || return
		topo_set_device_sysctls "${device% *}" "${device#* }" || return
	done

	for name in "${topo_namespaces[@]}"; do
		lines=()
		for device in "${topo_devices[@]}"; do
			[[ ${device% *} == "$name" && -n ${topo_kind[$device]-} ]] || continue
			index=$((index + 1))
			lines+=("link add ${device#* } index $index ${topo_kind[$device]}")
		done
		for device in "${topo_devices[@]}"; do
			[[ ${device% *} == "$name" && -n ${topo_bridge[$device]-} ]] || continue
			lines+=("link set ${device#* } master ${topo_bridge[$device]}")
		done
		for device in "${topo_devices[@]}"; do
			[[ ${device% *} == "$name" ]] || continue
			for address in ${topo_address[$device]-}; do
				lines+=("address add $address dev ${device#* }")
			done
			lines+=("link set ${device#* } up")
		done
		for gateway in ${topo_gateway[$name]-}; do
			lines+=("route add default via $gateway")
		done
		mapfile -t words < <(printf %s "${topo_routes[$name]-}")
		topo_batch "$name" "${lines[@]}" "${words[@]/#/route add }" || return

		[[ -z ${topo_rules[$name]-} ]] || topo_load_rules "$name" || return
		read -ra words <<<"${topo_late[$name]-}"
		((${#words[@]} == 0)) || topo_write_sysctls "$name" "${words[@]}" || return
		mapfile -t words < <(printf %s "${topo_labels[$name]-}")
		((${#words[@]} == 0)) || topo_batch "$name" -M "${words[@]/#/route add }" || return
	done

	topo_wait_complete
}

topo_load_rules()
{
	local error
	error=$(ip netns exec "$TOPO_PREFIX$1" nft -f - <<<"${topo_rules[$1]}" 2>&1) && return 0
	topo_error "up failed at: nft rules in $(topo_label "$1")"
	topo_cause "$error"
	return 1
}

# topo_try_ends TYPE: two addresses that a tunnel of that type may go between.
topo_try_ends()
{
	if [[ $1 == ip6tnl ]]; then
		echo '2001:db8::1 remote 2001:db8::2'
	else
		echo '192.0.2.1 remote 192.0.2.2'
	fi
}

# topo_try WHAT: succeeds where the kernel has WHAT, after loading its modules. Makes things, so it is
# run in a namespace that nobody keeps. Sets need to the words for it.
topo_try()
{
	case $1 in
	bridge)
		need='bridges (CONFIG_BRIDGE), nor the module bridge'
		set -- 'ip link add try0 type bridge'
		;;
	vlan)
		need='VLAN devices (CONFIG_VLAN_8021Q), nor the module 8021q'
		set -- 'ip link add try0 type veth && ip link add try1 link try0 type vlan id 1'
		;;
	vxlan)
		need='VXLAN devices (CONFIG_VXLAN), nor the module vxlan'
		set -- 'ip link add try0 type vxlan id 1 dstport 4789'
		;;
	ipip | sit | gre | gretap | ip6tnl)
		need="tunnels of type $1 (CONFIG_NET_IPIP, IPV6_SIT, NET_IPGRE or IPV6_TUNNEL), nor the module"
		set -- "ip link add try0 type $1 local $(topo_try_ends "$1")"
		;;
	mpls)
		# The route brings both modules. Writing it needs a device that is up.
		need='MPLS (CONFIG_MPLS_ROUTING, CONFIG_MPLS_IPTUNNEL), nor the modules mpls_router and mpls_iptunnel'
		set -- 'ip link set lo up && ip route add 192.0.2.0/24 encap mpls 16 dev lo &&
			test -e /proc/sys/net/mpls/platform_labels'
		;;
	nft)
		need='NAT by nf_tables (CONFIG_NFT_NAT, CONFIG_NFT_MASQ), nor the modules nft_chain_nat and nft_masq'
		set -- 'printf "%s\n" "add table inet try" \
				"add chain inet try out { type nat hook postrouting priority srcnat; }" \
				"add rule inet try out masquerade" | nft -f -'
		;;
	esac
	unshare -n sh -c "$1" >/dev/null 2>&1
}

# Before anything is made: has the kernel what this is about?
topo_check_kernel()
{
	local what need
	# Who may not make a namespace learns that from the first step.
	unshare -n true 2>/dev/null || return 0
	for what in "${topo_needs[@]}"; do
		topo_try "$what" && continue
		topo_error "this kernel ($(uname -r)) has no $need:" \
			"'make vm KERNEL=6.12' gives a shell under one that has"
		return 1
	done
}

# The carrier of a new veth pair is reported by a kernel worker, and IPv6 waits for that.
topo_wait_complete()
{
	local missing deadline=$((SECONDS + 5))
	while missing=$(topo_all_missing) && [[ -n $missing ]]; do
		if ((SECONDS > deadline)); then
			topo_error "up failed at: waiting for the lab to be complete"
			topo_error "because this is missing: ${missing//$'\n'/, }"
			return 1
		fi
		sleep 0.02
	done
}

# The alias of our devices on the real host.
topo_alias()
{
	echo "hopscope:$topo_name:$TOPO_PREFIX"
}

# Names of our devices on the real host. Another device of such a name does not count.
topo_host_devices()
{
	local device
	for device in "${topo_devices[@]}"; do
		[[ ${device% *} == "$topo_host" ]] || continue
		[[ ! "$(ip -o link show dev "${device#* }" 2>/dev/null) " =~ \ alias\ "$(topo_alias)"[\\\ ] ]] ||
			printf '%s\n' "${device#* }"
	done
}

# Names of those namespaces of this topology that exist.
topo_existing()
{
	local name
	for name in "${topo_namespaces[@]}"; do
		if topo_is_real "$name"; then
			[[ -z $(topo_host_devices) ]] || printf '%s\n' "$name"
		else
			[[ ! -e /run/netns/$TOPO_PREFIX$name ]] || printf '%s\n' "$name"
		fi
	done
}

# Is there a place for the lab in the real host's network? A route that overlaps and a device of the
# same name are somebody's. A default route overlaps with nothing: it is for what is left over.
topo_check_host()
{
	local device address version routes first
	for device in "${topo_devices[@]}"; do
		[[ ${device% *} == "$topo_host" ]] || continue
		for address in ${topo_address[$device]-}; do
			version=-4
			[[ $address != *:* ]] || version=-6
			# Those inside of this network, and those that contain it.
			routes=$(ip "$version" route show table all root "$address" &&
				ip "$version" route show table all match "$address") || return
			routes=$(grep -vE '(^| )default( |$)' <<<"$routes")
			[[ -n $routes ]] || continue
			read -r first <<<"$routes"
			topo_error "up failed at: $address on ${device#* } of this host"
			topo_error "because: this host has a route that overlaps: $first"
			return 1
		done
		if ip link show dev "${device#* }" >/dev/null 2>&1; then
			topo_error "up failed at: ${device#* } of this host"
			topo_error "because: this host has a device of that name already"
			return 1
		fi
	done
}

# topo_missing NAME: one line for each thing that the namespace lacks. Needs no other state than
# the kernel's, so what somebody changed by hand is noticed too.
topo_missing()
{
	local ns links routes device address gateway line bridge setting
	ns=$(topo_label "$1")
	# Without addresses that IPv6 cannot use yet.
	if ! links=$(topo_ip "$1" -br address show -tentative 2>/dev/null); then
		echo "namespace $ns"
		return
	fi
	routes=$(topo_ip "$1" -4 route show default; topo_ip "$1" -6 route show default)

	topo_line_of lo "$links"
	topo_is_real "$1" || [[ $line == 'lo UNKNOWN '* ]] || echo "$ns: lo up"
	for device in "${topo_devices[@]}"; do
		[[ ${device% *} == "$1" ]] || continue
		topo_line_of "${device#* }" "$links"
		# Of a tunnel the kernel does not know whether anybody is at its other end.
		[[ $line == *' UP '* || -n ${topo_kind[$device]-} && $line == *' UNKNOWN '* ]] ||
			echo "$ns: ${device#* } up"
		for address in ${topo_address[$device]-}; do
			[[ $line == *" $address "* ]] || echo "$ns: $address on ${device#* }"
		done
	done
	for gateway in ${topo_gateway[$1]-}; do
		[[ $routes == *"default via $gateway "* ]] || echo "$ns: default route via $gateway"
	done
	if [[ -n ${topo_router[$1]-} && $(ip netns exec "$ns" cat /proc/sys/net/ipv4/ip_forward \
		/proc/sys/net/ipv6/conf/all/forwarding) != 1$'\n'1 ]]; then
		echo "$ns: forwarding of IPv4 and IPv6"
	fi
	for device in "${topo_devices[@]}"; do
		bridge=${topo_bridge[$device]-}
		[[ ${device% *} == "$1" && -n $bridge ]] || continue
		[[ "$(topo_ip "$1" -d -o link show dev "${device#* }" 2>/dev/null) " == \
			*" master $bridge "*'bridge_slave state forwarding '* ]] ||
			echo "$ns: ${device#* } forwarding on $bridge"
	done
	[[ -z ${topo_routes[$1]-} ]] || topo_missing_lines "$ns: route" "${topo_routes[$1]}" \
		"$(topo_ip "$1" -4 route show; topo_ip "$1" -6 route show)"
	[[ -z ${topo_labels[$1]-} ]] || topo_missing_lines "$ns: MPLS route" "${topo_labels[$1]}" \
		"$(topo_ip "$1" -M route show 2>/dev/null)"
	[[ -z ${topo_rules[$1]-} ]] || topo_missing_lines "$ns: nft" "${topo_rules[$1]}" \
		"$(ip netns exec "$ns" nft list ruleset)"
	for setting in ${topo_late[$1]-}; do
		[[ $(ip netns exec "$ns" cat "/proc/sys/net/${setting%=*}" 2>/dev/null) == "${setting#*=}" ]] ||
			echo "$ns: $setting in /proc/sys/net"
	done
}

# topo_missing_lines WHAT WANTED TEXT: "WHAT LINE" for each line of WANTED with which no line of TEXT
# begins, however both are spaced.
topo_missing_lines()
{
	local words have=$'\n'
	while read -ra words; do
		have+="${words[*]} "$'\n'
	done <<<"$3"
	while read -ra words; do
		[[ ${#words[@]} == 0 || $have == *$'\n'"${words[*]} "* ]] || echo "$1 ${words[*]}"
	done <<<"$2"
}

# topo_line_of DEV TEXT: sets line to DEV's line of `ip -br address`, "DEV STATE ADDRESS... ".
topo_line_of()
{
	local words
	line=
	while read -ra words; do
		[[ ${words[0]-} != "$1" && ${words[0]-} != "$1@"* ]] || line="$1 ${words[*]:1} "
	done <<<"$2"
}

topo_all_missing()
{
	local name
	for name in "${topo_namespaces[@]}"; do
		topo_missing "$name"
	done
}

# topo_delete_device DEVICE: of the real host. One may go by itself just then, with the namespace of its peer.
topo_delete_device()
{
	local error
	error=$(ip link delete "$1" 2>&1) && return 0
	ip link show dev "$1" >/dev/null 2>&1 || return 0
	topo_error "$error"
	return 1
}

topo_remove()
{
	local name device pids status=0
	for name in $(topo_existing); do
		if topo_is_real "$name"; then
			for device in $(topo_host_devices); do
				topo_delete_device "$device" || status=1
			done
			continue
		fi
		pids=$(ip netns pids "$TOPO_PREFIX$name" 2>/dev/null)
		[[ -z $pids ]] ||
			topo_error "$TOPO_PREFIX$name lives on, without a name, until these end: ${pids//$'\n'/ }"
		ip netns delete "$TOPO_PREFIX$name" || status=1
	done
	return "$status"
}

# topo_up [--real-host]
topo_up()
{
	local name labels=()
	if [[ -n $(topo_existing) ]]; then
		if [[ -z $(topo_all_missing) ]]; then
			if [[ -z $topo_real && -n ${1-} || -n $topo_real && -z ${1-} ]]; then
				topo_error "is already up, ${1:+but not }with --real-host: take it down first"
				return 1
			fi
			echo "$topo_name: already up"
			return 0
		fi
		topo_remove || return
	fi
	topo_check_kernel || return
	topo_real=${1-}
	[[ -z $topo_real ]] || topo_check_host || return
	trap 'topo_remove; exit 130' INT
	trap 'topo_remove; exit 143' TERM HUP
	if ! topo_create; then
		topo_remove
		return 1
	fi
	trap - INT TERM HUP
	for name in "${topo_namespaces[@]}"; do
		labels+=("$(topo_label "$name")")
	done
	echo "$topo_name: up (${labels[*]})"
}

topo_down()
{
	if [[ -z $(topo_existing) ]]; then
		echo "$topo_name: nothing to remove"
		return 0
	fi
	topo_remove && echo "$topo_name: down"
}

# Draws what there is, then names what is missing.
topo_status()
{
	local name device links line words peer missing
	missing=$(topo_all_missing)
	if [[ -z $(topo_existing) ]]; then
		echo "$topo_name: absent"
		return 1
	fi
	echo "$topo_name: ${missing:+only partly }up"
	for name in $(topo_existing); do
		links=$(topo_ip "$name" -br address show)
		printf '\n%s%s%s\n' "$(topo_label "$name")" "${topo_router[$name]:+   router}" \
			"${topo_gateway[$name]:+   default via ${topo_gateway[$name]// /, }}"
		for device in "${topo_devices[@]}"; do
			[[ ${device% *} == "$name" ]] || continue
			topo_line_of "${device#* }" "$links"
			[[ -n $line ]] || continue
			read -ra words <<<"$line"
			if [[ -n ${topo_kind[$device]-} ]]; then
				peer=${topo_kind[$device]}
			else
				peer="<-> ${topo_peer[$device]#* } in $(topo_label "${topo_peer[$device]% *}")"
			fi
			printf '  %-12s %-7s %s%s\n' "${words[0]}" "${words[1]}" "$peer" \
				"${topo_bridge[$device]:+, port of ${topo_bridge[$device]}}"
			((${#words[@]} < 3)) || printf '      %s\n' "${words[@]:2}"
		done
		topo_show '  route ' "${topo_routes[$name]-}"
		topo_show '  MPLS route ' "${topo_labels[$name]-}"
		topo_show '  ' "${topo_rules[$name]-}"
	done
	[[ -n $missing ]] || return 0
	printf '\nmissing:\n'
	printf '%s\n' "$missing" | sed 's/^/  /'
	return 1
}

# topo_show START TEXT: the lines of TEXT, each after START.
topo_show()
{
	local lines
	mapfile -t lines < <(printf %s "$2")
	((${#lines[@]} == 0)) || printf '%s\n' "${lines[@]/#/$1}"
}

topo_main()
{
	: "${TOPO_PREFIX=}"
	case $#:$*:$topo_host in
	1:up:* | 1:down:* | 1:status:* | '2:up --real-host:'?*) ;;
	*)
		echo "usage: $topo_script up${topo_host:+ [--real-host]}|down|status" >&2
		exit 2
		;;
	esac
	if [[ ! $TOPO_PREFIX =~ ^[A-Za-z0-9_-]{0,200}$ ]]; then
		topo_error "TOPO_PREFIX is '$TOPO_PREFIX': use letters, digits, _ and - only"
		exit 2
	fi
	if ! command -v ip >/dev/null; then
		topo_error 'the command ip is missing: install iproute2'
		exit 1
	fi
	if [[ " ${topo_needs[*]} " == *' nft '* ]] && ! command -v nft >/dev/null; then
		topo_error 'the command nft is missing: install nftables'
		exit 1
	fi
	if ((EUID != 0)); then
		topo_error "needs root: sudo ${TOPO_PREFIX:+TOPO_PREFIX=$TOPO_PREFIX }$topo_script $*"
		exit 1
	fi
	[[ -z $(topo_host_devices) ]] || topo_real=1
	"topo_$1" "${@:2}"
}
