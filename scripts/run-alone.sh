#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run-alone.sh stress|fuzz|fault-around [OPTION]...: boots KERNEL for one program at
# its full length, DURATION seconds or INPUTS inputs, and ends with the number of its
# tests that passed and failed. More options go to the program. The last one asks the
# kernel something, and runs without the module. See Documentation/mm/testing.rst.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

what=$1
shift
DURATION=${DURATION:-300} INPUTS=${INPUTS:-200000}
[[ $DURATION =~ ^[0-9]+$ ]] || die "SECONDS= and HOURS= take whole numbers"
[[ $INPUTS =~ ^[0-9]+$ ]] || die "N= takes a whole number"
case $what in
stress)
	# The end takes a while: processes exit, everything is checked and collapsed.
	limit=$((${VM_TIMEOUT:-DURATION + 1500} - 300)) arguments="--seconds $DURATION"
	[[ ${NODES:-2} == 1 ]] || VM_OPTIONS=(--nodes)
	export VM_MEMORY=${VM_MEMORY:-4G} ;;
fuzz)
	limit=$((${VM_TIMEOUT:-7500} - 300)) arguments="--inputs $INPUTS" ;;
fault-around)
	setup_all
	build_programs fault_around
	exec "$TOP/scripts/vm.sh" --name fault-around --kernel "$KERNEL_FLAVOUR" --timeout 600 \
		--add "$PROGRAMS/fault_around:/tests" -- "/tests/fault_around $*" ;;
*)
	die "usage: run-alone.sh stress|fuzz|fault-around [OPTION]..." ;;
esac

setup_all
build_module
build_programs "${what}_test"
name=$what-$KERNEL_FLAVOUR status=0
run_with_module "$name" $((limit + 300)) "${what}_test" \
	"sh /tests/tests $limit '${what}_test $arguments $*'" || status=$?
awk -v programs="${what}_test unload" -f "$TOP/scripts/tap.awk" \
	"$TOP/build/output-$name.log" >"$TOP/build/$name.results"
awk -F '\t' '{ n[$1]++ } $1 != "pass" { printf "    %s: %s: %s\n", toupper($1), $2, $3 }
	END { printf "%d passed, %d failed\n", n["pass"], n["fail"] }' "$TOP/build/$name.results"
((status == 0)) || die "the VM ended with status $status: see build/console-$name.log"
! grep -q '^fail' "$TOP/build/$name.results"
