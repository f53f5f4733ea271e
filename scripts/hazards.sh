#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks that each of the 45 hazards of Documentation/mm/engine.rst has a test
# with its number in the name, or a reason there why none can be made, and that
# the tests named there and in vmas.rst exist. Prints "ok H1: TESTS" or "FAIL H1:
# REASON".

source "$(dirname "$0")/lib.sh"

HAZARDS=45
ENGINE=$TOP/Documentation/mm/engine.rst
VMAS=$TOP/Documentation/mm/vmas.rst

# Prints each kselftest by the name that the documentation uses.
kselftests()
{
	local file

	for file in "$TOP"/tools/testing/selftests/shmem_collapse/*.c; do
		sed -nE 's/^[A-Z_]*TEST[A-Z_]*\((\w+, )?(\w+)(, \w+)?\)$/\2/p' "$file" |
			sed "s/^/$(basename "$file" .c)./"
	done
}

# Prints all tests with a number in their name.
all_tests()
{
	kselftests | grep -E '\.H[0-9]+_'
	grep -rhA1 '#\[test\]' "$TOP/rust" | sed -nE 's/.*fn ((h[0-9]+_)+\w+).*/\1/p'
	basename -s .rs "$TOP"/tools/testing/compile_fail/programs/h*_*.rs | grep -v '_ok$'
	sed -nE 's/^\tlacks "(H[0-9]+ [^"]*)".*/kdir.\1/p' "$TOP"/scripts/test.sh | tr ' ' _
}

# Prints the number of each row of the table and the names in its last column.
documented()
{
	awk '
		/^   \* - H[0-9]+$/ { row = $3; column = 0; next }
		/^     - / { column++ }
		/^[^ ]/ { row = "" }
		row != "" && column == 3 {
			gsub(/``/, " ")
			for (i = 1; i <= NF; i++) {
				sub(/[,;]$/, "", $i)
				if ($i ~ /^[a-z_]+\.(H[0-9]+_)+[a-z0-9_]+$|^(h[0-9]+_)+[a-z0-9_]+$/)
					print row "\t" $i
			}
		}' "$ENGINE"
}

# Prints the numbers that engine.rst excuses from a test.
excused()
{
	awk '/^What no test reaches$/ { inside = 1 }
		inside && /^H[0-9]+$/' "$ENGINE"
}

tests=$(all_tests)
rows=$(documented)
excuses=$(excused)
status=0

verdict()
{
	echo "$1 $2: $3"
	[[ $1 == ok ]] || status=1
}

for ((number = 1; number <= HAZARDS; number++)); do
	# H1 must not be found in H12.
	mine=$(grep -iE "(^|[._ ])H${number}[_ ]" <<<"$tests" | tr '\n' ' ' || true)
	named=$(awk -F '\t' -v row="H$number" '$1 == row { print $2 }' <<<"$rows")
	strange=$(grep -vxFf <(echo "$tests") <<<"$named" | grep . | tr '\n' ' ' || true)
	if [[ -n $strange ]]; then
		verdict FAIL "H$number" "engine.rst names tests that do not exist: $strange"
	elif [[ -z $mine ]] && ! grep -qx "H$number" <<<"$excuses"; then
		verdict FAIL "H$number" "no test has this number in its name, and engine.rst does not say why"
	elif [[ -n $mine && -z $named ]]; then
		verdict FAIL "H$number" "engine.rst names none of its tests: $mine"
	else
		verdict ok "H$number" "${mine:-no test: see engine.rst}"
	fi
done

# Words that look like the name of a test, not of a file.
strange=$(grep -oE '\b[a-z_]+\.[A-Za-z0-9_]+' "$VMAS" | grep -vE '\.(c|rs|rst)$' |
	grep -vxFf <(kselftests) | tr '\n' ' ' || true)
if [[ -n $strange ]]; then
	verdict FAIL vmas.rst "names tests that do not exist: $strange"
else
	verdict ok vmas.rst "names tests that exist"
fi
exit $status
