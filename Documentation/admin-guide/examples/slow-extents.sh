#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# slow-extents.sh MICROSECONDS COMMAND...: runs a command and prints the extents
# whose threads had to wait longer than that (from unmapping to the commit).
# Needs tracefs and nothing else.

limit=$(($1 * 1000))
shift
trace=/sys/kernel/tracing/instances/slow-extents
event=$trace/events/shmem_collapse/shmem_collapse_extent

mkdir "$trace" || exit 1
trap 'echo 0 >"$event/enable"; rmdir "$trace"' EXIT
echo 'outcome == "collapsed"' >"$event/filter"
echo 1 >"$event/enable"
"$@"
sed -n 's/.*shmem_collapse_extent: //p' "$trace/trace" |
	awk -v limit="$limit" '{
		for (i = 1; i <= NF; i++) {
			split($i, field, "=")
			value[field[1]] = field[2]
		}
		wait = value["unmap_ns"] + value["copy_ns"] + value["commit_ns"]
		if (wait > limit)
			printf "%7.0f us  ino %s, page %s, %s mappings\n", wait / 1000,
				value["ino"], value["index"], value["vmas"]
	}'
