// SPDX-License-Identifier: GPL-2.0

//! Page tables of user processes, in types.
//!
//! Two rules of `mm/pgtable-generic.c` shape everything here:
//!
//! 1. A page table may vanish under its user: the pmd entry can go from a table to none to a huge
//!    page at any time. Every accessor therefore reads the pmd entry again and returns an
//!    [`Option`] or a [`Result`].
//! 2. Map and unmap are a pair. A mapped table holds `rcu_read_lock()` (and, with
//!    `CONFIG_HIGHPTE`, a `kmap_local`), so a mapping is a guard whose drop unmaps, and which does
//!    not leave its task.
//!
//! What you hold decides what you can call:
//!
//! ```text
//! Witness             levels above the PTE tables stay (VMA lock, mmap lock, reverse map)
//!   PmdSlot           the place of the pmd entry of one PMD-sized range
//!     PteMap          the table, entries may change           (RCU, no sleeping)
//!     ReadOnlyPteMap  the table and its lock, not taken       -> SteadyPteMap, maybe removed
//!     UncheckedPteMap the table and its lock, not taken       -> LockedPteMap after pmd_same
//!     LockedPteMap    the table, entries do not change        (PTE lock)
//!     Invalidation    MMU notifiers are told; changes allowed (may sleep to begin)
//!       WritablePtes  entries can be replaced                 (PTE lock)
//!       PmdGuard      the pmd entry does not change           (pmd lock)
//!         TableGuard  the pmd entry and its table             (pmd lock, PTE lock)
//!           -> EmptyTable, MappedTable: tested, can be taken out
//!             -> DetachedTable: empty, freed after a grace period
//! MayInstall          the last zap has not begun
//!   PmdSlot           missing tables can be allocated         (may sleep)
//!     LockedPteMap    entries can be installed where there are none
//! KernelTables        init_mm's mmap lock
//!   KernelPmd         -> KernelPteTable: stays, no RCU, no unmap
//! NewKernelTable      in no page table yet                    -> KernelPteTable
//! ```
//!
//! Lock order: MMU notifiers, then pmd lock, then PTE lock. A caller that holds a mapping or one of
//! the two locks may not sleep. `Documentation/mm/pgtable.rst` says which of this the compiler
//! checks and which it does not.
//!
//! Accessors that the module does not use, though the kernel has them, are compiled for KUnit tests
//! only (`all_accessors`).
//!
//! | C | here | fails with |
//! |---|---|---|
//! | `pte_offset_map()` | [`PmdSlot::map`] | [`None`] |
//! | `pte_offset_map_ro_nolock()` | [`PmdSlot::map_ro_nolock`] | [`None`] |
//! | `pte_offset_map_rw_nolock()` | [`PmdSlot::map_rw_nolock`] | [`None`] |
//! | `pmd_same()` under the PTE lock | [`UncheckedPteMap::lock`] | [`None`] |
//! | `pte_offset_map_lock()` | [`PmdSlot::map_lock`] | [`None`] |
//! | `pte_alloc_map()` | [`PmdSlot::alloc_map`] | [`AllocError`], [`None`] |
//! | `pte_alloc_map_lock()` | [`PmdSlot::alloc_map_lock`] | [`AllocError`], [`None`] |
//! | `get_locked_pte()` | [`PmdSlot::get_locked_pte`] | [`AllocError`], [`None`] |
//! | `pte_unmap()`, `pte_unmap_unlock()` | dropping the guard | |
//! | `pte_offset_kernel()` | [`KernelPmd::offset_kernel`] | |
//! | `pmdp_collapse_flush()` | [`EmptyTable::remove`], [`MappedTable::remove`] | |
//! | `pte_free_defer()` | [`DetachedTable::free_deferred`] | |
//!
//! [`AllocError`]: kernel::alloc::AllocError

#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

mod cleared;
mod detached;
mod entry;
mod invalidation;
#[cfg(all_accessors)]
mod kernel_table;
mod level;
mod migration;
mod pmd_lock;
#[cfg(all_accessors)]
mod pte_alloc;
mod pte_index;
#[cfg(all_accessors)]
mod pte_install;
mod pte_lock;
mod pte_map;
#[cfg(all_accessors)]
mod pte_ro;
mod pte_write;
#[cfg(CONFIG_KUNIT = "y")]
#[allow(clippy::indexing_slicing)]
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
    level::Level,
    migration::{
        MigrationTarget,
        Spared, //
    },
    pmd_lock::CheckedTable,
    pte_index::PteIndex,
    pte_lock::LockedPteMap,
    pte_map::PteMap,
    walk::PmdSlot,
    witness::Witness, //
};

/// What the module does not use yet.
#[cfg(all_accessors)]
pub(crate) use self::{
    kernel_table::{
        KernelRange,
        KernelSlot,
        KernelTables,
        NewKernelTable, //
    },
    pte_install::NewPte,
};

/// Types that only the programs which must not compile call by their name.
#[cfg(all_names)]
pub(crate) use self::{
    kernel_table::{
        KernelPmd,
        KernelPteTable, //
    },
    pmd_lock::{
        EmptyTable,
        MappedTable,
        PmdGuard,
        TableGuard, //
    },
    pte_install::LockedPte,
    pte_lock::UncheckedPteMap,
    pte_ro::{
        ReadOnlyPteMap,
        SteadyPteMap, //
    },
    pte_write::WritablePtes,
    witness::MayInstall,
};

use crate::bindings;

/// Returns the number of pages in one PMD-sized extent (`HPAGE_PMD_NR`), which is that of the
/// entries in a PTE table.
pub(crate) fn pmd_pages() -> usize {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::hpage_pmd_nr() }
}

/// Returns the size of one PMD-sized extent (`HPAGE_PMD_SIZE`).
pub(crate) fn pmd_size() -> usize {
    pmd_pages() * kernel::page::PAGE_SIZE
}

/// Returns whether this kernel can keep a migration entry in a pmd of a file mapping without a
/// deposited table (`thp_migration_supported()`, `!arch_needs_pgtable_deposit()`).
pub(crate) fn pmd_migration_supported() -> bool {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::pmd_entries_supported() }
}
