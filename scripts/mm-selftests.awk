# SPDX-License-Identifier: GPL-2.0
#
# Compares two outputs of guest/mm-selftests: what passed in the first must pass
# in the second. Prints what differs, a line per program, and the sum.

# Why a test may fail with the module only: the loop makes memory huge behind its
# back. "" if nothing is known.
function reason(program, name)
{
	if (program == "uffd-unit-tests" && name ~ /^rwp-.* on shmem/)
		return "protection from reading goes with the entry, also in the kernel's own collapse"
	return ""
}

FNR == 1 { run++ }

{ sub(/\r$/, "") }

/^## begin / { program = substr($0, 10); if (run == 1) order[++programs] = program; next }

/^## end / {
	ended[run, program] = $NF
	program = ""
	next
}

program == "" { next }

# Numbers, addresses and times of a name differ from run to run.
/^(ok|not ok) / {
	verdict = $1 == "ok" ? "pass" : "fail"
	name = $0
	sub(/^(ok|not ok) [0-9]* ?-? ?/, "", name)
	if (name ~ /# *SKIP/)
		verdict = "skip"
	sub(/ *#.*/, "", name)
	gsub(/0x[0-9a-f]+|[0-9]+/, "N", name)
	count[run, program, verdict]++
	# A name may come more than once.
	key = program SUBSEP name SUBSEP (seen[run, program, name]++)
	result[run, key] = verdict
	if (run == 1)
		keys[++all] = key
}

END {
	for (i = 1; i <= all; i++) {
		if (result[1, keys[i]] != "pass")
			continue
		if (result[2, keys[i]] == "pass") {
			passed++
			continue
		}
		split(keys[i], part, SUBSEP)
		verdict = result[2, keys[i]] == "" ? "was not run" : result[2, keys[i]]
		why = reason(part[1], part[2])
		if (why != "") {
			lines = lines part[1] ": " part[2] ": " verdict ": " why "\n"
			explained++
			known[part[1]]++
		} else {
			lines = lines "FAIL: " part[1] ": " part[2] ": " verdict "\n"
			failed++
		}
	}
	for (i = 1; i <= programs; i++) {
		p = order[i]
		printf "%-34s without: %3d passed, %2d failed, %2d skipped, status %3s; with: %3d, %2d, %2d, %3s\n",
			p, count[1, p, "pass"], count[1, p, "fail"], count[1, p, "skip"], ended[1, p],
			count[2, p, "pass"], count[2, p, "fail"], count[2, p, "skip"], ended[2, p]
		passed += ended[1, p] == 0 && ended[2, p] == 0
		if (ended[1, p] != 0 || ended[2, p] == 0)
			continue
		# A test that failed makes its program fail.
		if (ended[2, p] == 1 && known[p] && count[2, p, "fail"] == count[1, p, "fail"] + known[p])
			continue
		lines = lines "FAIL: " p ": ended with status " ended[2, p] "\n"
		failed++
	}
	printf "%s%d passed without and with the module, %d only without, %d more are explained\n",
		lines, passed, failed, explained
	exit failed > 0
}
