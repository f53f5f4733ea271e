#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# test.sh [GROUP]...: runs all groups of tests, or some, and ends with the line
# "N passed, N failed". A group is a function that calls pass, fail and skip,
# once per test; a new one is a line at the end of this file.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"
# shellcheck source=scripts/tool.sh
source "$TOP/scripts/tool.sh"
# shellcheck source=scripts/planted.sh
source "$TOP/scripts/planted.sh"

ONLY=$*
RESULTS=$TOP/build/test
PROGRAM_SECONDS=${PROGRAM_SECONDS:-300}

pass()
{
	printf 'pass\t%s\t%s\n' "$1" "${2:-}" >>"$RESULTS/$GROUP"
}

fail()
{
	printf 'fail\t%s\t%s\n' "$1" "${2:-}" >>"$RESULTS/$GROUP"
}

skip()
{
	printf 'skip\t%s\t%s\n' "$1" "$2" >>"$RESULTS/$GROUP"
}

# check NAME COMMAND...: one test that is a command.
check()
{
	local name=$1 status

	shift
	strictly "$@"
	if ((status == 0)); then
		pass "$name"
	else
		fail "$name" "status $status"
	fi
}

# vm_ended NAME STATUS: fails unless vm.sh ended with 0, and says why it did not.
vm_ended()
{
	(($2 == 0)) ||
		fail "VM" "status $2, $(cat "$TOP/build/reason-$1.log" 2>/dev/null || echo "that of its command"), see build/console-$1.log"
}

