#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compiles every program in tools/testing/compile_fail/programs/ on top of the
# module's own sources, with the flags that the module is compiled with. A
# program NAME.rs must be refused with the error that its first lines state, and
# NAME_ok.rs, which does the same thing right, must be accepted. So must every
# example in the documentation of the types.
#
# Use: KDIR=/path/to/kernel/build scripts/compile-fail.sh [NAME...]
# MO=PATH is where the module's objects go. The last line is "N passed, M failed".

set -uo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
programs=$top/tools/testing/compile_fail/programs
harness=$top/tools/testing/compile_fail/harness.rs
: "${KDIR:?name the kernel build tree with KDIR=}"
MO=$(realpath -m "${MO:-$top/build/compile-fail}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$MO"
if ! make --no-print-directory -C "$KDIR" M="$top" MO="$MO" \
	rust/shmem_collapse_main.o >"$work/make.log" 2>&1; then
	cat "$work/make.log"
	echo "The module itself does not compile; correct that first." >&2
	exit 1
fi

# The compiler call of the module, without its outputs.
compiler=$(sed -n 's/^savedcmd_[^ ]* := //p' "$MO/rust/.shmem_collapse_main.o.cmd" |
	sed 's/ --crate-type .*//')
library=$(sed -n 's/^savedcmd_.* -L \([^ ]*\) .*/\1/p' "$MO/rust/.shmem_collapse_main.o.cmd")
if [ -z "$compiler" ] || [ -z "$library" ]; then
	echo "$MO/rust/.shmem_collapse_main.o.cmd holds no compiler call; remove $MO and try again." >&2
	exit 1
fi

# path NAME: where a program is
path() {
	if [ -f "$programs/$1.rs" ]; then
		echo "$programs/$1.rs"
	else
		echo "$work/$1.rs"
	fi
}

# compile CRATE NAME...: programs on one harness; messages go to $work/CRATE.log,
# one a line
compile() {
	local crate=$1 name

	shift
	sed -e "s,\"\.\./\.\./\.\./,\"$top/," "$harness" >"$work/$crate.crate.rs"
	for name; do
		printf '\n#[path = "%s"]\nmod program_%s;\n' "$(path "$name")" "$name"
	done >>"$work/$crate.crate.rs"
	(
		cd "$MO" || exit
		# The kernel uses unstable features of a stable compiler.
		export SHMEM_COLLAPSE_OBJ=$MO RUSTC_BOOTSTRAP=1
		eval "$compiler --cfg view_accessors --cfg all_accessors --crate-type rlib --crate-name program -L $library" \
			"--sysroot=/dev/null --error-format=short" \
			"--emit=metadata=$work/$crate.rmeta $work/$crate.crate.rs"
	) >"$work/$crate.log" 2>&1
}

# field NAME KEY: what the program states about itself
field() {
	sed -n "s,^// $2: ,,p" "$programs/$1.rs" | head -n 1
}

# refused NAME: true if one error is the stated one and all others, which the
# same mistake may cause, have its code and are in the program as well
refused() {
	local code message error prefix

	code=$(field "$1" error)
	message=$(field "$1" message)
	# Lints have no code in the short form.
	case $code in
	E[0-9]*) prefix=": error[$code]: " ;;
	*)	 prefix=": error: " ;;
	esac
	grep -E ': error(\[[A-Z0-9]+\])?: ' "$work/$1.log" >"$work/$1.errors"
	while read -r error; do
		[[ $error == *"programs/$1.rs:"*"$prefix"* ]] || return
	done <"$work/$1.errors"
	grep -qF "$prefix$message" "$work/$1.errors"
}

# examples: writes each example of the documentation to a file of its own in
# $work and prints their names
examples() {
	local file name folder uses=

	for file in "$top"/rust/{pgtable,hugetlb}/*.rs; do
		folder=$(basename "$(dirname "$file")")
		name=$(basename "$file" .rs)
		[[ $name == mod || $name == *_tests ]] || uses+="use crate::$folder::$name::*; "
	done
	for file in "$top"/rust/{pgtable,hugetlb}/*.rs; do
		name=doc_$(basename "$(dirname "$file")")_$(basename "$file" .rs)
		awk -v base="$work/$name" -v name="$name" -v uses="$uses" '
			/^ *\/\/\/ ```ignore$/ {
				out = base "_" ++n ".rs"
				print name "_" n
				print "use crate::{bindings, hugetlb::arch, mm::reverse_map::MappedVma};" >out
				print uses >out
				print "use core::ops::Range;" >out
				print "use kernel::{mm::{virt::VmaRef, MmWithUser}, prelude::*};" >out
				next
			}
			/^ *\/\/\/ ```/ { out = "" }
			out { sub(/^ *\/\/\/ ?/, ""); print >out }
		' "$file"
	done
}

# refuse NAME: prints ok or FAIL for a program that must not compile
refuse() {
	if [ -z "$(field "$1" error)" ] || [ -z "$(field "$1" message)" ]; then
		echo "FAIL $1: state the error and its message in the first lines"
	elif compile "$1" "$1"; then
		echo "FAIL $1: compiles"
	elif refused "$1"; then
		echo "ok $1: $(field "$1" error)"
	else
		echo "FAIL $1: refused for another reason than stated:"
		sed 's/^/# /' "$work/$1.log"
	fi
}

# accept NAME...: prints ok or FAIL for each program that must compile
accept() {
	local name

	if compile accepted "$@"; then
		printf 'ok %s: compiles\n' "$@"
		return
	fi
	for name; do
		if compile "$name" "$name"; then
			echo "ok $name: compiles"
		else
			echo "FAIL $name: does not compile:"
			sed 's/^/# /' "$work/$name.log"
		fi
	done
}

right=()
if [ $# = 0 ]; then
	for file in "$programs"/*.rs; do
		name=$(basename "$file" .rs)
		[[ $name == *_ok ]] || set -- "$@" "$name"
	done
	mapfile -t right < <(examples)
fi
right+=("${@/%/_ok}")

accept "${right[@]}" >"$work/right.result" &
running=1
for name; do
	if [ $running -ge "$(nproc)" ]; then
		wait -n
		running=$((running - 1))
	fi
	refuse "$name" >"$work/$name.result" &
	running=$((running + 1))
done
wait

for name in "$@" right; do
	cat "$work/$name.result"
done | tee "$work/results"
passed=$(grep -c '^ok ' "$work/results")
failed=$(grep -c '^FAIL ' "$work/results")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
