#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What tap.awk must make of the ways in which a test program can end.

source "$(dirname "$0")/lib.sh"

verdicts()
{
	awk -v programs="$1" -f "$TOP/scripts/tap.awk" | cut -f 1,2 | tr '\t\n' ':,'
}

# expect WHAT VERDICTS PROGRAMS < OUTPUT
expect()
{
	local found

	found=$(verdicts "$3")
	[[ $found == "$2" ]] || die "tap.awk on $1: '$found' instead of '$2'"
}

expect "a good program" "pass:a: one,pass:a: two," a <<-END
	## begin a
	TAP version 13
	1..2
	# Starting
	ok 1 one
	ok 2 - two # quick
	## end a 0
END
expect "failure and skip" "fail:a: one,skip:a: two,pass:a: three," a <<-END
	## begin a
	1..3
	not ok 1 one
	ok 2 two # SKIP no swap
	ok 3 three
	## end a 1
END
# What TAP calls TODO, the kernel's harness calls XFAIL and prints as "ok".
expect "failures that are known" "xfail:a: one,xfail:a: two,fail:a: three," a <<-END
	## begin a
	1..3
	ok 1 one # XFAIL a write is lost
	not ok 2 two # TODO a write is lost
	ok 3 three # XPASS unknown
	## end a 0
END
expect "a skipped program" "skip:a," a <<-END
	## begin a
	1..0 # SKIP not this kernel
	## end a 4
END
expect "tests that are missing" "pass:a: one,fail:a," a <<-END
	## begin a
	1..2
	ok 1 one
	## end a 0
END
expect "a status without a failure" "pass:a: one,fail:a," a <<-END
	## begin a
	1..1
	ok 1 one
	## end a 139
END
expect "a program without a plan" "fail:a," a <<-END
	## begin a
	## end a 127
END
expect "a program without tests" "fail:a," a <<-END
	## begin a
	1..0
	## end a 0
END
expect "a VM that ends" "pass:a: one,fail:a,fail:b," "a b" <<-END
	## begin a
	1..1
	ok 1 one
END
reason=$(printf '## begin a\n1..3\nok 1 one\nok 2 two\n' |
	awk -v programs=a -f "$TOP/scripts/tap.awk" | tail -n 1 | cut -f 3)
[[ $reason == "the VM ended while it ran, after 2 of 3 tests; the last was a: two" ]] ||
	die "tap.awk on how far a program came: '$reason'"
