#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# model-names.sh: every step of the model says which function it stands for, and
# those functions exist: in rust/, wherever they are, or in the kernel's source.
# Prints "ok NAME: WHAT" or "FAIL NAME: WHY" for each of three tests.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/kernels/source.sh
source "$TOP/scripts/kernels/source.sh"

MODEL=$TOP/Documentation/mm/model
# Where the kernel's functions are.
PLACES=(mm fs/shmem.c include/linux include/asm-generic virt/kvm)
status=0

verdict()
{
	echo "$1 $2: $3"
	[[ $1 == ok ]] || status=1
}

# Files with steps: the others are what steps are made of.
steps()
{
	find "$MODEL" -name '*.pml' ! -name state.pml ! -name locks.pml \
		! -name memory.pml ! -name end.pml ! -name collapse.pml | sort
}

# Outermost atomic steps that name nothing.
unnamed()
{
	local files

	mapfile -t files < <(steps)
	awk '
		FNR == 1 { inside = depth = 0 }
		{
			line = $0
			gsub(/"[^"]*"/, "", line)
		}
		!inside && line ~ /(atomic|d_step) \{/ {
			inside = 1
			named = depth = 0
			start = FNR
		}
		inside {
			depth += gsub(/\{/, "{", line) - gsub(/\}/, "}", line)
			if ($0 ~ /printf\("(rust|linux) [A-Za-z_:]+\(\)|printf\("(CPU|a device|a guest|a thread)/)
				named = 1
			if (depth <= 0) {
				if (!named)
					print FILENAME ":" start
				inside = 0
			}
		}' "${files[@]}" | sed "s,$MODEL/,,"
}

# names rust|linux: what is said of it, one a line.
names()
{
	local files

	mapfile -t files < <(steps)
	grep -ohE "\"$1 [A-Za-z_:]+\(\)(, [A-Za-z_:]+\(\))*" "${files[@]}" |
		sed -E "s/^\"$1 //; s/\(\)//g; s/, /\n/g" | sort -u
}

# Functions, and the types before "::", that rust/ does not have.
gone_from_rust()
{
	local name function type

	for name in $(names rust); do
		function=${name##*::}
		grep -rqE "\bfn $function\b|\bshmem_collapse_$function\(" "$TOP/rust" ||
			echo "$name()"
		[[ $name == *::* ]] || continue
		type=${name%::*}
		grep -rqE "\b(struct|enum|trait) $type\b" "$TOP/rust" || echo "$type"
	done
}

gone_from_linux()
{
	local places=()

	source_setup
	mapfile -t places < <(cd "$SOURCE_DIR" && ls -d "${PLACES[@]}" 2>/dev/null)
	(cd "$SOURCE_DIR" && grep -rohwFf <(names linux) "${places[@]}") | sort -u |
		comm -13 - <(names linux)
}

# names_verdict rust|linux GONE
names_verdict()
{
	if [[ -n $2 ]]; then
		verdict FAIL "names of $1" "the model names what is gone: ${2//$'\n'/ }"
	else
		verdict ok "names of $1" "$(names "$1" | wc -l) functions"
	fi
}

setup_root
missing=$(unnamed | tr '\n' ' ')
if [[ -n $missing ]]; then
	verdict FAIL "steps of the model" "no function is named at $missing"
else
	verdict ok "steps of the model" "each names a function"
fi
names_verdict rust "$(gone_from_rust)"
names_verdict linux "$(gone_from_linux)"
exit $status
