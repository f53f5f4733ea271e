# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What runs in the VM: the module, the selftests, and the programs of
# tools/testing/shmem_collapse. Sourced after lib.sh.

SELFTESTS=tools/testing/selftests/shmem_collapse
OTHER_PROGRAMS=tools/testing/shmem_collapse
# More options of vm.sh, for run_with_module.
VM_OPTIONS=()

# Sets up root and kernel once; what is called from here does not look again.
setup_all()
{
	setup_root
	setup_kernel "${KERNEL:-stock}"
	# shellcheck disable=SC1091
	source "$KERNEL_DIR/kernel.env"
	MODULE=build/$KERNEL_FLAVOUR/shmem_collapse.ko
	PROGRAMS=build/selftests-$KERNEL_ARCH
}

build_module()
{
	"$TOP/scripts/build.sh" modules "$@"
}

# Static, as they run from an initramfs. The second make finds the objects of
# the library that the first one made.
build_programs()
{
	local folder

	mkdir -p "$TOP/$PROGRAMS"
	for folder in "$SELFTESTS" "$OTHER_PROGRAMS"; do
		in_root make --no-print-directory -j"$JOBS" -C "$folder" OUTPUT="$ROOT_SRC/$PROGRAMS" \
			KSRC="$KERNEL_SOURCE" CC="$KERNEL_CC" USERLDFLAGS=-static
	done
}

# The lines of both lists: a program, perhaps with a second word.
listed_programs()
{
	sed 's/#.*//' "$TOP/$SELFTESTS/tests.list" "$TOP/$OTHER_PROGRAMS/tests.list"
}

# Those for the kernel that is set up: a second word names the only one, or says
# that the architecture plays no part. Briefly, such a program runs on Debian's
# kernels only.
test_programs()
{
	local generic=generic

	[[ -z ${BRIEF:-} || $KERNEL_FLAVOUR == @(stock|normal) ]] || generic=none
	listed_programs |
		awk -v kernel="$KERNEL_FLAVOUR" -v generic=$generic \
			'NF && ($2 == "" || $2 == kernel || $2 == generic) { print $1 }'
}

# Those that no other kernel can run.
own_programs()
{
	listed_programs |
		awk -v kernel="$KERNEL_FLAVOUR" '$2 == kernel { print $1 }'
}

# Those that want two NUMA nodes, which no kernel of our own has.
numa_programs()
{
	[[ $KERNEL_FLAVOUR != @(stock|normal) ]] ||
		listed_programs | awk '$2 == "numa" { print $1 }'
}

# run_with_module NAME TIMEOUT "PROGRAM..." LINE: boots with the module loaded
# and the programs in /tests, and runs the line. VM_OPTIONS are more of vm.sh.
run_with_module()
{
	local name=$1 limit=$2 programs=$3 line=$4 program add=()

	for program in $programs; do
		add+=(--add "$PROGRAMS/$program:/tests")
	done
	"$TOP/scripts/vm.sh" --name "$name" --kernel "$KERNEL_FLAVOUR" --timeout "$limit" \
		"${VM_OPTIONS[@]}" --module "$MODULE" --add scripts/guest/tests:/tests \
		"${add[@]}" -- "$line"
}

# run_alone NAME PROGRAM SECONDS OPTIONS: boots for one program and ends with
# the number of its tests that passed and failed. For runs on request.
run_alone()
{
	local name=$1-$KERNEL_FLAVOUR program=$2 limit=$3 options=$4 status=0

	run_with_module "$name" $((limit + 300)) "$program" \
		"sh /tests/tests $limit '$program $options'" || status=$?
	awk -v programs="$program unload" -f "$TOP/scripts/tap.awk" \
		"$TOP/build/output-$name.log" >"$TOP/build/$name.results"
	awk -F '\t' '{ n[$1]++ } $1 != "pass" { printf "    %s: %s: %s\n", toupper($1), $2, $3 }
		END { printf "%d passed, %d failed\n", n["pass"], n["fail"] }' "$TOP/build/$name.results"
	((status == 0)) || die "the VM ended with status $status: see build/console-$name.log"
	! grep -q '^fail' "$TOP/build/$name.results"
}
