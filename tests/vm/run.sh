#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Runs a command under another kernel: in a VM that sees this machine's files, as root there, whoever
# runs this here. What it writes goes to memory and is gone at the end. No network but its own lo.
#
#	run.sh -k KERNEL [OPTION...] -- COMMAND [ARG...]
#	run.sh -k KERNEL [OPTION...] -i		a shell on this terminal; `exit` ends it
#
#	-k KERNEL	one of tests/vm/kernels; kit.sh fetches it when it is not here yet
#	-t SECS		time limit (300; with -i none)
#	-c CPUS		processors (1)
#	-m SIZE		memory (1G)
#	-w DIR		what is written there is written here; not to be changed from here meanwhile
#	-e VAR		this environment variable is passed; PATH, HOME, TERM and the locale always are
#	-l FILE		the console's output: what the kernel says
#
# HOPSCOPE_VM_ACCEL=kvm makes it many times faster where KVM works; that is not so in every machine
# that has /dev/kvm (a VM itself), so QEMU's own translation is what is taken by default.
#
# COMMAND starts in this directory with empty input. The exit status is its own; but 124: the time was
# over; 125: the VM did not start or died, and the last lines of its console are shown.
set -u
VM_FAILED=125
# shellcheck source-path=SCRIPTDIR source=lib.sh disable=SC1091
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

kernel=
limit=300
cpus=1
memory=1G
writable=()
vars=(PATH HOME TERM LANG LC_ALL LC_CTYPE)
log=
interactive=0
while getopts k:t:c:m:w:e:l:i option; do
	case $option in
	k) kernel=$OPTARG ;;
	t) limit=$OPTARG ;;
	c) cpus=$OPTARG ;;
	m) memory=$OPTARG ;;
	w) writable+=("$(realpath -e -- "$OPTARG")") || vm_die "there is no $OPTARG to write to" ;;
	e) vars+=("$OPTARG") ;;
	l) log=$(realpath -- "$OPTARG") ;;
	i) interactive=1 ;;
	*) vm_die 'usage: see the head of tests/vm/run.sh' ;;
	esac
