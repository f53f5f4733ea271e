# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Kernels that look for one kind of mistake: each has to find one that is planted
# before the tests run. Sourced by test.sh.

# Builds the module that makes the mistakes which a kernel has to find.
build_plant()
{
	# shellcheck disable=SC2086
	in_root make --no-print-directory -C "$KERNEL_BUILD" $KERNEL_MAKE \
		M="$ROOT_SRC/$OTHER_PROGRAMS/plant" MO="$ROOT_SRC/build/plant-$KERNEL_FLAVOUR" modules
}

# found MISTAKE: checks that the kernel reports a planted mistake of this kind.
found()
{
	local name=planted-$1-$KERNEL_FLAVOUR status=0 plant
	local log=$TOP/build/$name.log

	plant=build/plant-$KERNEL_FLAVOUR/shmem_collapse_plant.ko
	"$TOP/scripts/vm.sh" --name "$name" --kernel "$KERNEL_FLAVOUR" --timeout "${VM_TIMEOUT:-600}" \
		--zram 0 --add "$MODULE:/lib" --add "$plant:/plant" --add scripts/guest/leaks:/tests -- \
		"[ $1 = race ] || /tests/leaks begin
		insmod /plant/shmem_collapse_plant.ko mistake=$1 || exit 1
		[ $1 = race ] || { insmod /lib/shmem_collapse.ko; /tests/leaks; }" >"$log" 2>&1 || status=$?
	case $1 in
	race) [[ $status == 121 ]] && grep -q 'KCSAN: .*planted_race \[shmem_collapse_plant\]' "$log" ;;
	leak) grep -q '^not ok 2' "$log" && grep -q 'planted_leak' "$log" && grep -q '^ok 3' "$log" ;;
	page) grep -q '^ok 2' "$log" && grep -q '^not ok 3' "$log" && grep -q 'planted_page' "$log" ;;
	esac
}

# Checks that every C object of the module calls KCSAN's functions.
instrumented()
{
	local object

	for object in "$TOP/${MODULE%/*}"/rust/*/*.o; do
		[[ $object == *.mod.o ]] || in_root llvm-nm -u "${object/#"$TOP"/"$ROOT_SRC"}" |
			grep -q __tsan_ || { echo "${object##*/} is not instrumented" >&2; return 1; }
	done
}

# Ends the run if the kernel does not find the mistakes that it is for.
finds_mistakes()
{
	local mistake

	[[ -n $FLAVOUR_FINDS ]] || return 0
	build_plant
	for mistake in $FLAVOUR_FINDS; do
		check "a planted $mistake is found" found "$mistake"
	done
	[[ $FLAVOUR_FINDS != *race* ]] || check "the module's C code is instrumented" instrumented
	! grep -q '^fail' "$RESULTS/$GROUP" || die "what this kernel is for does not work"
}
