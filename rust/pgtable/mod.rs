// SPDX-License-Identifier: GPL-2.0

//! Page tables of user processes, in types.
//!
//! Two rules of `mm/pgtable-generic.c` shape everything here:
//!
//! 1. A page table may vanish under its user: the pmd entry can go from
//!    "points to a table" to "empty" to "huge page" at any time. So every way
//!    to a table looks at the pmd entry for itself and answers with an
//!    [`Option`] or a [`Result`].
//! 2. Map and unmap are a pair. A mapped table holds `rcu_read_lock()` (and,
//!    with `CONFIG_HIGHPTE`, a `kmap_local`), so a mapping is a guard that
//!    cannot be split from its unmap and cannot leave its task.
//!
//! What you hold decides what you can call:
//!
//! ```text
//! Witness             the levels above stay in place (VMA lock, mmap lock, reverse map)
//!   PmdSlot           where the pmd entry of one PMD-sized range is
//!     PteMap          the table, entries may change         (RCU, no sleeping)
//!     ReadOnlyPteMap  the table and its lock, not taken      -> SteadyPteMap, maybe removed
//!     UncheckedPteMap the table and its lock, not taken      -> LockedPteMap after pmd_same
//!     LockedPteMap    the table, entries hold still          (PTE lock)
//!     Invalidation    MMU notifiers told; changes allowed    (may sleep to begin)
//!       WritablePtes  entries can be cleared                 (PTE lock)
//!       PmdGuard      the pmd entry holds still              (pmd lock)
//!         TableGuard  the pmd entry and its table            (pmd lock, PTE lock)
//!           -> EmptyTable, MappedTable: tested, can be taken out
//!             -> DetachedTable: empty, freed after a grace period
//! MayInstall          a witness under which nobody is past the last zap
//!   PmdSlot           missing tables can be allocated        (may sleep)
//!     LockedPteMap    entries can be installed where there are none
//! KernelTables        init_mm's mmap lock
//!   KernelPmd         -> KernelPteTable: never gone, no RCU, no unmap
//! NewKernelTable      in no page table yet                   -> KernelPteTable
//! ```
//!
//! Lock order: MMU notifiers, then pmd lock, then PTE lock. Nothing that holds
//! a mapping or one of the two locks may sleep.
//!
//! | C | here | fails with |
//! |---|---|---|
//! | `pte_offset_map()` | [`PmdSlot::map`] | [`None`] |
//! | `pte_offset_map_ro_nolock()` | [`PmdSlot::map_ro_nolock`] | [`None`] |
//! | `pte_offset_map_rw_nolock()`, `pmd_same()` | [`PmdSlot::map_rw_nolock`], [`UncheckedPteMap::lock`] | [`None`] |
//! | `pte_offset_map_lock()` | [`PmdSlot::map_lock`] | [`None`] |
//! | `pte_alloc_map()`, `pte_alloc_map_lock()` | [`PmdSlot::alloc_map`], [`PmdSlot::alloc_map_lock`] | [`AllocError`], [`None`] |
//! | `get_locked_pte()` | [`PmdSlot::get_locked_pte`] | [`AllocError`], [`None`] |
//! | `pte_unmap()`, `pte_unmap_unlock()` | dropping the guard | |
//! | `pte_offset_kernel()` | [`KernelPmd::offset_kernel`] | |
//! | `pmdp_collapse_flush()` | [`EmptyTable::remove`], [`MappedTable::remove`] | |
//! | `pte_free_defer()` | [`DetachedTable::free_deferred`] | |
//!
//! [`AllocError`]: kernel::alloc::AllocError

// The layer stands alone: it offers every accessor of the kernel, whichever of
// them the engine needs today.
#![allow(dead_code, unused_imports)]

mod cleared;
mod detached;
mod entry;
mod invalidation;
mod kernel_table;
mod level;
mod pmd_lock;
mod pte_index;
mod pte_install;
mod pte_lock;
mod pte_map;
mod pte_write;
#[cfg(CONFIG_KUNIT = "y")]
pub(crate) mod tests;
mod walk;
mod witness;

pub(crate) use self::{
    cleared::{
        Cleared,
        ClearedRun,
        MappedPages, //
    },
    detached::DetachedTable,
    entry::{
        Pmd,
        Pte,
        PteKind, //
    },
    invalidation::Invalidation,
    kernel_table::{
        KernelPmd,
        KernelPteTable,
        KernelRange,
        KernelSlot,
        KernelTables,
        NewKernelTable, //
    },
    level::Level,
    pmd_lock::{
        CheckedTable,
        EmptyTable,
        MappedTable,
        MigrationTarget,
        PmdGuard,
        TableGuard, //
    },
    pte_index::PteIndex,
    pte_install::NewPte,
    pte_lock::{
        LockedPte,
        LockedPteMap,
        ReadOnlyPteMap,
        SteadyPteMap,
        UncheckedPteMap, //
    },
    pte_map::PteMap,
    pte_write::WritablePtes,
    walk::PmdSlot,
    witness::{
        MayInstall,
        Witness, //
    },
};

use crate::bindings;

/// Pages in one PMD-sized extent (`HPAGE_PMD_NR`).
pub(crate) fn pmd_pages() -> usize {
    // SAFETY: No precondition; the value is fixed at boot.
    unsafe { bindings::hpage_pmd_nr() }
}

/// Bytes in one PMD-sized extent (`HPAGE_PMD_SIZE`).
pub(crate) fn pmd_size() -> usize {
    pmd_pages() * kernel::page::PAGE_SIZE
}

/// Whether this kernel can keep a migration entry in a pmd of a file mapping
/// without a deposited table (`thp_migration_supported()`,
/// `!arch_needs_pgtable_deposit()`).
pub(crate) fn pmd_migration_supported() -> bool {
    // SAFETY: No precondition.
    unsafe { bindings::pmd_entries_supported() }
}
