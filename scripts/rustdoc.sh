#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Renders the documentation of the module's Rust code, private items included,
# with the flags that it is compiled with. A warning is an error.
#
# Use: KDIR=/path/to/kernel/build scripts/rustdoc.sh
# MO=PATH is where objects go; the pages go to build/rustdoc.

set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
: "${KDIR:?name the kernel build tree with KDIR=}"
MO=$(realpath -m "${MO:-$top/build/rustdoc-objects}")
out=$top/build/rustdoc

mkdir -p "$MO"
make --no-print-directory -C "$KDIR" M="$top" MO="$MO" rust/shmem_collapse_main.o >&2

# The compiler call of the module, without its outputs.
call=$(sed -n 's/^savedcmd_[^ ]* := //p' "$MO/rust/.shmem_collapse_main.o.cmd" |
	sed -e 's/ --crate-type .*//' -e 's/ -Zbinary_dep_depinfo=y//' \
		-e 's/ \(rustc\|clippy-driver\) / rustdoc /')
library=$(sed -n 's/^savedcmd_.* -L \([^ ]*\) .*/\1/p' "$MO/rust/.shmem_collapse_main.o.cmd")
if [ -z "$call" ] || [ -z "$library" ]; then
	echo "$MO/rust/.shmem_collapse_main.o.cmd holds no compiler call; remove $MO and try again." >&2
	exit 1
fi
rm -rf "$out"
cd "$MO"
export SHMEM_COLLAPSE_OBJ=$MO RUSTC_BOOTSTRAP=1
eval "$call --cfg view_accessors --cfg all_accessors --document-private-items --crate-name shmem_collapse -Dwarnings" \
	"-L \"$library\" --sysroot=/dev/null -o \"$out\" \"$top/rust/shmem_collapse_main.rs\""
echo "build/rustdoc/shmem_collapse/index.html"
