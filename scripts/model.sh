#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# model.sh [--brief] [NAME]...: checks the model of the protocol in
# Documentation/mm/model/ with SPIN, exhaustively, and prints a line for each
# configuration:
#
#   ok NAME: states, depth, seconds; or the steps of a counterexample
#   FAIL NAME: why
#
# and "N passed, N failed" last. A counterexample is written down as an
# interleaving in build/model/NAME.txt, and shown if NAME was asked for. --brief
# is what "make test" runs: each actor alone, and every rule that is taken away.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/layer.sh
source "$TOP/scripts/layer.sh"

MODEL=$TOP/Documentation/mm/model
OUT=$TOP/build/model
# A second is enough for most; this is for what has gone wrong.
SECONDS_EACH=${SECONDS_EACH:-900}

# Who takes part beside a request. SUBJECT is the VMA that most work on; THREAD_AT
# and EXIT_AT are chosen below.
declare -A RUN=(
	[thread]="run thread(0, THREAD_AT, 2)"
	[second-request]="skip"
	[dontneed]="run dontneed(SUBJECT)"
	[munmap]="run munmap(SUBJECT)"
	[reap-file]="run reap(true)"
	[reap-process]="run reap(false)"
	[exit]="run exit(EXIT_AT)"
	[fork]="run fork()"
	[mremap-behind]="run mremap(0, VMAS - 1)"
	[mremap-before]="run mremap(1, 0)"
	[mprotect]="run mprotect(SUBJECT)"
	[truncate]="run truncate()"
	[read]="run reader()"
	[write]="run writer()"
	[gup-fast]="run gup_fast(SUBJECT)"
	[memfd-pin]="run memfd_pin()"
	[swap-out]="run swap_out()"
	[migrate]="run migrate()"
	[notifier]="run secondary_mmu()"
	[uffd-missing]="run uffd_missing()"
	[uffd-minor]="run uffd_minor()"
)
ACTORS=(thread second-request dontneed munmap reap-file reap-process exit fork mremap-behind mremap-before
	mprotect truncate read write gup-fast memfd-pin swap-out migrate notifier
	uffd-missing uffd-minor)

# has NAME LIST: one word of several.
has()
{
	[[ " $2 " == *" $1 "* ]]
}

# impossible ACTOR...: these do not meet. One process does one mremap() after the
# other, and the VMAs of a fork are numbered otherwise.
impossible()
{
	has mremap-before "$*" && { has mremap-behind "$*" || has fork "$*"; }
}

# together NAME EXPECTED "ACTOR..." DEFINITION...: prints a configuration, a name,
# what is expected, a statement for who takes part, and definitions, with tabs
# between.
together()
{
	local name=$1 expected=$2 actors=$3 actor run="" vmas=1 new=0 subject=0 definitions

	shift 3
	definitions=$*
	if has mremap-before "$actors"; then
		vmas=2 new=1 subject=1
	elif has fork "$actors"; then
		vmas=2 new=2
		definitions+=" MARKERS"
	fi
	if has mremap-behind "$actors"; then
		new=$((new | 1 << vmas))
		vmas=$((vmas + 1))
	fi
	if has exit "$actors"; then
		# Nobody else uses an mm that exits.
		[[ $actors == exit ]] || vmas=$((vmas + 1))
		definitions+=" EXIT_AT=$((vmas - 1))"
	fi
	# mremap() to the end of the tree leaves the last place to it.
	if has mremap-behind "$actors" && has exit "$actors"; then
		new=$((new >> 1 | 1 << (vmas - 1) ))
		definitions=${definitions/EXIT_AT=*/EXIT_AT=$((vmas - 2))}
		has fork "$actors" && new=$((2 | 1 << (vmas - 1)))
	fi
	! has second-request "$actors" || definitions+=" REQUESTS=2"
	! has notifier "$actors" || definitions+=" NOTIFIER"
	! has memfd-pin "$actors" || has COMES_AND_GOES "$definitions" || definitions+=" KEPT"
	for actor in $actors; do
		run+="${run:+; }${RUN[$actor]}"
	done
	printf '%s\t%s\t%s\t%s\n' "$name" "$expected" "${run:-skip}" \
		"VMAS=$vmas NEW_VMAS=$new SUBJECT=$subject THREAD_AT=$subject $definitions"
}

# The properties hold.
holds()
{
	together "$1" holds "${@:2}"
}

# Everybody gets to an end, if each that can go on does so at some time.
ends()
{
	together "ends-$1" ends "${@:2}"
}

# Without the rule there is a counterexample.
without()
{
	together "without-$1" breaks "${@:2}" "WITHOUT_${1%%-*}"
}

# Without the rule somebody does not get to an end.
hangs-without()
{
	together "without-$1" hangs "${@:2}" "WITHOUT_$1"
}

