#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Checks that the folders of rust/ import only from folders below them, so that
# there is no cycle. Prints "ok FOLDER: WHAT IT IMPORTS" or "FAIL FOLDER: WHAT IT
# MUST NOT".
#
# Use: scripts/imports.sh [DIRECTORY], which is rust/ if not named.

set -euo pipefail

rust=${1:-$(dirname "$0")/../rust}

# From bottom to top. A folder that is missing here is an error.
ORDER=(bindings support pgtable hugetlb mm collapse interface)

# imports FOLDER: the names that its files import from the crate's root
imports()
{
	find "$rust/$1" -name '*.rs' ! -name '*generated*' -exec cat {} + |
		sed 's,//.*,,' | tr -s '[:space:]' ' ' | awk '
		{
			text = $0
			while (i = index(text, "crate::")) {
				text = substr(text, i + 7)
				if (text !~ /^ *\{/) {
					match(text, /^[a-z_0-9]*/)
					print substr(text, 1, RLENGTH)
					continue
				}
				# The first name of each element of the list.
				depth = 0
				name = ""
				for (j = 1; j <= length(text); j++) {
					c = substr(text, j, 1)
					if (c ~ /[A-Za-z_0-9]/) {
						name = name c
						continue
					}
					if (name != "" && depth == 1 && first) {
						print name
						first = 0
					}
					name = ""
					if (c == "{" && ++depth == 1 || c == "," && depth == 1)
						first = 1
					if (c == "}" && --depth == 0)
						break
				}
			}
		}' | sort -u
}

below=" "
status=0
for folder in "${ORDER[@]}"; do
	here=
	above=
	while read -r name; do
		[[ -n $name && -d $rust/$name && $name != "$folder" ]] || continue
		if [[ $below == *" $name "* ]]; then
			here+=" $name"
		else
			above+=" $name"
		fi
	done < <(imports "$folder")
	if [[ -n $above ]]; then
		echo "FAIL $folder: imports$above, which must not be below it"
		status=1
	else
		echo "ok $folder: imports${here:- nothing}"
	fi
	below+="$folder "
done
for folder in "$rust"/*/; do
	folder=$(basename "$folder")
	if [[ $below != *" $folder "* ]]; then
		echo "FAIL $folder: has no place in the order of scripts/imports.sh"
		status=1
	fi
done
exit $status
