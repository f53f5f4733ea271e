#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# outcomes-perf.sh COMMAND...: records all extents while a command runs and
# counts them by outcome.

data=$(mktemp) || exit 1
trap 'rm -f "$data"' EXIT
perf record -q -a -o "$data" -e shmem_collapse:shmem_collapse_extent -- "$@" || exit 1
perf script -i "$data" | sed -n 's/.*outcome=\([a-z_]*\).*/\1/p' | sort | uniq -c