count()
{
	cat "$RESULTS"/* 2>/dev/null | grep -c "^$1" || true
}

group()
{
	local name=$1 what=$2 run=$3 status

	[[ -z $ONLY || " $ONLY " == *" $name "* ]] || return 0
	GROUP=$name
	: >"$RESULTS/$name"
	step_begin "$what"
	# shellcheck disable=SC2086
	strictly $run
	((status == 0)) || fail "$name" "the group ended early with status $status"
	[[ -s $RESULTS/$name ]] || fail "$name" "no test ran"
	awk -F '\t' -v name="$name" '
		{ n[$1]++ }
		$1 != "pass" { printf "    %s: %s%s\n", toupper($1), $2, $3 == "" ? "" : ": " $3 }
		END { printf "    %s: %d passed, %d failed%s%s\n", name, n["pass"], n["fail"],
			n["skip"] ? ", " n["skip"] " skipped" : "",
			n["xfail"] ? ", " n["xfail"] " failed as expected" : "" }' "$RESULTS/$name"
	step_end
}

# How many groups run side by side. Two CPUs can serve three: rustc uses one of them,
# and a VM often neither. A VM has up to 3 GB.
PLACES=$(awk '$1 == "MemTotal:" { n = int($2 / 4000000); print(n < 1 ? 1 : n > 3 ? 3 : n) }' /proc/meminfo)
LATER=() LATER_PIDS=()

# Runs a group in the background, until settle. A group that was named on the command
# line runs in the foreground, where its output is seen.
later()
{
	if [[ -n $ONLY ]]; then
		group "$@"
		return
	fi
	while (($(jobs -pr | wc -l) >= PLACES)); do
		wait -n || true
	done
	note "in the background, with its output in build/later/$1: $2"
	mkdir -p "$TOP/build/later"
	# A process group of its own, so that an interrupted run takes it along.
	set -m
	group "$@" >"$TOP/build/later/$1" 2>&1 </dev/null &
	set +m
	LATER+=("$1")
	LATER_PIDS+=($!)
}

# Waits for the groups in the background and prints their output.
settle()
{
	local name

	wait
	LATER_PIDS=()
	for name in "${LATER[@]}"; do
		cat "$TOP/build/later/$name"
	done
	LATER=()
}

# Runs a group only if it was named.
on_request()
{
	[[ " $ONLY " != *" $1 "* ]] || group "$@"
}

# Prints the last line, even if a step of the set-up ended the run.
summary()
{
	local status=$? passed failed skipped expected pid

	for pid in "${LATER_PIDS[@]}"; do
		kill -- "-$pid" 2>/dev/null || true
	done
	if ((status != 0)) && [[ $(count fail) == 0 ]]; then
		GROUP=setup
		fail "set-up" "see above"
	fi
	passed=$(count pass) failed=$(count fail) skipped=$(count skip)
	((skipped == 0)) || skipped=", $skipped skipped"
	[[ $skipped != 0 ]] || skipped=
	expected=$(count xfail)
	((expected == 0)) || skipped+=", $expected failed as expected"
	printf '%d passed, %d failed%s\n' "$passed" "$failed" "$skipped"
	((failed == 0 && passed > 0 && status == 0)) || exit 1
}

need_module()
{
	! grep -qs '^fail' "$RESULTS/build" ||
		die "the module or the programs did not build"
}

build_group()
{
	rm -f "$TOP/$MODULE"
	check "module" build_module
	check "programs" build_programs
	linked_at_load || check "exports" "$TOP/scripts/exports.sh" check
}

rustfmt_group()
{
	check "rustfmt" "$TOP/scripts/build.sh" rustfmtcheck
}

# Uses a build tree of its own, whose objects clippy makes.
clippy_group()
{
	check "clippy and no warnings" build_module CLIPPY=1 MO="$ROOT_SRC/build/clippy" \
		KRUSTFLAGS=-Dwarnings KCFLAGS=-Werror
}

# All files of a folder at once: the script takes longer to start than to read one.
checkpatch_group()
{
	local log=$TOP/build/checkpatch.log folder file files options status

	for folder in rust include tools; do
		options=(--no-tree --terse --quiet --no-summary)
		# Programs may return a positive errno, as pthreads do, and share
		# variables with signal handlers.
		[[ $folder != tools ]] || options+=(--ignore USE_NEGATIVE_ERRNO --ignore VOLATILE)
		mapfile -t files < <(cd "$TOP" && find "$folder" -name '*.[ch]' ! -path '*/target/*' | sort)
		status=0
		in_root perl "$KERNEL_SOURCE/scripts/checkpatch.pl" "${options[@]}" \
			-f "${files[@]}" >"$log" || status=$?
		cat "$log"
		for file in "${files[@]}"; do
			check "$file" no_complaint "$file" "$log"
		done
		((status == 0)) || [[ -s $log ]] || fail "$folder" "status $status"
	done
}

# no_complaint FILE LOG: the log has no line about the file.
no_complaint()
{
	! grep -qF "$1:" "$2"
}

shellcheck_group()
{
	local file

	while read -r file; do
		check "$file" in_root shellcheck -x "$file"
	done < <(cd "$TOP" && grep -lrE '^#!/bin/(ba|busybox )?sh|^# shellcheck shell' scripts .ci debian Documentation | sort)
}

hazards_group()
{
	"$TOP/scripts/hazards.sh" >"$TOP/build/hazards.log" || true
	sed -nE 's/^ok ([^:]*): .*/pass\t\1\t/p; s/^FAIL ([^:]*): (.*)/fail\t\1\t\2/p' \
		"$TOP/build/hazards.log" >>"$RESULTS/$GROUP"
}

imports_group()
{
	"$TOP/scripts/imports.sh" >"$TOP/build/imports.log" || true
	sed -nE 's/^ok ([^:]*): .*/pass\t\1\t/p; s/^FAIL ([^:]*): (.*)/fail\t\1\t\2/p' \
		"$TOP/build/imports.log" >>"$RESULTS/$GROUP"
	check "what is wrong is found" "$TOP/scripts/imports-test.sh"
}

# lacks NAME MISSING: checks that a build against a kernel without MISSING is refused,
# with the reason.
lacks()
{
	check "$1" "$TOP/scripts/kdir-test.sh" "$2" "${3:-has no $2: enable it}" "${@:4}"
}

# links_by WAY CONFIG NAMESPACE: how a module is linked for a tree with this option and
# an export to this namespace, if nobody asks for another way. Without WAY, by exports.
links_by()
{
	local tree said

	tree=$(mktemp -d)
	echo "$2" >"$tree/.config"
	touch "$tree/System.map"
	printf '0x0\tname\tvmlinux\tEXPORT_SYMBOL_GPL\t%s\n' "$3" >"$tree/Module.symvers"
	said=$(env -u LINK make -n --no-print-directory -C "$TOP" "KDIR=$tree" modules)
	rm -r "$tree"
	[[ $(grep -oE -- '--link [a-z]+' <<<"$said") == "${1:+--link $1}" ]] || return 1
	# Who links at load has to be told how to load.
	[[ $1 != load ]] || grep -q 'To load it, as root: .*/module-link load .*\.ko' <<<"$said"
}

