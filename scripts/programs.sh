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
	MODULE=$(module_dir "$KERNEL_FLAVOUR")/shmem_collapse.ko
	PROGRAMS=build/selftests-$KERNEL_ARCH
	MODULE_LINK=build/module-link/$KERNEL_ARCH/module-link
}

build_module()
{
	"$TOP/scripts/build.sh" modules "$@"
	! linked_at_load || build_module_link
}

# Whether the module that is built is one that module-link loads.
linked_at_load()
{
	[[ ${LINK:-${KERNEL_LINK:-}} == load ]]
}

# Static, as it runs from an initramfs.
build_module_link()
{
	in_root make --no-print-directory -C tools/module-link static \
		OUT="$ROOT_SRC/${MODULE_LINK%/*}" RUSTFLAGS="-C linker=$KERNEL_CC"
}

# Static, as they run from an initramfs. The second make finds the objects of
# the library that the first one made.
build_programs()
{
	local folder

	mkdir -p "$TOP/$PROGRAMS"
	for folder in "$SELFTESTS" "$OTHER_PROGRAMS"; do
		in_root make --no-print-directory -j"$JOBS" -C "$folder" OUTPUT="$ROOT_SRC/$PROGRAMS" \
			KSRC="$KERNEL_SOURCE" CC="$KERNEL_CC" USERLDFLAGS=-static || return
	done
}

# The lines of both lists: a program, perhaps with a second word.
listed_programs()
{
	sed 's/#.*//' "$TOP/$SELFTESTS/tests.list" "$TOP/$OTHER_PROGRAMS/tests.list"
}

# Those for the kernel that is set up: without a second word, or with one that its
# line in kernels/table has. "generic" says that the architecture plays no part:
# briefly, such a program runs on Debian's kernels only.
test_programs()
{
	local words=" $FLAVOUR_TESTS "

	[[ -n ${BRIEF:-} && $FLAVOUR_MADE != stock ]] || words+="generic "
	listed_programs | awk -v words="${words/ numa / }" \
		'NF && ($2 == "" || index(words, " " $2 " ")) { print $1 }'
}

# Those that only this kind of kernel can run.
own_programs()
{
	listed_programs | awk -v words=" $FLAVOUR_TESTS " '$2 != "" && index(words, " " $2 " ") { print $1 }'
}

# Those that want two NUMA nodes of a machine's making.
numa_programs()
{
	[[ " $FLAVOUR_TESTS " != *" numa "* ]] || listed_programs | awk '$2 == "numa" { print $1 }'
}

# run_with_module NAME TIMEOUT "PROGRAM..." LINE: boots with the module loaded
# and the programs in /tests, and runs the line. VM_OPTIONS are more of vm.sh.
run_with_module()
{
	local name=$1 limit=$2 programs=$3 line=$4 program add=()

	! linked_at_load || add+=(--module-link "$MODULE_LINK")
	for program in $programs; do
		add+=(--add "$PROGRAMS/$program:/tests")
	done
	"$TOP/scripts/vm.sh" --name "$name" --kernel "$KERNEL_FLAVOUR" --timeout "$limit" \
		"${VM_OPTIONS[@]}" --module "$MODULE" --add scripts/guest/tests:/tests \
		"${add[@]}" -- "$line"
}
