# SPDX-License-Identifier: GPL-2.0
#
# Compares two outputs of guest/mm-selftests: what passed in the first must pass
# in the second. Prints what differs, a line per program, and the sum.

FNR == 1 { run++ }

{ sub(/\r$/, "") }

# A program may be there more than once: what passes in one of the attempts passes.
/^## begin / {
	program = substr($0, 10)
	if (run == 1)
		order[++programs] = program
	attempt++
	next
}

/^## end / {
	if (!((run, program) in ended) || $NF == 0)
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
	# A name may come more than once.
	key = program SUBSEP name SUBSEP (seen[attempt, name]++)
	if (run == 1)
		keys[++all] = key
	if (result[run, key] == "pass" || result[run, key] == verdict)
		next
	if (result[run, key] != "")
		count[run, program, result[run, key]]--
	result[run, key] = verdict
	count[run, program, verdict]++
}

END {
	for (i = 1; i <= programs; i++) {
		p = order[i]
		printf "%-34s without: %3d passed, %2d failed, %2d skipped, status %3s; with: %3d, %2d, %2d, %3s\n",
			p, count[1, p, "pass"], count[1, p, "fail"], count[1, p, "skip"], ended[1, p],
			count[2, p, "pass"], count[2, p, "fail"], count[2, p, "skip"], ended[2, p]
	}
	for (i = 1; i <= all; i++) {
		if (result[1, keys[i]] != "pass")
			continue
		if (result[2, keys[i]] == "pass") {
			passed++
			continue
		}
		split(keys[i], part, SUBSEP)
		printf "FAIL: %s: %s: %s\n", part[1], part[2],
			result[2, keys[i]] == "" ? "was not run" : result[2, keys[i]]
		failed++
		lacks[part[1]] = 1
	}
	for (i = 1; i <= programs; i++) {
		p = order[i]
		passed += ended[1, p] == 0 && ended[2, p] == 0
		# One test or another may have failed in each attempt: then all passed once.
		if (ended[1, p] != 0 || ended[2, p] == 0 || (ended[2, p] == 1 && !lacks[p]))
			continue
		printf "FAIL: %s: ended with status %s\n", p, ended[2, p]
		failed++
	}
	printf "%d passed without and with the module, %d only without\n", passed, failed
	exit failed > 0
}