# A tree without the kernel's symbols is refused before anything is compiled, unless the
# kernel exports what the module calls.
needs_symbols()
{
	local tree build said

	tree=$(mktemp -d)
	build=(env -u LINK make -n --no-print-directory -C "$TOP" "KDIR=$tree" modules)
	echo CONFIG_LIVEPATCH=y >"$tree/.config"
	said=$("${build[@]}" 2>&1) && return 1
	[[ $said == *"has neither vmlinux nor System.map"*"give BTF= or SYSTEM_MAP="* ]]
	[[ $said != *modpost* ]]
	"${build[@]}" BTF=/sys/kernel/btf/vmlinux >/dev/null
	"${build[@]}" LINK=exports >/dev/null
	rm -r "$tree"
}

# Checks each actor alone with a request, and that each removed rule is noticed.
model_group()
{
	"$TOP/scripts/model.sh" --brief >"$TOP/build/model.log" || true
	grep -q '^[0-9]* passed' "$TOP/build/model.log" || fail "model" "ended early"
	"$TOP/scripts/model-names.sh" >>"$TOP/build/model.log" || true
	sed -nE 's/^ok ([^:]*): .*/pass\t\1\t/p; s/^FAIL ([^:]*): (.*)/fail\t\1\t\2/p' \
		"$TOP/build/model.log" >>"$RESULTS/$GROUP"
}

litmus_group()
{
	"$TOP/scripts/litmus.sh" | tee "$TOP/build/litmus.log" || true
	grep -q '^[0-9]* passed' "$TOP/build/litmus.log" || fail "litmus" "ended early"
	sed -nE 's/^ok ([^:]*): .*/pass\t\1\t/p; s/^FAIL ([^:]*): (.*)/fail\t\1\t\2/p; s/^skip ([^:]*): (.*)/skip\t\1\t\2/p' \
		"$TOP/build/litmus.log" >>"$RESULTS/$GROUP"
}

kdir_group()
{
	# PREEMPT_RT, for one, has no huge pages; without SMP there are no VMA locks.
	lacks "H38 no huge pages" CONFIG_TRANSPARENT_HUGEPAGE
	lacks "H38 no VMA locks" CONFIG_PER_VMA_LOCK
	lacks "no Rust" CONFIG_RUST
	lacks "no MMU notifiers" CONFIG_MMU_NOTIFIER
	lacks "no livepatch" CONFIG_LIVEPATCH "has no CONFIG_LIVEPATCH: use LINK=load instead"
	lacks "no list of symbols" CONFIG_KALLSYMS_ALL "neither has CONFIG_LIVEPATCH nor CONFIG_KALLSYMS_ALL" load
	lacks "no compiled Rust core" rust/libkernel.rmeta "lacks the compiled Rust core"
	lacks "no list of exports" Module.symvers "has no Module.symvers"
	check "exports are the first choice" links_by '' CONFIG_LIVEPATCH=y module:shmem_collapse
	check "livepatch is the second" links_by livepatch CONFIG_LIVEPATCH=y module:kvm
	check "link at load is the last" links_by load '' ''
	check "no symbols" needs_symbols
}

module_link_group()
{
	in_root make --no-print-directory -C tools/module-link test OUT="$ROOT_SRC/build/module-link" |
		tee "$RESULTS/../module-link.log"
	awk '$1 == "test" && $3 == "..." {
		verdict = $4 == "ok" ? "pass" : $4 ~ /^ignored/ ? "skip" : "fail"
		printf "%s\t%s\t%s\n", verdict, $2, verdict == "pass" ? "" : $4
	}' "$RESULTS/../module-link.log" >>"$RESULTS/$GROUP"
}

