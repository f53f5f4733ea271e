#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# exports.sh check|update: compares what the module that was built for KERNEL
# needs with what its kernel exports and kernels/exports.patch adds to that, or
# writes the patch with what it lacks.

source "$(dirname "$0")/lib.sh"
# shellcheck source=scripts/programs.sh
source "$TOP/scripts/programs.sh"

PATCH=$TOP/scripts/kernels/exports.patch
FILE=mm/shmem_collapse_exports.c

# Functions that exist in some configurations only; elsewhere they are macros or
# inline.
declare -A CONDITION=(
	[__mmu_notifier_invalidate_range_start_map]='defined(CONFIG_LOCKDEP)'
	[__page_table_check_pte_clear_range]='defined(CONFIG_PAGE_TABLE_CHECK)'
	[__p4d_alloc]='CONFIG_PGTABLE_LEVELS > 4'
	[__pud_alloc]='CONFIG_PGTABLE_LEVELS > 3'
	[__pmd_alloc]='CONFIG_PGTABLE_LEVELS > 2'
	[cc_mask]='defined(CONFIG_X86) && defined(CONFIG_ARCH_HAS_CC_PLATFORM)'
	[flush_tlb_mm_range]='defined(CONFIG_X86) || defined(CONFIG_RISCV)'
	[flush_icache_pte]='defined(CONFIG_RISCV)'
	[flush_tlb_mm]='defined(CONFIG_RISCV)'
	[flush_tlb_range]='defined(CONFIG_RISCV)'
	[huge_ptep_get]='defined(CONFIG_ARM64) || defined(CONFIG_RISCV_ISA_SVNAPOT)'
	[mte_sync_tags]='defined(CONFIG_ARM64_MTE)'
	[pgattr_change_is_safe]='defined(CONFIG_ARM64)'
	[pagetable_free_kernel]='defined(CONFIG_ASYNC_KERNEL_PGTABLE_FREE)'
	[ptlock_free]='defined(CONFIG_DEBUG_SPINLOCK)'
)

patched()
{
	sed -n 's/^+EXPORT(\(.*\));$/\1/p' "$PATCH" | sort
}

# Prints what the kernel exports to every module, or to this one.
exported()
{
	awk -F '\t' '$5 !~ /^module:/ || $5 ~ /[:,]shmem_collapse(,|$)/ { print $2 }' \
		"$KERNEL_DIR/build/Module.symvers" | sort
}

needed()
{
	local object=$TOP/build/$KERNEL_FLAVOUR/shmem_collapse.o

	[[ -f $object ]] || die "there is no module for the '$KERNEL_FLAVOUR' kernel: build it first (make KERNEL=$KERNEL_FLAVOUR)"
	# modpost gives each module an object that describes it.
	in_root llvm-nm -u "${object/#"$TOP"/"$ROOT_SRC"}" |
		awk '$NF != "__this_module" { print $NF }' | sort -u
}

# exports_file < NAMES
exports_file()
{
	local name

	cat <<-END
		// SPDX-License-Identifier: GPL-2.0
		/*
		 * Exports what the module shmem_collapse uses, to that module only. Types do
		 * not matter here, so that no configuration needs another header.
		 */
		#include <linux/export.h>

		#define EXPORT(name) extern const char name[]; EXPORT_SYMBOL_FOR_MODULES(name, "shmem_collapse")

	END
	while read -r name; do
		[[ -z ${CONDITION[$name]:-} ]] || printf '\n#if %s\n' "${CONDITION[$name]}"
		echo "EXPORT($name);"
		[[ -z ${CONDITION[$name]:-} ]] || printf '#endif\n\n'
	done | cat -s
}

# write_patch < NAMES
write_patch()
{
	local work

	work=$(mktemp -d)
	mkdir -p "$work"/{a,b}/mm
	cp "$SOURCE_DIR/mm/Makefile" "$work/a/mm"
	{
		cat "$work/a/mm/Makefile"
		echo "obj-y += shmem_collapse_exports.o"
	} >"$work/b/mm/Makefile"
	exports_file >"$work/b/$FILE"
	{
		cat <<-END
			mm: export what the module shmem_collapse uses

			Apply with "patch -p1" to a kernel that cannot load livepatch modules. The
			list is written by "make exports".

		END
		(cd "$work" && diff -uN --label a/mm/Makefile --label b/mm/Makefile a/mm/Makefile b/mm/Makefile
			diff -uN --label /dev/null --label "b/$FILE" "a/$FILE" "b/$FILE") || true
	} >"$PATCH"
	rm -rf "$work"
}

setup_all
lacking=$(comm -23 <(needed) <(sort -u <(exported) <(patched)))
case ${1:-} in
check)
	[[ -z $lacking ]] ||
		die "scripts/kernels/exports.patch does not export what the module needs: run 'make exports KERNEL=$KERNEL_FLAVOUR'; it lacks: ${lacking//$'\n'/ }" ;;
update)
	[[ -n $lacking ]] || exit 0
	patched | sort -u - <(echo "$lacking") | write_patch
	note "exports.patch now has also: ${lacking//$'\n'/ }" ;;
*)
	die "usage: exports.sh check|update" ;;
esac
