#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# in-root.sh COMMAND [ARGUMENT]...: runs a command in the build root, where the
# checkout is /src and the cache is /cache. All mounts and processes live in
# namespaces of their own, so nothing stays behind however it ends.
#
# With ROOT_LAYER (layer.sh) the packages of that layer are there as well, and
# everything but /src, /cache and /tmp is read-only; LAYER_WRITABLE is for
# those who make it. ROOT_QEMU is what runs a root of arm64 (emulate.sh).

source "$(dirname "$0")/lib.sh"

(($#)) || die "usage: in-root.sh COMMAND [ARGUMENT]..."
need_root
setup_root

# shellcheck disable=SC2016
inside='
	root=$1 top=$2 cache=$3 layer=$4 writable=$5 qemu=$6
	shift 6
	if [[ -n $writable ]]; then
		mount -t overlay overlay -o "lowerdir=$root,upperdir=$layer/files,workdir=$layer/work" \
			"$layer/root" || exit 125
	elif [[ -n $layer ]]; then
		mount -t overlay overlay -o "lowerdir=$layer/files:$root" "$layer/root" || exit 125
	fi
	[[ -z $layer ]] || root=$layer/root
	mount --bind "$top" "$root/src" &&
	mount --bind "$cache" "$root/cache" &&
	mount --rbind /dev "$root/dev" &&
	mount -t proc proc "$root/proc" &&
	mount -t sysfs -o ro sysfs "$root/sys" &&
	mount -t tmpfs -o mode=1777 tmpfs "$root/tmp" || exit 125
	emulate=()
	if [[ -n $qemu ]]; then
		mount -t proc proc /proc || exit 125
		emulate=("$top/scripts/emulate.sh" "$qemu")
	fi
	# Not exec: the first process of a pid namespace ignores most signals.
	"${emulate[@]}" chroot "$root" /usr/bin/env --chdir=/src "$@"
	exit $?
'
exec unshare --mount --pid --fork --kill-child -- /bin/bash -c "$inside" in-root \
	"$BUILD_ROOT" "$TOP" "$CACHE" "${ROOT_LAYER:-}" "${LAYER_WRITABLE:-}" "${ROOT_QEMU:-}" \
	-i HOME=/root TERM="${TERM:-dumb}" LANG=C.UTF-8 JOBS="$JOBS" \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	IN_BUILD_ROOT=1 "$@"
