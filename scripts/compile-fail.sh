#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Compiles every program in tools/testing/compile_fail/programs/ on top of the
# module's own sources, with the flags that the module is compiled with. A
# program NAME.rs must be refused with the error that its first lines state, and
# NAME_ok.rs, which does the same thing right, must be accepted.
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

# The module's own compiler call, up to what it writes.
compiler=$(sed -n 's/^savedcmd_[^ ]* := //p' "$MO/rust/.shmem_collapse_main.o.cmd" |
	sed 's/ --crate-type .*//')
library=$(sed -n 's/^savedcmd_.* -L \([^ ]*\) .*/\1/p' "$MO/rust/.shmem_collapse_main.o.cmd")
if [ -z "$compiler" ] || [ -z "$library" ]; then
	echo "$MO/rust/.shmem_collapse_main.o.cmd holds no compiler call; remove $MO and try again." >&2
	exit 1
fi

# compile NAME: messages go to $work/NAME.log, one a line
compile() {
	local crate=$work/$1.rs

	sed -e "s,\"\.\./\.\./\.\./,\"$top/," -e "s,programs/PROGRAM,$programs/$1," \
		"$harness" >"$crate"
	(
		cd "$MO" || exit
		# The kernel uses unstable features of a stable compiler.
		export SHMEM_COLLAPSE_OBJ=$MO RUSTC_BOOTSTRAP=1
		eval "$compiler --crate-type rlib --crate-name program -L $library" \
			"--sysroot=/dev/null --error-format=short" \
			"--emit=metadata=$work/$1.rmeta $crate"
	) >"$work/$1.log" 2>&1
}

# field NAME KEY: what the program states about itself
field() {
	sed -n "s,^// $2: ,,p" "$programs/$1.rs" | head -n 1
}

# refused NAME: true if one error is the stated one and all others, which the
# same mistake may cause, have its code and stand in the program too
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

# check NAME: prints ok or FAIL for the program and for its twin
check() {
	if [ -z "$(field "$1" error)" ] || [ -z "$(field "$1" message)" ]; then
		echo "FAIL $1: state the error and its message in the first lines"
	elif compile "$1"; then
		echo "FAIL $1: compiles"
	elif refused "$1"; then
		echo "ok $1: $(field "$1" error)"
	else
		echo "FAIL $1: refused for another reason than stated:"
		sed 's/^/# /' "$work/$1.log"
	fi
	if compile "$1_ok"; then
		echo "ok $1_ok: compiles"
	else
		echo "FAIL $1_ok: does not compile:"
		sed 's/^/# /' "$work/$1_ok.log"
	fi
}

if [ $# = 0 ]; then
	for file in "$programs"/*.rs; do
		name=$(basename "$file" .rs)
		[[ $name == *_ok ]] || set -- "$@" "$name"
	done
fi

running=0
for name; do
	check "$name" >"$work/$name.result" &
	running=$((running + 1))
	if [ $running -ge "$(nproc)" ]; then
		wait -n
		running=$((running - 1))
	fi
done
wait

for name; do
	cat "$work/$name.result"
done | tee "$work/results"
passed=$(grep -c '^ok ' "$work/results")
failed=$(grep -c '^FAIL ' "$work/results")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
