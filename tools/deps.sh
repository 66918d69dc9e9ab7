#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# What the project needs to be built, shown and tested: the one list.
#
#	deps.sh list GROUP	every package of GROUP: Debian name, upstream name
#	deps.sh missing GROUP	Debian names of what is not here; exits 1 if there is any
#	deps.sh need GROUP	one line that says what is missing and how to get it, or too old; exits 1
#	deps.sh install GROUP	installs what is missing; asks first unless YES=1 or CI is set
#
# GROUP is apps (the exercises), build (and trace), demo, unit (unit tests), check or vm (other kernels,
# in a VM); each of apps, build, demo, check contains the ones before it, and vm contains build.
# CC, CLANG, BPFTOOL and PKG_CONFIG name other commands than the usual ones. CROSS names another machine
# that is built for: its libraries are looked for with pkg-config alone, as headers may be this machine's.
set -u
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# group | Debian package | how to see that it is here | upstream name
#	cmd:NAME	a command
#	lib:MODULE:HEADER	a library: pkg-config knows MODULE, or the compiler finds HEADER
#	any:FILE:FILE...	one of these can be run
#	py:MODULE		the system's Python imports it
packages()
{
	cat <<-END
		apps|gcc|cmd:${CC:-gcc}|GCC
		apps|libc6-dev|lib:-:stdio.h|the C library's headers
		apps|make|cmd:make|GNU make
		build|pkg-config|cmd:${PKG_CONFIG:-pkg-config}|pkg-config
		build|clang|cmd:${CLANG:-clang}|Clang with the BPF target
		build|bpftool|cmd:${BPFTOOL:-bpftool}|bpftool
		build|libbpf-dev|lib:libbpf:bpf/libbpf.h|libbpf
		build|libelf-dev|lib:libelf:libelf.h|libelf (elfutils)
		build|zlib1g-dev|lib:zlib:zlib.h|zlib
		build|libpcap-dev|lib:libpcap:pcap/pcap.h|libpcap
		build|libjson-c-dev|lib:json-c:json-c/json.h|json-c
		build|libmnl-dev|lib:libmnl:libmnl/libmnl.h|libmnl
		build|libnftables-dev|lib:libnftables:nftables/libnftables.h|libnftables
		build|libcap-dev|lib:libcap:sys/capability.h|libcap
		build|uthash-dev|lib:-:uthash.h|uthash
		demo|iproute2|cmd:ip|iproute2
		unit|libcmocka-dev|lib:cmocka:cmocka.h|cmocka
		unit|perl|cmd:prove|prove (Perl's Test::Harness)
		check|clang-format|cmd:clang-format|clang-format
		check|shellcheck|cmd:shellcheck|ShellCheck
		check|cppcheck|cmd:cppcheck|Cppcheck
		check|scdoc|cmd:scdoc|scdoc
		check|python3|cmd:python3|Python 3
		check|python3-jsonschema|py:jsonschema|Python's jsonschema
		check|procps|cmd:sysctl|procps
		check|netcat-openbsd|cmd:nc|OpenBSD netcat
		check|nftables|cmd:nft|nftables
		check|iptables|cmd:iptables-legacy|iptables
		check|curl|cmd:curl|curl
		check|socat|cmd:socat|socat
		check|iperf3|cmd:iperf3|iperf3
		check|tcpdump|cmd:tcpdump|tcpdump
		check|iputils-ping|cmd:ping|ping (iputils)
		check|traceroute|cmd:traceroute|traceroute
		check|bind9-dnsutils|cmd:dig|dig (BIND)
		check|dnsmasq-base|cmd:dnsmasq|dnsmasq
		check|nginx-light|cmd:nginx|nginx
		check|libnetfilter-queue-dev|lib:libnetfilter_queue:libnetfilter_queue/libnetfilter_queue.h|libnetfilter_queue
		vm|qemu-system-x86|cmd:qemu-system-x86_64|QEMU for x86_64
		vm|$(virtiofsd_package)|any:/usr/lib/qemu/virtiofsd:/usr/libexec/virtiofsd:/usr/lib/virtiofsd|virtiofsd
		vm|cpio|cmd:cpio|GNU cpio
		vm|lz4|cmd:lz4|lz4
		vm|xz-utils|cmd:xz|XZ Utils
		vm|zstd|cmd:zstd|Zstandard
	END
}

# Debian 12 and what is older have it from QEMU itself.
virtiofsd_package()
{
	if grep -qsE '^VERSION_CODENAME="?(bullseye|bookworm|jammy)' /etc/os-release; then
		echo qemu-system-common
	else
		echo virtiofsd
	fi
}

groups_of()
{
	case $1 in
	apps) echo ' apps ' ;;
	build) echo ' apps build ' ;;
	demo) echo ' apps build demo ' ;;
	unit) echo ' unit ' ;;
	check) echo ' apps build demo unit check ' ;;
	vm) echo ' apps build vm ' ;;
	*) die "there is no group '$1': apps, build, demo, unit, check, vm" ;;
	esac
}