# A counterexample that is known and explained in model.rst.
gap()
{
	together "gap-$1" breaks "${@:2}"
}

brief()
{
	local actor

	for actor in "${ACTORS[@]}"; do
		holds "$actor" "$actor" HOLES FAILURES MISALIGNED ATTEMPTS=2
	done
	holds thread-tracked thread HOLES FAILURES TRACKED MISALIGNED
	holds thread-walks thread WALK_CACHES
	holds markers "" MARKERS HOLES FAILURES
	holds reap-thread "reap-file thread" HOLES
	holds reap-exit "reap-file exit" HOLES
	holds reap-mremap "reap-file mremap-behind"
	holds reap-fork "reap-file fork"
	holds reap-markers "reap-process" MARKERS HOLES
	holds only-faults thread MAPPED ONLY_FAULTS MISALIGNED MARKERS
	holds stays-mapped thread FAILURES MISALIGNED STAYS_MAPPED ATTEMPTS=2
	for actor in "${ACTORS[@]}"; do
		# The file's huge folio has the frames of a second request.
		[[ $actor == second-request ]] ||
			holds "remap-$actor" "$actor" PTE_MAPPED MISALIGNED ATTEMPTS=2
	done
	holds remap-markers "" PTE_MAPPED MARKERS MISALIGNED
	holds remap-stays-mapped thread PTE_MAPPED MISALIGNED STAYS_MAPPED
	holds map-nowhere thread HOLES MAP_NOWHERE MISALIGNED
	ends thread thread HOLES FAILURES
	ends mremap-behind mremap-behind FAILURES
	ends remap-thread thread PTE_MAPPED MISALIGNED
	ends remap-mremap-behind mremap-behind PTE_MAPPED MISALIGNED
	ends write write HOLES FAILURES
	without H2 "thread dontneed"
	without H3 "" MARKERS
	without H5 notifier
	without H7 mremap-before FAILURES
	without H8 dontneed
	without H9 write HOLES
	without H10 uffd-missing HOLES
	without H12 swap-out
	without H15 gup-fast
	without H20 thread MAPPED ONLY_FAULTS
	hangs-without H22 mremap-behind MISALIGNED
	without H23 memfd-pin
	without H25 uffd-minor
	without H27 thread TRACKED
	without H28 exit
	without H32 "thread mprotect"
	without H41 exit FAILURES
	without H42 thread MAPPED ONLY_FAULTS
	without H43 mremap-behind FAILURES MISALIGNED
	without H44 "thread exit" FAILURES TRACKED
	without H45 dontneed FAILURES
	without H3-remap "" PTE_MAPPED MARKERS
	without H7-remap mremap-before PTE_MAPPED
	without H8-remap dontneed PTE_MAPPED
	without H27-remap thread PTE_MAPPED TRACKED
	without H28-remap exit PTE_MAPPED
	without H32-remap "thread mprotect" PTE_MAPPED
	without RCU thread TRACKED
	without REAP "reap-file thread"
	gap F3 memfd-pin COMES_AND_GOES
	gap minor-event uffd-minor ANY_TIME
}

