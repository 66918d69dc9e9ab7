# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the running kernel says of why it drops a packet.

# k_has_reasons: since Linux 5.17
k_has_reasons()
{
	grep -qa skb_drop_reason /sys/kernel/btf/vmlinux 2>/dev/null
}

# k_has_drop_socket: it says whose buffer was full, too: since Linux 6.11. Before, a function must do.
k_has_drop_socket()
{
	grep -qa sk_skb_reason_drop /sys/kernel/btf/vmlinux 2>/dev/null
}

# k_reason NAME: prints it, or what stands in its place where there are none.
k_reason()
{
	if k_has_reasons; then
		echo "$1"
	else
		echo NOT_SPECIFIED
	fi
}
