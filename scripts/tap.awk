# SPDX-License-Identifier: GPL-2.0
#
# Reads the output of guest/tests and prints one line per test:
# pass|fail|skip|xfail, the name, and a reason, separated by tabs. -v programs= is
# the list of the programs that must appear.

function result(verdict, name, reason)
{
	printf "%s\t%s\t%s\n", verdict, name, reason
	seen++
	last = name
	if (verdict == "fail")
		failed++
}

# Splits "NAME # DIRECTIVE REASON" of a test line.
function test_line(verdict, text,    name, directive)
{
	name = text
	directive = ""
	if (match(text, /(^|[ \t]+)#[ \t]*/)) {
		name = substr(text, 1, RSTART - 1)
		directive = substr(text, RSTART + RLENGTH)
	}
	sub(/^- /, "", name)
	if (directive ~ /^(XFAIL|TODO)/)
		result("xfail", program ": " name, directive)
	else if (verdict == "pass" && directive ~ /^XPASS/)
		result("fail", program ": " name, directive)
	else if (verdict == "pass" && directive ~ /^SKIP/)
		result("skip", program ": " name, directive)
	else
		result(verdict, program ": " name, directive)
}

function end_program(status)
{
	if (plan < 0 && !skipped_all)
		result("fail", program, "ended with status " status " before it said how many tests it has")
	else if (!skipped_all && seen != plan)
		result("fail", program, "ran " seen " of " plan " tests and ended with status " status)
	else if (!skipped_all && plan == 0)
		result("fail", program, "has no tests")
	else if (status != 0 && status != 4 && !failed)
		result("fail", program, "ended with status " status (status == 137 ? " (killed, perhaps for taking too long)" : ""))
	program = ""
}

{ sub(/\r$/, "") }

/^## begin / {
	program = $3
	begun[program] = 1
	plan = -1
	last = ""
	seen = failed = skipped_all = 0
	next
}

program == "" { next }

/^## end / { end_program($4); next }

/^1\.\.[0-9]+/ {
	plan = substr($1, 4) + 0
	if (plan == 0 && match($0, /# *SKIP */)) {
		skipped_all = 1
		result("skip", program, substr($0, RSTART + RLENGTH))
	}
	next
}

/^ok [0-9]+/ { sub(/^ok [0-9]+ ?/, ""); test_line("pass", $0); next }
/^not ok [0-9]+/ { sub(/^not ok [0-9]+ ?/, ""); test_line("fail", $0); next }

END {
	if (program != "")
		result("fail", program, "the VM ended while it ran, after " seen + 0 " of " \
			(plan < 0 ? "?" : plan) " tests" (last == "" ? "" : "; the last was " last))
	count = split(programs, name, " ")
	for (i = 1; i <= count; i++)
		if (!(name[i] in begun))
			result("fail", name[i], "was not run")
}
