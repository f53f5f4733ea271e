#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What report.py must make of figures, and that table.py takes them: in the build
# root, without any measurement.

set -euo pipefail
cd "$(dirname "$0")"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# table LINE...: figures of Linux 7.3 and, to be ignored, of an older one.
table()
{
	echo "kernel,engine,mappers,metric,unit,value,rounds"
	printf '6.10.1-x,%s,9\n' madvise,1,extent_time,us,1
	printf '7.3.4+x-cloud,%s,9\n' "$@"
}

# expect WHAT STATUS TEXT OPTION... < FIGURES
expect()
{
	local what=$1 status=$2 text=$3 found=0

	shift 3
	cat >"$WORK/bench.csv"
	python3 -B report.py "$@" "$WORK/bench.csv" >"$WORK/report" || found=$?
	if [[ $found != "$status" ]] || ! grep -qE "$text" "$WORK/report"; then
		cat "$WORK/report"
		echo "error: report.py on $what: status $found instead of $status, or no '$text'" >&2
		exit 1
	fi
	python3 -B table.py "$WORK/bench.csv" | grep '^| Time of an extent' >/dev/null
}

theirs=madvise,1,extent_time,us,5000
ours=shmem_collapse,1
expect "a ratio above the aim" 0 'one call for all, 1 mappers +2\.50 .*aim met' \
	< <(table "$theirs" "$ours,extent_ratio,x,2.5")
expect "a ratio above the must" 0 'one call for all, 1 mappers +2\.00 .* met$' \
	< <(table "$theirs" "$ours,extent_ratio,x,2")
expect "a ratio below the must" 1 'one call for all, 1 mappers +1\.67 .* missed$' \
	< <(table "$theirs" "$ours,extent_ratio,x,1.67")
expect "a count that must be zero" 1 'mmap_lock .* 1 mappers +1\.00 .* missed' \
	< <(table "$theirs" "$ours,mmap_lock_events,1/request,1")
expect "a time without allocation and copy" 0 'without allocation and copy, 1 mappers +8\.00 .*aim met' \
	< <(table "$theirs" "$ours,extent_rest_ratio,x,8")
expect "too few workers" 1 'Two workers against one, 1 mappers +1\.50 .* missed' \
	< <(table "$theirs" "$ours,workers_ratio,x,1.5")
expect "a hopeless extent" 1 'hole.* +6\.00 .* missed' \
	< <(table "$theirs" "$ours,extent_time,us,2000" \
		"$ours,hopeless_hole_time,us,120")
expect "both engines beside compaction" 0 'beside compaction, 8 mappers +0\.00  \(madvise: 10\.00\)' \
	< <(table "$theirs" madvise,8,busy_failed_extents,%,10 shmem_collapse,8,busy_failed_extents,%,0)
expect "nothing measured" 0 'Linux 7\.3' < <(table "$theirs")
expect "nothing measured where all is wanted" 1 'not measured' --all < <(table "$theirs")
