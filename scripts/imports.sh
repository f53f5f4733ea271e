#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks the imports of the Rust code: folders of rust/ import from folders below
# them, no files import each other, be it in a circle, and a file imports from the
# one that defines, since no folder exports what its files define. Prints "ok NAME:
# WHAT IT IMPORTS" or "FAIL NAME: WHAT IT MUST NOT" for each folder and check.
#
# Use: scripts/imports.sh [DIRECTORY], which is rust/ if not named.

set -euo pipefail

scripts=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$scripts/../rust}"

# From bottom to top. A folder that is missing here is an error.
ORDER=(bindings support pgtable hugetlb mm view collapse interface)

# Selects the types of one architecture by its configuration.
SELECTS=hugetlb/arch/mod.rs

status=0
fail()
{
	echo "FAIL $1: $2"
	status=1
}

mapfile -t files < <(find . -name '*.rs' ! -name '*generated*' -printf '%P\n' | sort)
[[ ${#files[@]} -gt 0 ]] || { echo "FAIL files: none in $PWD"; exit 1; }
edges=$(awk -f "$scripts/imports.awk" "${files[@]}" | sort)
[[ -n $edges ]] || fail "files" "no imports found"

# imports FOLDER: the folders that its files import from
imports()
{
	sed -nE "s,^$1/[^ ]* ([^/ ]*)/.*,\1,p" <<<"$edges" | grep -vx "$1" | sort -u
}

below=" "
for folder in "${ORDER[@]}"; do
	here=
	above=
	while read -r name; do
		if [[ $below == *" $name "* ]]; then
			here+=" $name"
		else
			above+=" $name"
		fi
	done < <(imports "$folder")
	if [[ -n $above ]]; then
		fail "$folder" "imports$above, which must not be below it"
	else
		echo "ok $folder: imports${here:- nothing}"
	fi
	below+="$folder "
done
for folder in */; do
	[[ $below == *" ${folder%/} "* ]] ||
		fail "${folder%/}" "has no place in the order of scripts/imports.sh"
done

# tsort names the members of each circle behind its complaint.
if circle=$(tsort <<<"$edges" 2>&1 >/dev/null); then
	echo "ok files: no circle in $(wc -l <<<"$edges") imports"
else
	fail "files" "import each other in a circle: $(grep -o '[^ ]*\.rs' <<<"$circle" | xargs)"
fi

faces=$(grep -HE '^ *pub(\([a-z: ]*\))? use ' "${files[@]}" | grep -v ' use kernel::' |
	sed 's,:.*,,' | grep -vx "$SELECTS" | sort -u | xargs || true)
if [[ -z $faces ]]; then
	echo "ok faces: none exports what another file defines"
else
	fail "faces" "$faces must not export what another file defines"
fi
exit $status
