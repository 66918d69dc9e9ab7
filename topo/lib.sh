# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# Topologies of network namespaces. A topology script describes its parts with
#
#	topo_namespace NAME [router|host]	a namespace; a router forwards IPv4 and IPv6; for a host
#						see below
#	topo_link NS DEV NS DEV			a veth pair between two namespaces, the host named last
#	topo_address NS DEV ADDRESS/LENGTH...	addresses of a device, written as ip prints them
#	topo_gateway NS ADDRESS...		default gateways, one for each IP version
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
declare -A topo_address # ["NAME DEV"]="ADDRESS/LENGTH..."
declare -A topo_gateway # [NAME]="ADDRESS..."

topo_real= # not empty: the lab that is up, or will be, has the real host in it

topo_namespace()
{
	topo_namespaces+=("$1")
	[[ ${2-} != router ]] || topo_router[$1]=1
	[[ ${2-} != host ]] || topo_host=$1
}

topo_link()
{
	topo_devices+=("$1 $2" "$3 $4")
	topo_peer["$1 $2"]="$3 $4"
	topo_peer["$3 $4"]="$1 $2"
	topo_links+=("$*")
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

topo_error()
{
	printf '%s: %s\n' "$topo_name" "$*" >&2
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

# topo_batch NAME LINE...: runs LINEs as ip commands in NAME, or outside of all namespaces for "".
# One process for all of them is several times faster than one each. A failure names the line that
# failed.
topo_batch()
{
	local where=() error number
	[[ -z $1 ]] || topo_is_real "$1" || where=(-n "$TOPO_PREFIX$1")
	shift
	error=$(printf '%s\n' "$@" | ip "${where[@]}" -batch - 2>&1 >/dev/null) && return 0
	if [[ $error =~ 'Command failed -:'([0-9]+) ]]; then
		number=${BASH_REMATCH[1]}
		set -- "${@:number:1}"
	fi
	# ip does not always tell the line; then they are all named.
	topo_error "up failed at: ip ${where[*]}${where[*]:+ }$(IFS=';' && echo "$*")"
	topo_error "because: ${error%%$'\n'*}"
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
	topo_error "because: ${error%%$'\n'*}"
	return 1
}

# A new namespace takes some settings from the host. Those that decide which packets pass are set,
# so that the lab behaves alike everywhere.
topo_set_sysctls()
{
	local forward=${topo_router[$1]-0}
	# accept_dad=0: no search for duplicates, which would leave addresses unusable for seconds.
	# accept_ra=0: nobody advertises routes here, so do not ask for them.
	topo_write_sysctls "$1" \
		ipv4/ip_forward="$forward" ipv6/conf/all/forwarding="$forward" \
		ipv4/conf/all/rp_filter=0 ipv4/conf/default/rp_filter=0 \
		ipv6/conf/all/disable_ipv6=0 ipv6/conf/default/disable_ipv6=0 \
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
			[[ ${device% *} == "$name" ]] || continue
			for address in ${topo_address[$device]-}; do
				lines+=("address add $address dev ${device#* }")
			done
			lines+=("link set ${device#* } up")
		done
		for gateway in ${topo_gateway[$name]-}; do
			lines+=("route add default via $gateway")
		done
		topo_batch "$name" "${lines[@]}" || return
	done

	topo_wait_complete
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
	local ns links routes device address gateway line
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
		[[ $line == *' UP '* ]] || echo "$ns: ${device#* } up"
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

topo_remove()
{
	local name device pids status=0
	for name in $(topo_existing); do
		if topo_is_real "$name"; then
			for device in $(topo_host_devices); do
				ip link delete "$device" || status=1
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
			peer=${topo_peer[$device]}
			printf '  %-12s %-5s <-> %s in %s\n' "${words[0]}" "${words[1]}" \
				"${peer#* }" "$(topo_label "${peer% *}")"
			((${#words[@]} < 3)) || printf '      %s\n' "${words[@]:2}"
		done
	done
	[[ -n $missing ]] || return 0
	printf '\nmissing:\n'
	printf '%s\n' "$missing" | sed 's/^/  /'
	return 1
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
	if ((EUID != 0)); then
		topo_error "needs root: sudo ${TOPO_PREFIX:+TOPO_PREFIX=$TOPO_PREFIX }$topo_script $*"
		exit 1
	fi
	[[ -z $(topo_host_devices) ]] || topo_real=1
	"topo_$1" "${@:2}"
}
