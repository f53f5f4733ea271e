# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What runs in the VM: the module, the selftests, and the programs of
# tools/testing/shmem_collapse. Sourced after lib.sh.

SELFTESTS=tools/testing/selftests/shmem_collapse
OTHER_PROGRAMS=tools/testing/shmem_collapse
# More options of vm.sh, for run_with_module.
VM_OPTIONS=()

# Sets up root and kernel. Scripts called from here inherit the result.
setup_all()
{
	setup_root
	setup_kernel "${KERNEL:-stock}"
	unset KERNEL_LINK
	# shellcheck disable=SC1091
	source "$KERNEL_DIR/kernel.env"
	MODULE=$(module_dir "$KERNEL_FLAVOUR")/shmem_collapse.ko
	PROGRAMS=build/selftests-$KERNEL_ARCH
}

build_module()
{
	"$TOP/scripts/build.sh" modules "$@"
}

# The programs are static, since they run from an initramfs. Both folders use the
# objects of lib/.
build_programs()
{
	local folder

	mkdir -p "$TOP/$PROGRAMS"
	for folder in "$SELFTESTS" "$OTHER_PROGRAMS"; do
		in_root make --no-print-directory -j"$JOBS" -C "$folder" OUTPUT="$ROOT_SRC/$PROGRAMS" \
			KSRC="$KERNEL_SOURCE" CC="$KERNEL_CC" USERLDFLAGS=-static || return
	done
}

# Prints the lines of both lists.
listed_programs()
{
	sed 's/#.*//' "$TOP/$SELFTESTS/tests.list" "$TOP/$OTHER_PROGRAMS/tests.list"
}

# Prints the programs for the kernel that is set up: those without a second word, and
# those with a word that kernels/table gives the kernel. A "generic" program does not
# depend on the architecture; with BRIEF it runs on Debian's kernels only.
test_programs()
{
	local words=" $FLAVOUR_TESTS "

	[[ -n ${BRIEF:-} && $FLAVOUR_MADE != stock ]] || words+="generic "
	listed_programs | awk -v words="${words/ numa / }" \
		'NF && ($2 == "" || index(words, " " $2 " ")) { print $1 }'
}

# Prints the programs that ask beside a load that lasts.
load_programs()
{
	listed_programs | awk '$2 == "load" { print $1 }'
}

# Prints the programs that only this kind of kernel can run.
own_programs()
{
	listed_programs | awk -v words=" $FLAVOUR_TESTS " '$2 != "" && index(words, " " $2 " ") { print $1 }'
}

# Prints the programs that need two NUMA nodes of QEMU's.
numa_programs()
{
	[[ " $FLAVOUR_TESTS " != *" numa "* ]] || listed_programs | awk '$2 == "numa" { print $1 }'
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
