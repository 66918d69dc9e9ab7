#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# Process 1 of the VM from init.sh on: runs the command and tells the host how it ended. A port of
# that name must be there, or the shell would make a file.

export PATH=/usr/sbin:/usr/bin:/sbin:/bin
bb=/run/vm/busybox

$bb hostname vm
$bb ip link set lo up
# as systemd has it
# shellcheck disable=SC3045 # busybox knows it
ulimit -Hn 524288
echo started >/dev/vm-status
if [ -e /run/vm/interactive ]; then
	# in the session: what is set is forgotten when nobody has the terminal open
	# shellcheck disable=SC2016 # that shell expands it
	$bb setsid -c $bb sh -c '/run/vm/busybox stty sane $(cat /run/vm/interactive)
		exec /bin/bash /run/vm/command' </dev/hvc0 >/dev/hvc0 2>&1
else
	$bb setsid /bin/bash /run/vm/command </dev/null >/dev/vm-out 2>/dev/vm-err
fi
status=$?
$bb sync
echo "$status" >/dev/vm-status
# with QEMU's -no-reboot the fastest way out
echo b >/proc/sysrq-trigger
$bb sleep 10
$bb poweroff -f
