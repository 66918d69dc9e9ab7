#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Makes what it takes to boot a kernel in a VM, a kit, from Debian's packages. No root; nothing is
# installed.
#
#	kit.sh KERNEL		makes the kit of KERNEL (tests/vm/kernels) unless it is there; prints its path;
#				exits 3 when the mirror has no such kernel any more
#	kit.sh known KERNEL	whether there is such a kernel in the table; says which there are
#	kit.sh list		the kernels and what there is of each
#	kit.sh remove [KERNEL]	removes one kit, or all: the next run fetches the newest
#
# A kit is a directory of $HOPSCOPE_VM, or else of ~/.cache/hopscope/vm:
#	vmlinux		the kernel, uncompressed: the VM starts 1 to 1.5 s earlier than with a bzImage
#	initrd		busybox and the modules it takes to see the host; run.sh appends the rest
#	modules/	/lib/modules of the VM, uncompressed: all of the network, nothing of hardware
#	config, version
set -u
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

not_there=3

# The mirror; where apt of this machine has none of Debian, it must be said.
debian=${HOPSCOPE_DEBIAN-}
security=${HOPSCOPE_DEBIAN_SECURITY-}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

need()
{
	local name missing=()
	for name; do
		command -v "$name" >/dev/null || missing+=("$name")
	done
	((${#missing[@]} == 0)) ||
		vm_die "missing to make a kit: ${missing[*]}. Run 'tools/deps.sh install vm'"
}

# sources SUITE...: these suites as lines of a sources.list, from the mirror that this machine uses.
sources()
{
	local suite uri entry keys=()
	while read -r uri entry; do
		case $uri in
		*/debian/) debian=$uri ;;
		*/debian-security/) security=$uri ;;
		*) continue ;;
		esac
		# Which keys it trusts for that mirror; the key of another suite need not be among them.
		mapfile -t -O "${#keys[@]}" keys < <(sed -nE 's/^Signed-By: *(\/[^ ]*) *$/\1/p
			s/^deb .*\[.*signed-by=([^] ]*).*/\1/p' "${entry%:*}" 2>/dev/null)
	done < <(apt-get indextargets --no-release-info --format "\$(REPO_URI) \$(SOURCESENTRY)" \
		'Identifier: Packages' 2>/dev/null | sort -ru)
	[[ -n $debian && -n $security ]] ||
		vm_die 'apt here knows no mirror of Debian: set HOPSCOPE_DEBIAN and HOPSCOPE_DEBIAN_SECURITY to the addresses of one (http://.../debian/, http://.../debian-security/)'
	[[ ! -r $keyring ]] || keys+=("$keyring")
	keys=("$(printf '%s\n' "${keys[@]}" | sort -u | paste -sd,)")
	for suite; do
		uri=$debian
		[[ $suite != *-security ]] || uri=$security
		printf 'deb [arch=amd64%s] %s %s main\n' "${keys[0]:+ signed-by=${keys[0]}}" "$uri" "$suite"
	done
}

# private_apt DIR SUITE...: from now on apt works in DIR, with these suites. The machine's settings
# (a proxy) hold, but for what it does after an update or a download.
private_apt()
{
	local dir=$1 parts
	shift
	mkdir -p "$dir"/{state/lists/partial,cache/archives/partial,none} || exit 1
	: >"$dir/status"
	sources "$@" >"$dir/sources.list"
	parts=$(apt-config dump --no-empty | grep -vE '^(APT::Update|DPkg|Dir)::|^APT::Sandbox')
	cat >"$dir/apt.conf" <<-END
		$parts
		Dir::Etc::main "$dir/none/main";
		Dir::Etc::parts "$dir/none";
		Dir::Etc::preferences "$dir/none/preferences";
		Dir::Etc::preferencesparts "$dir/none";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "$dir/none";
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
	END
	export APT_CONFIG=$dir/apt.conf
}

# fetch DIR KERNEL: unpacks its packages and busybox-static under DIR/root; sets `version`.
fetch()
{
	local dir=$1 suites first package names=() deb
	vm_row "$2"
	read -ra suites <<<"$VM_SUITES"
	read -ra first <<<"$VM_PACKAGES"
	private_apt "$dir/apt" "${suites[@]}"
	apt-get -qq update >&2 || vm_die "the suites ${suites[*]} cannot be read from the mirror, see above"
	version=$(apt-cache pkgnames "${first[0]}-" | while read -r package; do
		# shellcheck disable=SC2053 # a pattern
		if [[ $package == "${first[0]}-"$VM_VERSION-cloud-amd64 ]]; then
			package=${package#"${first[0]}-"}
			printf '%s\n' "${package%-cloud-amd64}"
		fi
	done | sort -V | tail -n 1)
	if [[ -z $version ]]; then
		printf 'kit.sh: %s have no %s (any more)\n' "${suites[*]}" "${first[0]}-$VM_VERSION-cloud-amd64" >&2
		exit "$not_there"
	fi
	for package in "${first[@]}"; do
		names+=("$package-$version-cloud-amd64")
	done
	printf 'fetching %s\n' "${names[*]}" >&2
	(cd "$dir" && apt-get -qq download "${names[@]}" busybox-static >&2) ||
		vm_die "cannot be fetched, see above: ${names[*]}"
	for deb in "$dir"/*.deb; do
		dpkg-deb -x "$deb" "$dir/root" || vm_die "$deb cannot be unpacked"
	done
}

# number FILE OFFSET BYTES: of the header of a bzImage.
number()
{
	od -An -t "u$3" -j "$2" -N "$3" --endian=little "$1" | tr -d ' '
}

# unpack_kernel BZIMAGE: prints the kernel inside (Linux's Documentation/arch/x86/boot.rst).
unpack_kernel()
{
	local start length tool
	start=$((($(number "$1" $((0x1f1)) 1) + 1) * 512 + $(number "$1" $((0x248)) 4)))
	length=$(number "$1" $((0x24c)) 4)
	# The last 4 bytes are its size, about which the programs complain, after the deed.
	case $(od -An -t x1 -j "$start" -N 4 "$1") in
	' 28 b5 2f fd') tool=(zstd -dcq) ;;
	' fd 37 7a 58') tool=(xz -dcq --single-stream) ;;
	' 02 21 4c 18') tool=(lz4 -dcq) ;;
	' 1f 8b 08'*) tool=(gzip -dcq) ;;
	*) vm_die "$1 is compressed in an unknown way" ;;
	esac
	need "${tool[0]}"
	tail -c "+$((start + 1))" "$1" | head -c "$length" | "${tool[@]}" 2>/dev/null
}

# What the VM may need: the network whole, and no hardware but the virtual.
wanted='^kernel/(net|lib|crypto|arch/x86/crypto|drivers/virtio)/'
wanted+='|^kernel/drivers/(char/virtio_console|block/virtio_blk)\.'
wanted+='|^kernel/fs/(fuse|overlayfs|netfs|fscache|nls)/'
wanted+='|^kernel/drivers/net/(veth|dummy|tun|tap|ifb|macvlan|macvtap|vxlan|geneve|vrf|bonding|ipvlan|nlmon|virtio_net|net_failover|netkit|wireguard|bareudp|gtp|team|vsockmon|amt)[/.]'
wanted+='|^kernel/kernel/'

# copy_modules FROM TO: decompressed, with their index.
copy_modules()
{
	local from=$1 to=$2 path
	mkdir -p "$to"
	cp -- "$from"/modules.* "$to" || return
	(cd "$from" && find . -name '*.ko*' -printf '%P\n') | grep -E "$wanted" |
		tar -C "$from" -c -T - | tar -C "$to" -x || return
	find "$to" -name '*.ko.xz' -exec xz -dq {} + || return
	find "$to" -name '*.ko.zst' -exec zstd -dq --rm {} + || return
	path=${to%/lib/modules/*}
	"$busybox" depmod -b "$path" "${to##*/}"
}

# in_order MODULES NAME...: the files of these modules and of what they need, in order of loading.
in_order()
{
	local dir=$1 name path needed=()
	shift
	for name; do
		path=$(cd "$dir" && find . -name "$name.ko" -printf '%P\n' -quit)
		[[ -n $path ]] || continue # built in
		read -ra needed < <(sed -n "s|^$path: *||p" "$dir/modules.dep")
		# the nearest comes first there
		printf '%s\n' "${needed[@]}" | tac
		printf '%s\n' "$path"
	done | awk 'NF && !seen[$0]++'
}

# make_initrd KIT MODULES: the part that is the same for all runs.
make_initrd()
{
	local dir=$1/initrd.d path
	mkdir -p "$dir"/{bin,modules,proc,sys,dev,host,over,new}
	cp -- "$busybox" "$dir/bin/busybox"
	ln -s busybox "$dir/bin/sh"
	in_order "$2" virtio_pci virtio_console fuse virtiofs overlay | while read -r path; do
		cp -- "$2/$path" "$dir/modules" && printf '%s\n' "${path##*/}"
	done >"$dir/modules/order"
	(cd "$dir" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc) >"$1/initrd" || return
	rm -rf -- "$dir"
}

make_kit()
{
	local kernel=$1 dir kit root release modules file version busybox
	need apt-get apt-cache apt-config dpkg-deb cpio xz zstd lz4 flock
	dir=$(mktemp -d "$VM_CACHE/.$kernel.XXXXXXXX") || exit 1
	# shellcheck disable=SC2064 # as it is now
	trap "rm -rf -- '$dir'" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	fetch "$dir" "$kernel"
	root=$dir/root
	kit=$dir/kit
	mkdir "$kit"
	for busybox in "$root/usr/bin/busybox" "$root/bin/busybox"; do
		[[ ! -x $busybox ]] || break
	done
	release=$version-cloud-amd64
	for modules in "$root"{,/usr}"/lib/modules/$release"; do
		[[ ! -d $modules/kernel ]] || break
	done
	for file in "$root/boot/vmlinuz-$release" "$modules/vmlinuz"; do
		[[ ! -e $file ]] || unpack_kernel "$file" >"$kit/vmlinux"
	done
	[[ $(head -c 4 "$kit/vmlinux" 2>/dev/null) == $'\177ELF' ]] || vm_die "no kernel was found in $release"
	for file in "$root/boot/config-$release" "$modules/config"; do
		[[ ! -e $file ]] || cp -- "$file" "$kit/config"
	done
	[[ -s $kit/config ]] || vm_die "$release has no config"
	copy_modules "$modules" "$kit/lib/modules/$release" || vm_die "the modules of $release cannot be copied"
	make_initrd "$kit" "$kit/lib/modules/$release" || vm_die 'the initrd cannot be made'
	printf '%s\n' "$release" >"$kit/version"
	chmod -R a+rX "$kit"
	mv -T -- "$kit" "$VM_CACHE/$kernel" || exit 1
}

list()
{
	local kernel
	for kernel in $(vm_kernels); do
		printf '%-5s %s\n' "$kernel" "$(cat "$VM_CACHE/$kernel/version" 2>/dev/null || echo '(no kit yet)')"
	done
}

case ${1-} in
list) list ;;
known) vm_known "${2-}" ;;
remove)
	for kernel in ${2:-$(vm_kernels)}; do
		vm_known "$kernel"
		rm -rf -- "${VM_CACHE:?}/$kernel"
	done
	;;
'' | -*) vm_die 'usage: kit.sh KERNEL|known KERNEL|list|remove [KERNEL]' ;;
*)
	vm_known "$1"
	if [[ ! -e $VM_CACHE/$1 ]]; then
		mkdir -p "$VM_CACHE" || exit 1
		# two at once: the second finds the first one's
		exec 9>"$VM_CACHE/.lock"
		flock 9
		[[ -e $VM_CACHE/$1 ]] || (make_kit "$1") || exit
	fi
	printf '%s\n' "$VM_CACHE/$1"
	;;
esac
