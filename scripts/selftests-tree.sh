#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# selftests-tree.sh [PROGRAM]...: builds the selftests, or some of them, the way
# a kernel developer does, in a kernel source tree that has them and the module's
# header, and checks that each is there and listed.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

setup_all
# The tree is an overlay on the cached source; it goes with the mount namespace.
# shellcheck disable=SC2016
in_root bash -e -c '
	source=$1 selftests=$2
	shift 2
	mkdir /tmp/upper /tmp/work /tmp/linux
	mount -t overlay overlay -o "lowerdir=$source,upperdir=/tmp/upper,workdir=/tmp/work" /tmp/linux
	cp -r "$selftests" "/tmp/linux/$selftests"
	cp include/uapi/linux/shmem_collapse.h /tmp/linux/include/uapi/linux
	cd /tmp/linux
	make -s -j"$JOBS" headers
	kselftest() { make -s -j"$JOBS" -C tools/testing/selftests TARGETS=shmem_collapse FORCE_TARGETS=1 "$@"; }
	kselftest all ${1:+TESTS="$*"}
	kselftest install KSFT_INSTALL_PATH=/tmp/installed ${1:+TESTS="$*"}
	cd /tmp/installed
	(($#)) || set -- $(sed "s/[# ].*//" shmem_collapse/tests.list)
	for program; do
		[[ -x shmem_collapse/$program ]]
		grep -qx "shmem_collapse:$program" kselftest-list.txt
	done
	[[ -f shmem_collapse/settings && -f shmem_collapse/config ]]
	echo "$# programs, built and installed in a kernel tree"' \
	bash "$KERNEL_SOURCE" "$SELFTESTS" "$@"
