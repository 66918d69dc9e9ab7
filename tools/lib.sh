# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
#
# What the scripts in tools/ share. Sourced; sets the working directory to the repository root.

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." || exit 1

# bpftool and ip live there, outside an ordinary user's PATH on Debian.
PATH=$PATH:/usr/sbin:/sbin

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# is_root, can_be_root: whether as_root will do something.
is_root()
{
	[[ $(id -u) == 0 ]]
}

can_be_root()
{
	is_root || command -v sudo >/dev/null
}

# as_root COMMAND...: with sudo when needed.
as_root()
{
	if is_root; then
		"$@"
	else
		sudo -- "$@"
	fi
}

# as_caller COMMAND...: as the person who called sudo, so that what is built belongs to them.
as_caller()
{
	if is_root && [[ -n ${SUDO_USER-} && $SUDO_USER != root ]]; then
		runuser -u "$SUDO_USER" -- "$@"
	else
		"$@"
	fi
}
