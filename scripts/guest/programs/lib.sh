# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the programs in the guest's Debian share. Sourced.

set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
CONTROL=/sys/kernel/mm/shmem_collapse
tests=0

plan()
{
	echo "TAP version 13"
	echo "1..$1"
}

# check NAME COMMAND...: one test that is a command.
check()
{
	local name=$1 verdict="ok"

	shift
	tests=$((tests + 1))
	"$@" || verdict="not ok"
	echo "$verdict $tests $name"
}

# note WHAT...: a line for the reader.
note()
{
	echo "# $*"
}

# field NAME PID: kilobytes of a field of smaps_rollup.
field()
{
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$2/smaps_rollup"
}

# collapse REQUEST: as in the administrator's guide; says what became of it.
collapse()
{
	local status=0

	echo 1 >$CONTROL/stats/reset
	echo "$1" >$CONTROL/collapse || status=1
	note "extents by outcome: $(cd $CONTROL/stats && grep -s . collapsed already_huge failed_* |
		sed -n '/:0$/!s/:/ /p' | paste -sd ,)"
	return $status
}