# Copies of the module that is linked at load, with random changes, as the machine that
# loads it could have them: no debug information.
changed_modules()
{
	# shellcheck disable=SC2016
	in_root bash -e -c '
		out=build/module-link
		make --no-print-directory -C tools/module-link test-program OUT="$PWD/$out"
		llvm-strip --strip-debug -o "$out/$1.ko" "$2"
		MODULE=$out/$1.ko "$out/module-link-test" changed_copies --ignored' \
		bash "$KERNEL_FLAVOUR" "$MODULE"
}

# vm_ends STATUS LINE [SECONDS [VM OPTION...]]: checks that vm.sh reports how a VM ends.
vm_ends()
{
	local expected=$1 status=0

	# Its messages about these ends would look like failures.
	"$TOP/scripts/vm.sh" --name runner --zram 0 --timeout "${3:-120}" "${@:4}" -- "$2" \
		>"$TOP/build/vm-runner.log" 2>&1 || status=$?
	[[ $status == "$expected" ]] || return 1
}

# qemu_named NAME: prints the process of the QEMU with "-name NAME".
qemu_named()
{
	local file

	for file in /proc/[0-9]*/cmdline; do
		if tr '\0' ' ' 2>/dev/null <"$file" | grep -qE "^qemu-system-.* -name $1 "; then
			file=${file%/cmdline}
			echo "${file##*/}"
			return
		fi
	done
	return 1
}

# A host that is busy elsewhere may stop a VM for a while. The guest's clock must get
# over that, or no timer of the guest comes any more: 4.3 seconds are nearly the time
# after which ACPI's counter begins anew.
vm_stopped()
{
	local name=stopped-$$ output=$TOP/build/output-runner.log qemu='' vm

	rm -f "$output"
	# A busy CPU keeps the clock, up to the moment of the stop.
	VM_QEMU="-name $name" vm_ends 42 \
		'while :; do :; done & echo begun; sleep 5; exit 42' 60 &
	vm=$!
	until grep -qs begun "$output"; do
		kill -0 $vm 2>/dev/null || return 1
		sleep 0.2
	done
	qemu=$(qemu_named "$name")
	kill -STOP "$qemu"
	sleep 4.3
	kill -CONT "$qemu"
	wait $vm
}

# A program that no signal ends, here since nobody sends one, ends the VM.
vm_gives_up()
{
	# shellcheck disable=SC2016
	vm_ends 122 \
		'ln -s /bin/sleep /tests/sleep; timeout() { shift 3; "$@"; }; GRACE=1; . /tests/tests 2 "sleep 100"' \
		60 --add scripts/guest/tests:/tests
	grep -q 'vm: sleep does not end' "$TOP/build/console-runner.log" &&
		grep -q 'task:sleep ' "$TOP/build/console-runner.log"
}

# Of a VM in which nothing happens any more the console tells what its tasks do.
vm_silent()
{
	vm_ends 123 'echo begun; sleep 1000' 300 --silence 20
	grep -qx 'killed after 20 s without a word' "$TOP/build/reason-runner.log"
	grep -q 'task:sleep ' "$TOP/build/console-runner.log"
}

vm_group()
{
	check "TAP parser" "$TOP/scripts/tap-test.sh"
	check "parser of data races" "$TOP/scripts/kcsan-test.sh"
	check "status of the command" vm_ends 42 'exit 42'
	check "kernel splat" vm_ends 121 'echo "BUG: made up by the test" >/dev/kmsg'
	check "a function on a stack" vm_ends 42 \
		'echo " ? __page_table_check_zero+0x130/0x150 [other]" >/dev/kmsg; exit 42'
	check "panic" vm_ends 121 'echo c >/proc/sysrq-trigger'
	check "sudden death" vm_ends 122 'reboot -f'
	check "hang" vm_ends 123 'sleep 1000' 15
	check "silence" vm_silent
	check "a program that does not end" vm_gives_up
	check "a host that stops it for a while" vm_stopped
}

