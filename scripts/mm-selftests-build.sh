#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mm-selftests-build.sh SOURCE DIRECTORY ARCH PROGRAM...: builds programs of the
# kernel's tools/testing/selftests/mm, static, without a change to the source. In
# PROGRAM.routed, MADV_COLLAPSE is a request of the module. Runs in the build root,
# with the layer of that name.

set -euo pipefail

source=$1 to=$2 arch=$3
shift 3

mkdir -p "$to/headers"
to=$(cd "$to" && pwd)
make -s -C "$source" O="$to/headers" ARCH="$arch" headers
# What the kernel's own Makefile would find out.
echo '#define LOCAL_CONFIG_HAVE_LIBURING 1' >"$to/local_config.h_gen"

route=$PWD/tools/testing/shmem_collapse/routed/madvise.c

cd "$source/tools/testing/selftests/mm"
for program; do
	common=
	[[ $program != uffd-* ]] || common=uffd-common.c
	[[ $program != *.routed ]] || common="-Wl,--wrap=madvise $route"
	# shellcheck disable=SC2086
	gcc -w -O2 -U_FORTIFY_SOURCE -static -D_GNU_SOURCE= -I"$to" -I"$source" \
		-I"$source/tools/testing/selftests" -isystem "$to/headers/usr/include" \
		-isystem "$source/tools/include/uapi" -o "$to/$program" \
		"${program%.routed}.c" vm_util.c hugepage_settings.c $common -luring -lnuma -lcap -lrt -lpthread -lm
done
