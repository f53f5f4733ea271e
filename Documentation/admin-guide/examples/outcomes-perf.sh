#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# outcomes-perf.sh COMMAND...: records all extents while a command runs and
# counts them by outcome.

data=$(mktemp) || exit 1
trap 'rm -f "$data"' EXIT
perf record -q -a -o "$data" -e shmem_collapse:shmem_collapse_extent -- "$@" || exit 1
# A stretch of holes is one event for many extents.
perf script -i "$data" |
	sed -n 's/.*outcome=\([a-z_]*\).* extents=\([0-9]*\).*/\1 \2/p' |
	awk '{ n[$1] += $2 } END { for (outcome in n) printf "%7d %s\n", n[outcome], outcome }' |
	sort -k 2
