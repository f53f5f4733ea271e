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
//!     UncheckedPteMap the table and its lock, not taken      -> LockedPteMap after pmd_same
//!     LockedPteMap    the table, entries hold still          (PTE lock)
//!     Invalidation    MMU notifiers told; changes allowed    (may sleep to begin)
//!       WritablePtes  entries can be cleared                 (PTE lock)
//!       PmdGuard      the pmd entry holds still              (pmd lock)
//!         TableGuard  the pmd entry and its table            (pmd lock, PTE lock)
//!           -> EmptyTable, MappedTable: tested, can be taken out
//!             -> DetachedTable: empty, freed after a grace period
//! ```
//!
//! Lock order: MMU notifiers, then pmd lock, then PTE lock. Nothing that holds
//! a mapping or one of the two locks may sleep.

mod detached;
mod entry;
mod invalidation;
mod pmd_lock;
mod pte_map;
mod pte_write;
mod walk;
mod witness;

pub(crate) use self::{
    detached::DetachedTable,
    entry::{
        Pmd,
        Pte, //
    },
    invalidation::Invalidation,
    pmd_lock::{
        CheckedTable,
        MigrationTarget,
        PmdGuard, //
    },
    pte_map::{
        LockedPteMap,
        PteMap,
        UncheckedPteMap, //
    },
    pte_write::WritablePtes,
    walk::PmdSlot,
    witness::Witness,
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
