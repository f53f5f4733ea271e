#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# emulate.sh QEMU COMMAND...: runs a command in a user namespace of its own, where
# QEMU, a static qemu-aarch64, runs each program for arm64 that is started. The rest of
# the machine does not see that.

source "$(dirname "$0")/lib.sh"

(($# > 1)) || die "usage: emulate.sh QEMU COMMAND..."
qemu=$1
shift

# What a program for arm64 begins with, and which bits of that count.
magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'

# F: the kernel opens QEMU now, so that it need not be there after a chroot. P: argv[0]
# stays what it is.
# shellcheck disable=SC2016
inside='
	read -r -u "$1"
	if ! mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc 2>/dev/null ||
		! printf "%s" "$2" >/proc/sys/fs/binfmt_misc/register; then
		echo "error: programs for arm64 cannot be run here: that takes Linux 6.7 with CONFIG_BINFMT_MISC" >&2
		exit 125
	fi
	shift 2
	exec "$@"
'

user_namespace()
{
	readlink "/proc/$1/ns/user" || true
}

exec {gate}<> <(:)
# In the background it has no input of its own.
unshare --user --mount -- bash -c "$inside" emulate "$gate" \
	":arm64:M::$magic:$mask:$qemu:PF" "$@" <&0 &
pid=$!
# In the background it would not see Ctrl-C either.
trap 'kill "$pid"' INT TERM
own=$(user_namespace self)
while [[ $(user_namespace $pid) == "$own" ]]; do
	sleep 0.02
done
# All users are who they are outside.
for map in uid_map gid_map; do
	{ echo '0 0 4294967295' >"/proc/$pid/$map"; } 2>/dev/null ||
		die "programs for arm64 cannot be run here: that takes a user namespace"
done
echo >&"$gate"
wait $pid
