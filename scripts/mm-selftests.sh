#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mm-selftests.sh [routed]: the kernel's own tools/testing/selftests/mm, once without the
# module and once with all shmem of the machine being collapsed meanwhile. What
# passes without must pass with. Before that, its test of MADV_COLLAPSE with the
# module in the place of it, where all must pass, or no more than this. See
# Documentation/mm/testing.rst.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"
# shellcheck source=scripts/layer.sh
source "$TOP/scripts/layer.sh"

# Each with the options of the kernel's run_vmtests.sh.
TESTS=(
	"cow" "droppable" "folio_split_race_test" "guard-regions" "gup_longterm"
	"gup_test -ct -F 0x1 0 19 0x1000" "khugepaged all:shmem" "khugepaged -s 4 all:shmem"
	"ksm_functional_tests" "madv_populate" "map_populate" "memory-failure" "merge" "migration"
	"mkdirty" "mlock-random-test" "mlock2-tests" "mremap_dontunmap" "mremap_test"
	"mrelease_test" "pagemap_ioctl" "prctl_thp_disable" "process_madv" "rmap" "soft-dirty"
	"split_huge_page_test" "transhuge-stress -d 20" "uffd-stress shmem 20 16"
	"uffd-stress shmem-private 20 16" "uffd-unit-tests" "uffd-wp-mremap"
)
ROUTED=khugepaged.routed
LIMIT=${PROGRAM_SECONDS:-900}

# Those of its tests that are about shmem and MADV_COLLAPSE; one about anonymous memory
# comes before them.
run_routed()
{
	local status=0 passed

	"$TOP/scripts/vm.sh" --name mm-selftests-routed --kernel "$KERNEL_FLAVOUR" --module "$MODULE" \
		--add "build/mm-selftests/$ROUTED:/tests" --timeout "$LIMIT" -- \
		"/tests/$ROUTED madvise:shmem" || status=$?
	passed=$(grep -c '^ok ' "$TOP/build/output-mm-selftests-routed.log" || true)
	[[ $status == 0 && $passed == 6 ]] ||
		die "with the module in the place of MADV_COLLAPSE $passed of 6 tests passed, status $status: see build/output-mm-selftests-routed.log"
	note "$passed of 6 tests passed with the module in the place of MADV_COLLAPSE"
}

# run NAME OPTION...: boots, and leaves the output in build/output-NAME.log.
run()
{
	local name=$1 tests status=0

	shift
	printf -v tests ' "%s"' "${TESTS[@]}"
	VM_MEMORY=4G "$TOP/scripts/vm.sh" --name "$name" --kernel "$KERNEL_FLAVOUR" --nodes \
		--timeout "${VM_TIMEOUT:-7200}" --add build/mm-selftests/programs:/tests \
		--add scripts/guest/mm-selftests:/tests "$@" -- \
		"sh /tests/mm-selftests $LIMIT$tests" || status=$?
	((status == 0 || status == 121)) || die "the VM '$name' ended with status $status"
	return "$status"
}

setup_all
build_module
mapfile -t programs < <(printf '%s\n' "${TESTS[@]}" | cut -d ' ' -f 1 | sort -u)
in_layer mm-selftests scripts/mm-selftests-build.sh "$KERNEL_SOURCE" \
	"$ROOT_SRC/build/mm-selftests" "$KERNEL_ARCH" "${programs[@]}" "$ROUTED"
run_routed
[[ ${1:-} != routed ]] || exit 0
mkdir -p "$TOP/build/mm-selftests/programs"
for program in "${programs[@]}"; do
	cp "$TOP/build/mm-selftests/$program" "$TOP/build/mm-selftests/programs"
done

status=0
run mm-selftests-without || note "the kernel complained without the module"
run mm-selftests-with --module "$MODULE" || status=$?
awk -f "$TOP/scripts/mm-selftests.awk" "$TOP/build/output-mm-selftests-without.log" \
	"$TOP/build/output-mm-selftests-with.log"
((status == 0)) || die "the kernel complained: see build/console-mm-selftests-with.log"