pairs()
{
	local a b

	for ((a = 0; a < ${#ACTORS[@]}; a++)); do
		for ((b = a + 1; b < ${#ACTORS[@]}; b++)); do
			! impossible "${ACTORS[a]}" "${ACTORS[b]}" || continue
			holds "${ACTORS[a]}+${ACTORS[b]}" "${ACTORS[a]} ${ACTORS[b]}" \
				HOLES FAILURES MISALIGNED
			has second-request "${ACTORS[a]} ${ACTORS[b]}" ||
				holds "remap-${ACTORS[a]}+${ACTORS[b]}" "${ACTORS[a]} ${ACTORS[b]}" \
					PTE_MAPPED MISALIGNED
		done
	done
}

triples()
{
	holds thread+dontneed+gup-fast "thread dontneed gup-fast"
	holds thread+mprotect+notifier "thread mprotect notifier"
	holds thread+exit+truncate "thread exit truncate" MAPPED
	holds thread+swap-out+write "thread swap-out write"
	holds thread+second-request+munmap "thread second-request munmap"
	holds mremap-behind+truncate+dontneed "mremap-behind truncate dontneed"
}

# check_one NAME EXPECTED STATEMENT "DEFINITION...": builds the verifier and runs it.
# Its C code is large and runs for a moment: tcc has it ready in an instant.
# Prints "ok" or "FAIL" and what there is to say.
check_one()
{
	local name=$1 expected=$2 dir=$OUT/$1 definition actor flags run status=0 states depth

	rm -rf "$dir" "$OUT/$name.txt"
	mkdir -p "$dir"
	{
		for definition in $4; do
			printf '#define %s %s\n' "${definition%%=*}" "${definition#"${definition%%=*}"}"
		done | sed 's/ =/ /'
		grep -q REQUESTS <<<"$4" || echo '#define REQUESTS 1'
		grep -oE 'run \w+' <<<"$3" | sort -u | sed 's/^run /#define WITH_/' || true
		echo "#define ACTORS $3"
		echo "#include \"$MODEL/collapse.pml\""
	} >"$dir/model.pml"
	case $expected in
	holds)	flags="-DSAFETY -DNOFAIR -DCOLLAPSE" run="-m200000" ;;
	# The shortest way to it.
	breaks)	flags="-DSAFETY -DNOFAIR -DCOLLAPSE -DREACH" run="-m200000 -i" ;;
	ends | hangs)	flags="-DNP -DNFAIR=3 -DCOLLAPSE" run="-m400000 -l -f" ;;
	esac
	# shellcheck disable=SC2086
	if ! (cd "$dir" && spin -a model.pml >spin.log 2>&1 &&
		tcc -w $flags -DVECTORSZ=2048 -o pan pan.c >tcc.log 2>&1); then
		echo "FAIL $name: does not compile, see build/model/$name"
		return
	fi
	# shellcheck disable=SC2086
	(cd "$dir" && timeout "$SECONDS_EACH" ./pan $run >pan.log 2>&1) || status=$?
	states=$(grep -oE '[0-9]+ states, stored' "$dir/pan.log" | cut -d ' ' -f 1)
	depth=$(grep -oE 'depth reached [0-9]+' "$dir/pan.log" | cut -d ' ' -f 3)
	if ((status != 0)); then
		echo "FAIL $name: status $status, see build/model/$name/pan.log"
	elif grep -qE 'max search depth too small|Search not completed' "$dir/pan.log" &&
		grep -q 'errors: 0' "$dir/pan.log"; then
		echo "FAIL $name: not exhaustive, see build/model/$name/pan.log"
	elif grep -q 'errors: 0' "$dir/pan.log"; then
		if [[ $expected == @(breaks|hangs) ]]; then
			echo "FAIL $name: no counterexample in $states states"
		else
			echo "ok $name: $states states, depth $depth"
		fi
	elif grep -qE 'errors: [1-9]' "$dir/pan.log"; then
		interleaving "$dir" >"$OUT/$name.txt"
		if [[ $expected == @(breaks|hangs) ]]; then
			echo "ok $name: $(grep -cE '(rust|linux)' "$OUT/$name.txt") steps, see build/model/$name.txt"
		else
			echo "FAIL $name: $(grep -m 1 '^pan:' "$dir/pan.log"), see build/model/$name.txt"
		fi
	else
		echo "FAIL $name: no verdict, see build/model/$name/pan.log"
	fi
	[[ -n ${KEEP:-} ]] || rm -f "$dir"/pan "$dir"/pan.[bchmpt]
}

# The steps of a counterexample, a column for each process, and what is wrong then.
interleaving()
{
	(cd "$1" && spin -t model.pml 2>&1) | sed -n \
		-e "s,$MODEL/,," \
		-e '/^ *<<<<<START OF CYCLE/s/.*/(from here on again and again:)/p' \
		-e '/^ *\(rust\|linux\|CPU\|a \|all are\)/p' -e '/^spin: .*[Aa]ssert/p'
	grep -m 1 '^pan:1:' "$1/pan.log"
}

# One line for each configuration, several at a time, in their order.
check_all()
{
	local name expected run definitions names=()

	while IFS=$'\t' read -r name expected run definitions; do
		while (($(jobs -pr | wc -l) >= JOBS)); do
			wait -n || true
		done
		check_one "$name" "$expected" "$run" "$definitions" >"$OUT/$name.verdict" &
		names+=("$name")
	done
	wait
	for name in "${names[@]}"; do
		cat "$OUT/$name.verdict"
	done
}

if [[ -z ${IN_BUILD_ROOT:-} ]]; then
	in_layer model env SECONDS_EACH="$SECONDS_EACH" KEEP="${KEEP:-}" scripts/model.sh "$@"
	exit
fi

mkdir -p "$OUT"
BRIEF=
if [[ ${1:-} == --brief ]]; then
	BRIEF=1
	shift
fi
all=$(brief; [[ -n $BRIEF ]] || { pairs; triples; })
if (($#)); then
	all=$(printf '%s\n' "$@" | awk -F '\t' 'NR == FNR { asked[$1]; next } $1 in asked' - <(echo "$all"))
	[[ -n $all ]] || die "no configuration has such a name"
fi
check_all <<<"$all" | tee "$OUT/verdicts"
for name; do
	[[ ! -f $OUT/$name.txt ]] || cat "$OUT/$name.txt"
done
passed=$(grep -c '^ok' "$OUT/verdicts") failed=$(grep -c '^FAIL' "$OUT/verdicts" || true)
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0))
