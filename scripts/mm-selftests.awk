# SPDX-License-Identifier: GPL-2.0
#
# Compares two outputs of guest/mm-selftests: what passed in the first must pass
# in the second. Prints what differs, a line per program, and the sum.

# What differs and may: the loop makes memory huge behind a test's back.
BEGIN {
	why["uffd-unit-tests", "rwp-mprotect on shmem"] = \
		"protection from reading goes with the entry, also in the kernel's own collapse"
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
	for (i = 1; i <= programs; i++) {
		p = order[i]
		printf "%-34s without: %3d passed, %2d failed, %2d skipped, status %3s; with: %3d, %2d, %2d, %3s\n",
			p, count[1, p, "pass"], count[1, p, "fail"], count[1, p, "skip"], ended[1, p],
			count[2, p, "pass"], count[2, p, "fail"], count[2, p, "skip"], ended[2, p]
		if (ended[1, p] == 0 && ended[2, p] != 0) {
			printf "FAIL: %s: ended with status %s\n", p, ended[2, p]
			failed++
		}
		passed += ended[1, p] == 0 && ended[2, p] == 0
	}
	for (i = 1; i <= all; i++) {
		if (result[1, keys[i]] != "pass")
			continue
		if (result[2, keys[i]] == "pass") {
			passed++
			continue
		}
		split(keys[i], part, SUBSEP)
		verdict = result[2, keys[i]] == "" ? "was not run" : result[2, keys[i]]
		if ((part[1], part[2]) in why) {
			printf "%s: %s: %s: %s\n", part[1], part[2], verdict, why[part[1], part[2]]
			explained++
			continue
		}
		printf "FAIL: %s: %s: %s\n", part[1], part[2], verdict
		failed++
	}
	printf "%d passed without and with the module, %d only without, %d more are explained\n",
		passed, failed, explained
	exit failed > 0
}
