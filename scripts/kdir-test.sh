#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kdir-test.sh MISSING SENTENCE [LINK]: checks that check-kdir.sh reports a kernel tree
# without the option or file MISSING with one line that contains SENTENCE.

source "$(dirname "$0")/lib.sh"

missing=$1 sentence=$2 link=${3:-livepatch}
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

mkdir -p "$tree/rust"
touch "$tree/rust/libkernel.rmeta" "$tree/Module.symvers"
for option in RUST SHMEM TRANSPARENT_HUGEPAGE PER_VMA_LOCK MMU_NOTIFIER LIVEPATCH KALLSYMS_ALL; do
	echo "CONFIG_$option=y"
done >"$tree/.config"

# Nothing is said of a tree that has everything.
said=$("$TOP/scripts/check-kdir.sh" "$tree" "$link" 2>&1) ||
	die "check-kdir.sh refuses a good tree: $said"
[[ -z $said ]] || die "check-kdir.sh says of a good tree: $said"

if [[ $missing == CONFIG_* ]]; then
	sed -i "/^$missing=/d" "$tree/.config"
else
	rm "${tree:?}/$missing"
fi
! said=$("$TOP/scripts/check-kdir.sh" "$tree" "$link" 2>&1) ||
	die "check-kdir.sh accepts a tree without $missing"
[[ $said == "error: "*"$sentence"* && $said != *$'\n'* ]] ||
	die "without $missing check-kdir.sh says: $said"
