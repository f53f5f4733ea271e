#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check-kdir.sh KDIR LINK: says what a kernel tree lacks to build this module.

source "$(dirname "$0")/lib.sh"

kdir=$1 link=$2

has()
{
	grep -q "^CONFIG_$1=y" "$kdir/.config"
}

[[ -f $kdir/.config ]] ||
	die "KDIR=$kdir is not a configured kernel tree: it has no .config"
for option in RUST SHMEM TRANSPARENT_HUGEPAGE PER_VMA_LOCK MMU_NOTIFIER; do
	has "$option" || die "the kernel in KDIR=$kdir has no CONFIG_$option: enable it and build that kernel"
done
[[ -f $kdir/rust/libkernel.rmeta ]] ||
	die "KDIR=$kdir lacks the compiled Rust core: run 'make modules_prepare' there, with this machine's rustc (headers packages do not carry it)"
[[ -f $kdir/Module.symvers ]] ||
	die "KDIR=$kdir has no Module.symvers: build the kernel there, or copy the file from its headers package"
case $link in
livepatch)
	has LIVEPATCH ||
		die "the kernel in KDIR=$kdir has no CONFIG_LIVEPATCH: use LINK=load instead" ;;
load)
	has KALLSYMS_ALL ||
		die "the kernel in KDIR=$kdir neither has CONFIG_LIVEPATCH nor CONFIG_KALLSYMS_ALL, nor does it export its functions to shmem_collapse: enable one of the three" ;;
exports) ;;
*)
	die "LINK=$link is unknown: it may be livepatch, load or exports" ;;
esac
