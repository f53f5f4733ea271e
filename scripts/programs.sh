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

# copy_objects FROM TO: what the module is linked from need not be compiled once more
# for another folder of build/.
copy_objects()
{
	local from=$TOP/build/$1 to=$TOP/build/$2

	[[ ! -e $to && -f $from/shmem_collapse.ko ]] || return 0
	rm -rf "$to.new"
	cp -a "$from" "$to.new"
	rm -f "$to.new/shmem_collapse.ko" "$to.new/.shmem_collapse.ko.cmd"
	sed -i "s,/build/$1/,/build/$2/," "$to.new/rust/.shmem_collapse_main.o.cmd"
	mv "$to.new" "$to"
}

# build_programs [PROGRAM]...: builds these, or all. They are static, since they run
# from an initramfs. Both folders use the objects of lib/.
build_programs()
{
	local selftests=() others=()

	if (($#)); then
		mapfile -t selftests < <(printf '%s\n' "$@" | grep -xF "$(list_of "$SELFTESTS")")
		mapfile -t others < <(printf '%s\n' "$@" | grep -vxF "$(list_of "$SELFTESTS")")
	fi
	mkdir -p "$TOP/$PROGRAMS"
	(($# && ${#selftests[@]} == 0)) ||
		make_programs "$SELFTESTS" ${1:+TESTS="${selftests[*]}"} || return
	(($# && ${#others[@]} == 0)) ||
		make_programs "$OTHER_PROGRAMS" ${1:+PROGRAMS="${others[*]}"}
}

make_programs() # FOLDER [VARIABLE]
{
	in_root make --no-print-directory -j"$JOBS" -C "$1" OUTPUT="$ROOT_SRC/$PROGRAMS" \
		KSRC="$KERNEL_SOURCE" CC="$KERNEL_CC" USERLDFLAGS=-static "${@:2}"
}

# Prints the programs that a folder's list has.
list_of() # FOLDER
{
	sed 's/#.*//' "$TOP/$1/tests.list" | cut -d ' ' -f 1
}

# Prints the lines of both lists.
listed_programs()
{
	sed 's/#.*//' "$TOP/$SELFTESTS/tests.list" "$TOP/$OTHER_PROGRAMS/tests.list"
}

# With BRIEF, our own kernels for other architectures run what depends on those.
only_the_architecture()
{
	[[ -n ${BRIEF:-} && $FLAVOUR_MADE != stock && $KERNEL_ARCH != x86_64 ]]
}

# Prints the programs for the kernel that is set up: those without a second word, and
# those with a word that kernels/table gives the kernel. A "generic" program does not
# depend on the architecture.
test_programs()
{
	local words=" $FLAVOUR_TESTS brief "

	only_the_architecture || words+="generic "
	listed_programs | awk -v words="${words/ numa / }" \
		'NF && ($2 == "" || index(words, " " $2 " ")) { print $1 }'
}

# Prints a program as guest/tests takes it. The options behind "brief" leave out those
# of its tests and variants that do not depend on the architecture.
with_options() # PROGRAM
{
	local options=

	! only_the_architecture ||
		options=$(listed_programs | sed -nE "s/^$1 brief( .*)/\1/p")
	echo "'$1$options'"
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