has_header()
{
	local compiler
	read -ra compiler <<<"${CC:-gcc}"
	if command -v "${compiler[0]}" >/dev/null; then
		printf '#include <%s>\n' "$1" | "${compiler[@]}" -E -x c - >/dev/null 2>&1
	else
		[[ -e /usr/include/$1 ]]
	fi
}

# is_here PROBE
is_here()
{
	local kind=${1%%:*} what=${1#*:} words
	if [[ $kind == cmd ]]; then
		read -ra words <<<"$what"
		command -v "${words[0]}" >/dev/null
	elif [[ $kind == py ]]; then
		/usr/bin/python3 -c "import $what" 2>/dev/null
	elif [[ $kind == any ]]; then
		IFS=: read -ra words <<<"$what"
		command -v "${words[@]}" >/dev/null
	else
		if [[ ${what%%:*} != - ]]; then
			"${PKG_CONFIG:-pkg-config}" --exists "${what%%:*}" 2>/dev/null && return
			[[ -z ${CROSS-} ]] || return 1
		fi
		has_header "${what#*:}"
	fi
}

# The oldest versions that will do, and why: group | upstream name | version | what it has | how to know which
# one is here. Of what cannot be known, nothing is said.
versions()
{
	cat <<-END
		build|libbpf|1.0|bpf_program__set_autoattach()|libbpf_version
		build|Clang|13|functions of the kernel in BTF|clang_version
		build|bpftool|5.13|gen skeleton with a name|bpftool_version
	END
}

libbpf_version()
{
	"${PKG_CONFIG:-pkg-config}" --modversion libbpf 2>/dev/null
}

# "clang version 14.0.6", with or without a distribution's name before it
clang_version()
{
	"${CLANG:-clang}" --version 2>/dev/null | sed -nE 's/.*clang version ([0-9.]+).*/\1/p'
}

# "bpftool v7.1.0", or that of its kernel before 6.0
bpftool_version()
{
	"${BPFTOOL:-bpftool}" version 2>/dev/null | sed -nE 's/^[^ ]*bpftool v([0-9.]+).*/\1/p'
}

# is_older A B: version A is older than B.
is_older()
{
	local a b i
	IFS=. read -ra a <<<"$1"
	IFS=. read -ra b <<<"$2"
	for ((i = 0; i < ${#b[@]}; i++)); do
		((10#${a[i]:-0} == 10#${b[i]})) || return "$((10#${a[i]:-0} > 10#${b[i]}))"
	done
	return 1
}

# One line for the first that is too old; then it fails.
check_versions()
{
	local wanted group name oldest has command version
	wanted=$(groups_of "$1") || exit 1
	while IFS='|' read -r group name oldest has command; do
		[[ $wanted == *" $group "* ]] || continue
		version=$("$command")
		version=${version%%[^0-9.]*}
		if [[ $version == [0-9]* ]] && is_older "$version" "$oldest"; then
			echo "too old: $name $version. At least $oldest is needed, for $has" >&2
			return 1
		fi
	done < <(versions)
}

# Lines PACKAGE|PROBE|UPSTREAM.
missing_lines()
{
	local wanted group package probe upstream
	wanted=$(groups_of "$1") || exit 1
	while IFS='|' read -r group package probe upstream; do
		[[ $wanted == *" $group "* ]] || continue
		is_here "$probe" || printf '%s|%s|%s\n' "$package" "$probe" "$upstream"
	done < <(packages)
}

do_list()
{
	local wanted group package probe upstream
	wanted=$(groups_of "$1") || exit 1
	while IFS='|' read -r group package probe upstream; do
		[[ $wanted == *" $group "* ]] && printf '%-16s %s\n' "$package" "$upstream"
	done < <(packages)
	return 0
}

do_missing()
{
	local lines
	lines=$(missing_lines "$1") || exit 1
	[[ -n $lines ]] || return 0
	cut -d'|' -f1 <<<"$lines"
	return 1
}

do_need()
{
	local lines text='' names=() package probe upstream
	lines=$(missing_lines "$1") || exit 1
	if [[ -z $lines ]]; then
		check_versions "$1"
		return
	fi
	while IFS='|' read -r package probe upstream; do
		names+=("$package")
		# an overridden command is missing under the name it was given
		[[ $probe != cmd:* || $package == qemu* || $upstream == "${probe#cmd:}" ]] || upstream+=" (${probe#cmd:})"
		text+=${text:+, }$upstream
	done <<<"$lines"
	if [[ -n ${CROSS-} ]]; then
		echo "missing to build for $CROSS: $text. Where its libraries are, SYSROOT=DIR says" >&2
	elif command -v apt-get >/dev/null; then
		echo "missing: $text. Run 'tools/deps.sh install $1' (Debian: ${names[*]})" >&2
	else
		echo "missing: $text. Install it with this system's package manager" >&2
	fi
	return 1
}

# Of nginx the program is wanted, no server on this machine: it is neither started nor enabled.
apt_install()
{
	local package masked='' status
	for package; do
		[[ $package != nginx* || ! -d /run/systemd/system ]] || masked=nginx.service
	done
	[[ -z $masked ]] || as_root systemctl -q mask "$masked" || return 1
	as_root env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
		apt-get -y -q --no-install-recommends install "$@"
	status=$?
	[[ -z $masked ]] || as_root systemctl -q unmask "$masked"
	[[ -z $masked ]] || as_root systemctl -q disable "$masked" || true
	return "$status"
}

do_install()
{
	local lines names answer
	lines=$(missing_lines "$1") || exit 1
	[[ -n $lines ]] || return 0
	mapfile -t names < <(cut -d'|' -f1 <<<"$lines")

	if ! command -v apt-get >/dev/null; then
		{
			echo 'There is no apt-get here. Install these with your package manager:'
			cut -d'|' -f3 <<<"$lines" | sed 's/^/  /'
		} >&2
		return 1
	fi
	printf 'Missing: %s\n' "${names[*]}"
	can_be_root || die "installing needs root, and there is no sudo: run '$0 install $1' as root"
	if [[ ${YES-} != 1 && -z ${CI-} ]]; then
		printf 'Install %s? [Y/n] ' \
			"$([[ ${#names[@]} == 1 ]] && echo 'this package' || echo "these ${#names[@]} packages")"
		if ! read -r answer; then
			echo
			die 'nobody is here to answer; YES=1 does not ask'
		fi
		[[ $answer == '' || $answer == [Yy]* ]] || die 'nothing was installed'
	fi
	# only where apt does not know them yet, or where what it knows is stale
	apt-get -s -q --no-install-recommends install "${names[@]}" >/dev/null 2>&1 ||
		as_root apt-get -q update || return 1
	apt_install "${names[@]}" || {
		as_root apt-get -q update && apt_install "${names[@]}"
	} || die "apt-get could not install: ${names[*]}"
}

(($# == 2)) || die 'usage: deps.sh list|missing|need|install GROUP'
case $1 in
list | missing | need | install) "do_$1" "$2" ;;
*) die "usage: deps.sh list|missing|need|install GROUP, not '$1'" ;;
esac