# boot_tests NAME PROGRAMS [VM OPTION]...: boots for these programs.
boot_tests()
{
	local name=kselftest$1-$KERNEL_FLAVOUR programs=${2//$'\n'/ } status=0
	local limit=$PROGRAM_SECONDS VM_OPTIONS=("${@:3}") begin='' leaks='' lines='' program

	# The checks of a debug kernel make everything several times slower.
	[[ $FLAVOUR_MADE == stock ]] || limit=$((3 * limit))
	VM_OPTIONS+=(--silence $((limit + 300)))
	if [[ $FLAVOUR_FINDS == *leak* ]]; then
		begin='/tests/leaks begin;' leaks=leaks
		VM_OPTIONS+=(--add scripts/guest/leaks:/tests)
	fi
	for program in $programs; do
		lines+=" $(with_options "$program")"
	done
	run_with_module "$name" "${VM_TIMEOUT:-2400}" "$programs" \
		"$begin SC_BRIEF=${BRIEF:-} sh /tests/tests $limit$lines $leaks" || status=$?
	awk -v programs="$programs $leaks unload" -f "$TOP/scripts/tap.awk" \
		"$TOP/build/output-$name.log" >>"$RESULTS/$GROUP"
	vm_ended "$name" $status
}

# chosen "PROGRAM...": those that TEST names, or all.
chosen()
{
	[[ -n ${TEST:-} ]] || echo "$1"
	[[ -z ${TEST:-} ]] || grep -xF "${TEST// /$'\n'}" <<<"$1" || true
}

# "make test" leaves the load to a group of its own. It runs briefly unless its programs are
# named, or BRIEF is set to nothing.
kselftest_group()
{
	local programs numa load

	need_module
	finds_mistakes
	numa=$(chosen "$(numa_programs)") load=$(chosen "$(load_programs)")
	# Nor are they built then.
	! only_the_architecture || load=
	programs=${TEST:-$(test_programs)}
	[[ -z ${TEST:-} ]] || programs=$(grep -vxF "${numa:-/}"$'\n'"${load:-/}" <<<"${TEST// /$'\n'}" || true)
	[[ -z $programs ]] || boot_tests "" "$programs"
	[[ -z $numa ]] || boot_tests -nodes "$numa" --nodes
	[[ -n ${TEST:-} ]] || local BRIEF=${BRIEF-1}
	[[ -z $load || -z $ONLY ]] || boot_load "$load"
}

# boot_load PROGRAMS: each of them has a lot to do.
boot_load()
{
	local PROGRAM_SECONDS=$((4 * PROGRAM_SECONDS))

	boot_tests -load "$1" --nodes
}

brief_load_group()
{
	local BRIEF=1

	need_module
	boot_load "$(load_programs)"
}

only_group()
{
	TEST=${TEST:-$(own_programs)}
	kselftest_group
}

# The suites run when the module is loaded. Their list comes from the source, so that
# a suite which the configuration dropped is noticed.
kunit_group()
{
	local status=0 name=kunit-$KERNEL_FLAVOUR suites

	suites=$(grep -rhoP '#\[kunit_tests\(\K\w+' "$TOP/rust")
	VM_APPEND="kunit.enable=1 kunit.autorun=1" "$TOP/scripts/vm.sh" --name "$name" \
		--kernel "$KERNEL_FLAVOUR" --timeout "${VM_TIMEOUT:-600}" --zram 0 \
		--add "$MODULE:/lib" --add scripts/guest/kunit:/tests -- \
		"sh /tests/kunit /lib/shmem_collapse.ko" || status=$?
	awk -v programs="${suites//$'\n'/ }" -f "$TOP/scripts/tap.awk" \
		"$TOP/build/output-$name.log" >>"$RESULTS/$GROUP"
	vm_ended "$name" $status
}

# own FLAVOUR GROUP: a group on a kernel of our own, whatever KERNEL says.
own()
{
	local selected=()

	export KERNEL=$1
	setup_all
	check "module" build_module
	check "exports" "$TOP/scripts/exports.sh" check
	! only_the_architecture || mapfile -t selected < <(chosen "$(test_programs)")
	[[ $2 == kunit ]] || check "programs" build_programs "${selected[@]}"
	! grep -q '^fail' "$RESULTS/$GROUP" || return 1
	"$2_group"
}

# The same with fewer rounds of races and sweeps, and on other architectures without
# what does not depend on those. "make kselftest" runs all of it, and so does "make test"
# on the stock kernel.
briefly()
{
	export BRIEF=1
	own "$@"
}

# What loads modules on a machine, with its libraries, and copies of the module that
# are not to be loaded, as a tree for the guest.
link_tree()
{
	# shellcheck source=scripts/layer.sh
	source "$TOP/scripts/layer.sh"
	# shellcheck disable=SC2016
	in_layer load bash -e -c '
		tree=$1 module=$2 programs="/sbin/modprobe /sbin/depmod /usr/bin/setpriv /usr/bin/xz /usr/bin/zstd"
		rm -rf "$tree"
		mkdir -p "$tree"/{link,usr/sbin,etc/modprobe.d}
		for file in $programs $(ldd $programs | grep -oE "/[^ :]+ \(" | tr -d " ("); do
			cp -L --parents "$file" "$tree"
		done
		ln -s /bin/module-link "$tree/usr/sbin"
		cp tools/module-link/modprobe.conf "$tree/etc/modprobe.d/shmem_collapse.conf"
		sed "s/\(vermagic=7\.3\.\)4/\15/; t; s/\(vermagic=7\.3\.\)[0-9]/\14/" "$module" >"$tree/link/other.ko"
		head -c 50000 "$module" >"$tree/link/cut.ko"
		# The guest would take minutes for it.
		xz -1 -c "$module" >"$tree/link/shmem_collapse.ko.xz"
		zstd -q "$module" -o "$tree/link/shmem_collapse.ko.zst"
		gzip -1 -c "$module" >"$tree/link/shmem_collapse.ko.gz"
		head -c 50000 "$tree/link/shmem_collapse.ko.xz" >"$tree/link/cut.ko.xz"' \
		bash build/link-tree "$MODULE"
}

# The module as kernels without livepatch have it, on one that has it.
load_group()
{
	local programs="module mappers" name=load-$KERNEL_FLAVOUR status=0

	copy_objects "$KERNEL_FLAVOUR" "$KERNEL_FLAVOUR-load"
	export LINK=load
	setup_all
	check "module" build_module
	check "programs" build_programs
	# As dkms installs it. With debug information it is many times as large, and the
	# guest takes long to read it.
	mkdir -p "$TOP/build/load"
	check "without debug information" in_root llvm-strip --strip-debug \
		-o build/load/shmem_collapse.ko "$MODULE"
	MODULE=build/load/shmem_collapse.ko
	check "files for the guest" link_tree
	check "changed modules" changed_modules
	! grep -q '^fail' "$RESULTS/$GROUP" || return 1
	VM_OPTIONS=(--add build/link-tree:/ --add scripts/guest/link:/tests)
	run_with_module "$name" "${VM_TIMEOUT:-1200}" "$programs" \
		"SC_BRIEF=1 sh /tests/tests $PROGRAM_SECONDS $programs; sh /tests/link" || status=$?
	awk -v programs="$programs unload link" -f "$TOP/scripts/tap.awk" \
		"$TOP/build/output-$name.log" >>"$RESULTS/$GROUP"
	vm_ended "$name" $status
}

compile_fail_group()
{
	local log=$TOP/build/compile-fail.log

	copy_objects "$KERNEL_FLAVOUR" compile-fail
	in_root env KDIR="$KERNEL_BUILD" MO="$ROOT_SRC/build/compile-fail" \
		scripts/compile-fail.sh >"$log" 2>&1 || true
	cat "$log"
	sed -nE 's/^ok ([^:]*): .*/pass\t\1\t/p; s/^FAIL ([^:]*): (.*)/fail\t\1\t\2/p' \
		"$log" >>"$RESULTS/$GROUP"
}

cross_build_group()
{
	"$TOP/scripts/cross-build.sh" | tee "$TOP/build/cross-build.log"
	sed -nE 's/^ok ([^:]*): .*/pass\t\1\t/p; s/^FAIL ([^:]*): (.*)/fail\t\1\t\2/p; s/^skip ([^:]*): (.*)/skip\t\1\t\2/p' \
		"$TOP/build/cross-build.log" >>"$RESULTS/$GROUP"
}

rustdoc_group()
{
	copy_objects "$KERNEL_FLAVOUR" rustdoc-objects
	check "rustdoc" in_root env KDIR="$KERNEL_BUILD" MO="$ROOT_SRC/build/rustdoc-objects" \
		scripts/rustdoc.sh
}

bench_group()
{
	check "verdicts" in_root scripts/bench/test.sh
}

docs_group()
{
	check "htmldocs" "$TOP/scripts/htmldocs.sh"
}

# Programs of others, in a Debian of their own, the tracing examples and the
# package's systemd units.
programs_group()
{
	local programs="tracing posix-shm qemu postgresql.mmap postgresql.sysv systemd" status=0

	need_module
	# shellcheck source=scripts/guest-root.sh
	source "$TOP/scripts/guest-root.sh"
	setup_guest_root
	build_tool
	programs=${TEST:-$programs}
	"$TOP/scripts/vm.sh" --name programs --timeout "${VM_TIMEOUT:-1800}" \
		--module "$MODULE" --disk "$GUEST_DISK" --add scripts/guest/programs:/programs \
		--add Documentation/admin-guide/examples:/programs \
		--add "$PROGRAMS/guest32:/programs" --add debian/systemd:/programs \
		--add "$TOOL/shmem-collapse:/programs" -- \
		"sh /programs/run $PROGRAM_SECONDS $programs" || status=$?
	awk -v programs="$programs" -f "$TOP/scripts/tap.awk" \
		"$TOP/build/output-programs.log" >>"$RESULTS/$GROUP"
	vm_ended programs $status
}

selftests_tree_group()
{
	check "build and install in a kernel tree" "$TOP/scripts/selftests-tree.sh" request device_race
}

demo_group()
{
	need_module
	check "demo" "$TOP/scripts/demo.sh"
}

# Debian's own kernel for arm64, which has no livepatch.
demo_arm64_group()
{
	export KERNEL=stock-arm64 BRIEF=1
	setup_all
	check "demo" "$TOP/scripts/demo.sh"
	check "changed modules" changed_modules
}

cd "$TOP"
rm -rf "$RESULTS"
mkdir -p "$RESULTS"
trap summary EXIT

setup_all
# The longest first.
for flavour in arm64 riscv64; do
	later "kselftest-$flavour" "kselftests on the '$flavour' kernel" "briefly $flavour kselftest"
done
group build "Build of the module and the programs" build_group
group rustfmt "Format of the Rust code" rustfmt_group
group hazards "Every hazard has a test" hazards_group
group imports "Files of the Rust code import downwards" imports_group
group kdir "What a kernel tree lacks" kdir_group
group module-link "Unit tests of module-link" module_link_group
group docs "Documentation pages" docs_group
group bench "How the benchmark judges" bench_group
later kselftest "kselftests on Linux $KERNEL_RELEASE" kselftest_group
later kselftest-load "kselftests beside load on Linux $KERNEL_RELEASE" brief_load_group
later cross-build "Build for architectures without a VM" cross_build_group
later compile-fail "Programs that must not compile" compile_fail_group
later load "The module linked at load" load_group
later only-debug "kselftests for the 'debug' kernel only" "briefly debug only"
for flavour in debug arm64 riscv64; do
	later "kunit-$flavour" "KUnit on the '$flavour' kernel" "own $flavour kunit"
done
later demo-arm64 "Demonstration on Debian's kernel for arm64" demo_arm64_group
later vm "The VM runner" vm_group
later selftests-tree "The selftests in a kernel tree" selftests_tree_group
later litmus "Litmus tests of the memory order" litmus_group
later model "The model of the protocol" model_group
later tool "The command-line program" tool_group
later clippy "Clippy" clippy_group
later rustdoc "Documentation of the Rust code" rustdoc_group
later deb "Debian packages" deb_group
later checkpatch "checkpatch on C files" checkpatch_group
later shellcheck "shellcheck on scripts" shellcheck_group
settle
group demo "Demonstration" demo_group
on_request programs "Programs of others on Linux $KERNEL_RELEASE" programs_group
on_request deb-test "The packages in a clean Debian" deb_test_group
on_request deb-test-arm64 "The packages in a clean Debian for arm64" "deb_test_group arm64"
on_request kselftest-debug "kselftests on the 'debug' kernel" "own debug kselftest"
