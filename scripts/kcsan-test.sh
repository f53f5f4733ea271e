#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What kcsan.awk must make of the reports that a console can have.

source "$(dirname "$0")/lib.sh"

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# report CALLER TITLE: the lines of a report as the kernel prints them.
report()
{
	local line

	while read -r line; do
		printf '[   12.345678][%7s] %s\n' "$1" "$line"
	done <<-END
		==================================================================
		BUG: KCSAN: data-race in $2

		write to 0xffff888012345678 of 8 bytes by task 77 on cpu 1:
		 first+0x12/0x40
		 WARNING: this line is part of the report
		Reported by Kernel Concurrency Sanitizer on:
		==================================================================
	END
}

# expect WHAT LINES OTHERS < CONSOLE: how many lines are left, and the pairs.
expect()
{
	local left others

	cat >"$WORK/console"
	rm -f "$WORK/others"
	awk -v others="$WORK/others" -f "$TOP/scripts/kcsan.awk" "$WORK/console" "$WORK/console" >"$WORK/left"
	[[ $(wc -l <"$WORK/left") == "$(wc -l <"$WORK/console")" ]] ||
		die "kcsan.awk on $1: lines have other numbers"
	left=$(grep -c . "$WORK/left" || true)
	others=$(sed 's/^ *//' "$WORK/others" 2>/dev/null | paste -sd ',' || true)
	[[ $left == "$2" && $others == "$3" ]] ||
		die "kcsan.awk on $1: $left lines and '$others' instead of $2 and '$3'"
}

expect "both accesses of the module" 8 "" < <(report T77 "copy [shmem_collapse] / publish [shmem_collapse]")
expect "one access of the module" 8 "" < <(report T77 "copy [shmem_collapse] / folio_unlock")
expect "the other one of the module" 8 "" < <(report T77 "folio_lock / publish [shmem_collapse]")
expect "a race of unknown origin in the module" 8 "" < <(report C1 "copy+0x1c/0x90 [shmem_collapse]")
expect "a planted one" 8 "" < <(report T77 "planted_race [shmem_collapse_plant] / planted_race [shmem_collapse_plant]")
expect "a race of others" 0 "1 folio_lock / tick_sched_do_timer" < <(report T77 "folio_lock / tick_sched_do_timer")
expect "one of another module" 0 "1 zram_write [zram] / zram_read [zram]" \
	< <(report T77 "zram_write [zram] / zram_read [zram]")
expect "one of unknown origin elsewhere" 0 "2 tick" < <(report C0 "tick+0x1/0x2"; report T3 "tick+0x3/0x4")
expect "what comes after" 1 "1 a / b" < <(report T77 "a / b"; echo "[   13.000000][    T77] vm: running request")
# Line by line, the second task's report in between.
expect "two at the same time" 8 "1 a / b" \
	< <(paste -d '\n' <(report T77 "a / b") <(report T78 "c [shmem_collapse] / d"))
expect "another task's line in between" 1 "1 a / b" < <(
	report T77 "a / b" | sed '3a [   12.345678][     T1] WARNING: somewhere else'
)
expect "what is no race" 8 "" < <(report T77 "x" | sed 's/KCSAN/KASAN/')
expect "a console without callers" 1 "1 a / b" < <(
	{ report T77 "a / b"; echo "[   13.000000][    T77] end"; } | sed 's/\[ *T77\]//'
)