done
shift $((OPTIND - 1))
[[ -n $kernel ]] || vm_die 'say which kernel: -k KERNEL'
if ((interactive)); then
	[[ -t 0 && -t 1 ]] || vm_die '-i is for a terminal'
	(($# > 0)) || set -- bash -i
fi
(($# > 0)) || vm_die 'say which command: -- COMMAND'
vm_known "$kernel"
for program in qemu-system-x86_64 cpio gcc; do
	command -v "$program" >/dev/null || vm_die "missing: $program. Run 'tools/deps.sh install vm'"
done
kit=$("$VM_HERE/kit.sh" "$kernel") || exit 125

qemu=
filesystem=
readers=()
dir=
# shellcheck disable=SC2317 # called by the trap
end()
{
	local pid
	trap '' INT TERM # a second one must not end the tidying
	for pid in $qemu $filesystem "${readers[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	[[ -z $dir ]] || rm -rf -- "$dir"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# share_host SOCKET: serves this machine's / on it: sets `filesystem`.
#
# The virtiofsd of QEMU up to 7.2 wants to be root, and to have /run/virtiofsd for itself: a namespace
# gives an ordinary user both (it reads what he may read, and what is not his seems to be nobody's).
# Its sandbox=namespace fails in containers. The later one, in Rust, asks for nothing. 9p would do
# without either, but the cloud's kernels lack it; an image of what is needed of / takes long to make.
share_host()
{
	local program new=(unshare -m) i
	gcc -shared -fPIC -O2 -o "$dir/noatime.so" "$VM_HERE/noatime.c" || vm_die 'virtiofsd cannot be helped'
	for program in /usr/lib/qemu/virtiofsd /usr/libexec/virtiofsd /usr/lib/virtiofsd; do
		[[ ! -x $program ]] || break
	done
	if [[ ! -x $program ]]; then
		vm_die "missing: virtiofsd. Run 'tools/deps.sh install vm'"
	elif [[ $program == /usr/lib/qemu/* ]]; then
		[[ $(id -u) == 0 ]] || new=(unshare -rm)
		"${new[@]}" true 2>/dev/null || new=()
		# shellcheck disable=SC2016 # that shell expands it
		((${#new[@]} == 0)) || new+=(sh -c 'mount -t tmpfs run /run; exec "$@"' sh)
		"${new[@]}" env LD_PRELOAD="$dir/noatime.so" "$program" --socket-path="$1" -o source=/ -o cache=always \
			-o sandbox=chroot --rlimit-nofile=0 --thread-pool-size=1 >"$dir/virtiofsd.log" 2>&1 &
	else
		LD_PRELOAD=$dir/noatime.so "$program" --socket-path="$1" --shared-dir=/ --cache=always --sandbox=none \
			--rlimit-nofile=0 --thread-pool-size=1 >"$dir/virtiofsd.log" 2>&1 &
	fi
	filesystem=$!
	for ((i = 0; i < 500; i++)); do
		[[ ! -S $1 ]] || return 0
		kill -0 "$filesystem" 2>/dev/null || break
		sleep 0.01
	done
	vm_die "virtiofsd does not start: $(tail -n 3 "$dir/virtiofsd.log")"
}

# make_initrd COMMAND...: the kit's, and what is this run's.
make_initrd()
{
	local name
	mkdir -p "$dir/add/vm"
	cp -- "$VM_HERE/init.sh" "$dir/add/init"
	cp -- "$VM_HERE/guest.sh" "$dir/add/vm"
	chmod 755 "$dir/add/init"
	((${#writable[@]} == 0)) || printf '%s\n' "${writable[@]}" >"$dir/add/vm/dirs"
	: >>"$dir/add/vm/dirs"
	printf '%s\n' "$kit/lib/modules" >"$dir/add/vm/modules"
	((!interactive)) || stty size | sed -E 's/(.*) (.*)/rows \1 cols \2/' >"$dir/add/vm/interactive"
	{
		for name in "${vars[@]}"; do
			[[ -z ${!name+x} ]] || printf 'export %s=%q\n' "$name" "${!name}"
		done
		printf 'cd -- %q || exit 125\nexec' "$PWD"
		printf ' %q' "$@"
		printf '\n'
	} >"$dir/add/vm/command"
	(cd "$dir/add" && find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0) | cat "$kit/initrd" - >"$dir/initrd"
}

# port NUMBER NAME FILE: what the guest writes to that port goes to FILE.
port()
{
	machine+=(-chardev "file,id=$2,path=$3,append=on" -device "virtserialport,nr=$1,chardev=$2,name=$2")
}

# A pipe between, because QEMU cannot have a terminal or a socket as a file. Who stops to read
# (| head) does not stop the VM.
reader()
{
	cat 2>/dev/null || cat >/dev/null
}

# boot COMMAND...: one VM, to its end. Its word on that is in the file `status`: "started", then a number.
boot()
{
	local machine accel thread=multi append out err
	dir=$(mktemp -d "${TMPDIR:-/tmp}/hopscope-vm.XXXXXXXX") || exit 125
	: >"$dir/status"
	console=${log:-$dir/console}
	: >"$console"
	make_initrd "$@" || vm_die 'the initrd cannot be made'
	share_host "$dir/socket"
	# With several processors each in a thread of its own, QEMU 7.2 was seen to get the patching of
	# kernel code wrong (1 of 90 boots).
	((cpus == 1)) || thread=single
	accel=${HOPSCOPE_VM_ACCEL:-tcg}
	[[ $accel != tcg ]] || accel+=,thread=$thread
	append='console=ttyS0 loglevel=5 panic=-1 oops=panic nokaslr mitigations=off no_timer_check audit=0 apparmor=0'
	machine=(
		-accel "$accel" -cpu max -smp "$cpus" -m "$memory" -machine "q35,memory-backend=memory"
		-object "memory-backend-memfd,id=memory,size=$memory,share=on"
		-nodefaults -no-user-config -display none -no-reboot
		-kernel "$kit/vmlinux" -initrd "$dir/initrd" -append "$append"
		-chardev "socket,id=host,path=$dir/socket"
		-device "vhost-user-fs-pci,queue-size=1024,chardev=host,tag=host"
		-serial "file:$console" -device virtio-serial-pci
	)
	port 3 status "$dir/status"
	mkfifo "$dir/out" "$dir/err" || exit 125
	# kept open, so that nobody waits for a QEMU that did not come so far
	exec {out}<>"$dir/out" {err}<>"$dir/err"
	reader <"$dir/out" {out}>&- {err}>&- &
	readers=("$!")
	reader <"$dir/err" >&2 {out}>&- {err}>&- &
	readers+=("$!")
	port 1 out "$dir/out"
	port 2 err "$dir/err"
	if ((interactive)); then
		machine+=(-chardev "stdio,id=terminal,signal=off" -device "virtconsole,chardev=terminal")
		qemu-system-x86_64 "${machine[@]}" <&3 2>"$dir/qemu.log" &
	else
		timeout --foreground -k 5 "$limit" qemu-system-x86_64 "${machine[@]}" \
			</dev/null >"$dir/qemu.log" 2>&1 &
	fi
	qemu=$!
	wait "$qemu"
	qemu_status=$?
	qemu=
	exec {out}>&- {err}>&-
	wait "${readers[@]}"
	readers=()
	kill "$filesystem" 2>/dev/null
	wait "$filesystem" 2>/dev/null
	filesystem=
}

exec 3<&0
for attempt in 1 2 3; do
	boot "$@"
	status=$(tail -n 1 "$dir/status")
	if [[ $status == [0-9]* ]]; then
		exit "$status"
	elif ((qemu_status == 124 || qemu_status == 137)); then
		printf 'run.sh: stopped after %s s%s\n' "$limit" \
			"$([[ -n $status ]] || echo ', while booting')" >&2
		exit 124
	fi
	if [[ -n $status ]] || ((attempt == 3)); then
		break
	fi
	rm -rf -- "$dir"
	printf 'run.sh: the VM died before the command began; once more\n' >&2
done
printf 'run.sh: the VM died (QEMU: %d); its console ended so:\n' "$qemu_status" >&2
{
	# what it is about may stand far above the end
	grep -aE 'Kernel panic|BUG: |Oops: |RIP: 0010' "$console" | head -n 5
	echo ...
	tail -n 25 "$console"
} >&2
cat -- "$dir/qemu.log" >&2
exit 125
