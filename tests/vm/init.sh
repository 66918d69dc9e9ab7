#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# The first process in the VM, by busybox from the initramfs: it makes the machine's / of what the
# host has, read only, and a layer of memory over it, and goes on there with guest.sh. What run.sh
# says is in /vm: `dirs` that may be written on the host, the host's path of the kit's `modules`.

export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /host /over /new
/bin/busybox --install -s /bin

give_up()
{
	echo "vm: $1" >/dev/console
	poweroff -f
}

mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do
	insmod "/modules/$module" || give_up "$module cannot be loaded"
done </modules/order

mount -t virtiofs host /host || give_up 'the host cannot be seen'
mount -t tmpfs -o size=75%,mode=755 over /over
mkdir /over/upper /over/work
mount -t overlay -o lowerdir=/host,upperdir=/over/upper,workdir=/over/work root /new ||
	give_up 'no overlay'

# As a Debian machine has it. kmod, if the host has that, would want another kind of index.
release=$(uname -r)
read -r modules </vm/modules
mkdir -p /new/lib/modules /new/boot
mount --bind "/host$modules" /new/lib/modules
cp "/host${modules%/lib/modules}/config" "/new/boot/config-$release"
rm -f /new/sbin/modprobe
cp /bin/busybox /new/sbin/modprobe

mkdir -p /dev/pts /dev/shm /dev/net
[ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200
mount -t devpts -o gid=5,mode=620,ptmxmode=666 pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t bpf bpf /sys/fs/bpf
mount -t debugfs debug /sys/kernel/debug
mount -t tracefs trace /sys/kernel/tracing
mount -t cgroup2 cgroup /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr

mount -t tmpfs -o mode=755 run /new/run
mkdir /new/run/lock /new/run/netns /new/run/vm
cp -r /vm/. /bin/busybox /new/run/vm
while IFS= read -r dir; do
	mkdir -p "/new$dir"
	mount --bind "/host$dir" "/new$dir" || give_up "$dir cannot be written"
done </vm/dirs

# The ports to the host appear a while after their module, under names of which only this is sure.
tries=0
until [ -e /dev/vm-out ] && [ -e /dev/vm-err ] && [ -e /dev/vm-status ]; do
	for port in /sys/class/virtio-ports/*; do
		name=
		[ ! -e "$port/name" ] || read -r name <"$port/name"
		[ -z "$name" ] || ln -sf "${port##*/}" "/dev/vm-$name"
	done
	tries=$((tries + 1))
	[ "$tries" -lt 500 ] || give_up 'no ports to the host'
	[ "$tries" = 1 ] || usleep 10000
done

for dir in proc sys dev; do
	mount --move "/$dir" "/new/$dir"
done
# Still process 1, so that what the kernel starts (modprobe) gets the new / too.
exec switch_root /new /run/vm/busybox sh /run/vm/guest.sh
