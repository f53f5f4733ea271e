#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mutation.sh [MUTANT]...: checks that a test fails when a guard is missing. Each
# patch of tools/testing/mutation/ removes one guard from a copy of this checkout,
# where the tests that the patch names run. Without arguments it tries all patches
# and writes the table of Documentation/mm/mutation.rst.

source "$(dirname "$0")/lib.sh"

MUTANTS=$TOP/tools/testing/mutation
WORK=$TOP/build/mutation
TABLE=$TOP/Documentation/mm/mutation.csv

# field PATCH NAME: a line "NAME: value" above the diff.
field()
{
	sed -nE "/^--- /q; s/^$2: //p" "$1"
}

# Unchanged files keep their time stamps, so that only the mutant is rebuilt;
# changed ones get a new one, in both directions.
fresh_copy()
{
	mkdir -p "$WORK/tree"
	in_root rsync -rlp --checksum --delete --exclude=/build --exclude=/.git \
		"$ROOT_SRC/" "$ROOT_SRC/build/mutation/tree/"
}

# run_tests KERNEL TESTS LOG: the programs TESTS, which may also name groups of
# test.sh, or the KUnit suites if there are none. Fails if a test does, with status 2 if nothing could be tested because the
# mutant does not compile. What it still imports is not the question.
run_tests()
{
	local kernel=$1 tests=$2 log=$3 results=$WORK/tree/build/test
	local groups=() word
	local -x KERNEL=$kernel TEST='' VM_TIMEOUT=${VM_TIMEOUT:-600}
	local -x PROGRAM_SECONDS=${PROGRAM_SECONDS:-150}

	for word in $tests; do
		if [[ $word == @(load|module-link) ]]; then
			groups+=("$word")
		else
			TEST+="$word "
		fi
	done
	[[ -z $TEST ]] || groups+=(kselftest)
	TEST=${TEST% }
	"$WORK/tree/scripts/test.sh" build >"$log" 2>&1 || true
	! grep -qsP '^fail\t(?!exports)' "$results/build" || return 2
	"$WORK/tree/scripts/test.sh" "${groups[@]:-kunit-$kernel}" >>"$log" 2>&1 || true
	FAILED=$(awk -F '\t' '$1 == "fail" && $2 != "exports" && $2 != "VM" { print $2 }' "$results"/* |
		head -n 3 | paste -sd ';' | sed 's/;/; /g')
	[[ -n $FAILED ]] || ! grep -qsP '^fail\tVM' "$results"/* || FAILED="the console, or a hang"
	[[ -z $FAILED ]]
}

baseline()
{
	local kernel tests log m

	for kernel in $(for m in "${patches[@]}"; do field "$m" Kernel; done | sort -u); do
		tests=$(for m in "${patches[@]}"; do
			[[ $(field "$m" Kernel) != "$kernel" ]] || field "$m" Tests
		done | tr ' ' '\n' | sort -u | paste -sd ' ')
		log=$WORK/baseline-$kernel.log
		fresh_copy
		note "without a mutant, on the $kernel kernel: ${tests:-KUnit}"
		VM_TIMEOUT=2400 PROGRAM_SECONDS=300 run_tests "$kernel" "$tests" "$log" ||
			die "the tests fail without any mutant ($FAILED), so they prove nothing: see $log"
	done
}

# try PATCH: sets VERDICT and BY.
try()
{
	local patch=$1 log status=0

	log=$WORK/$(basename "$patch" .patch).log
	fresh_copy
	if ! in_root patch --batch --forward -s -p1 -d "$ROOT_SRC/build/mutation/tree" \
		-i "$ROOT_SRC/${patch#"$TOP/"}" >"$log" 2>&1; then
		VERDICT=stale BY="the patch does not apply any more"
		return
	fi
	run_tests "$(field "$patch" Kernel)" "$(field "$patch" Tests)" "$log" || status=$?
	case $status in
	0) VERDICT=survived BY=$(field "$patch" Why) ;;
	2) VERDICT=stale BY="the mutant does not compile any more" ;;
	*) VERDICT=caught BY=$FAILED ;;
	esac
}

need_root
setup_root
if (($#)); then
	patches=("${@/#/$MUTANTS/}")
	patches=("${patches[@]/%/.patch}")
else
	patches=("$MUTANTS"/*.patch)
fi
mkdir -p "$WORK"
[[ -n ${BASELINE_DONE:-} ]] || baseline

rows=$WORK/rows.csv
commit=$(git -C "$TOP" rev-parse --short=7 HEAD)
: >"$rows"
declare -A count=()
for patch in "${patches[@]}"; do
	[[ -f $patch ]] || die "there is no mutant $patch"
	name=$(basename "$patch" .patch)
	try "$patch"
	count[$VERDICT]=$((${count[$VERDICT]:-0} + 1))
	printf '%-8s %-34s %s\n' "$VERDICT" "$name" "$BY"
	printf '"%s","%s","%s","%s","%s","%s"\n' "$name" "$(field "$patch" Hazard)" \
		"$(field "$patch" What)" "$VERDICT" "${BY//\"/\'}" "$commit" >>"$rows"
done
if ((! $#)); then
	{ echo 'Mutant,Hazard,What is missing,Verdict,By,Commit'; cat "$rows"; } >"$TABLE"
fi
printf '%d caught, %d survived, %d stale\n' "${count[caught]:-0}" "${count[survived]:-0}" \
	"${count[stale]:-0}"
((${count[stale]:-0} == 0))
