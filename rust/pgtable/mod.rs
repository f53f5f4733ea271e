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
//! Witness                 levels above the PTE tables stay (VMA lock, mmap lock, reverse map)
//!   PmdSlot               the place of the pmd entry of one PMD-sized range
//!     PteTable            the table, entries may change         (RCU, no sleeping)
//!     PteTableReadOnly    the table and its lock, not taken     -> PteTableReadOnlyGuard
//!     PteTableNolock      the table and its lock, not taken     -> PteTableGuard after pmd_same
//!     PteTableGuard       the table, entries do not change      (PTE lock)
//!     Invalidation        MMU notifiers are told of a range     (may sleep to begin)
//!       PteTableWriteGuard    entries of the VMA can be replaced    (PTE lock)
//!       PmdGuard          the pmd entry does not change         (pmd lock)
//!         PmdTableGuard   the pmd entry and its table           (pmd lock, PTE lock)
//!     WholePmd            the VMA covers the whole range
//!       Invalidation of a Table: the same; moreover
//!         PmdGuard        a migration entry can be cleared      (pmd lock)
//!         PmdTableGuard   -> EmptyTable, MappedTable: tested, can be taken out
//!           -> DetachedTable: empty, freed after a grace period or kept
//!         PmdGuard        a KeptTable can be put back           (pmd lock)
//! MayInstall              the last zap has not begun
//!   PmdSlot               missing tables can be allocated       (may sleep)
//!     PteTableGuard       entries can be installed where there are none
//!     WholePmd            a huge page can be mapped where nothing is
//! KernelTables            init_mm's mmap lock, for writing
//!   KernelPmd             -> KernelPteTable: stays, no RCU, no unmap
//! NewKernelTable          in no page table yet                  -> KernelPteTable
//! ```
//!
//! Lock order: MMU notifiers, then pmd lock, then PTE lock. A caller that holds a mapping or one of
//! the two locks may not sleep. `Documentation/mm/pgtable.rst` says which of this the compiler
//! checks and which it does not.
//!
//! A name says what its holder may do. `Guard` is a table that is locked, `Nolock` one whose lock
//! is known but not taken, `ReadOnly` one that may have been removed from its pmd entry meanwhile,
//! and `Write` one whose entries can be replaced.
//!
//! Those that only look, the view of page tables in debugfs uses (`view_accessors`). Accessors that
//! the module does not use, though the kernel has them, are compiled for KUnit tests only
//! (`all_accessors`).
//!
//! | C | here | fails with |
//! |---|---|---|
//! | `pte_offset_map()` | [`PmdSlot::with_map`], [`PmdSlot::map`] | [`None`] |
//! | `pte_offset_map_ro_nolock()` | [`PmdSlot::map_ro_nolock`] | [`None`] |
//! | `pte_offset_map_rw_nolock()` | [`PmdSlot::map_rw_nolock`] | [`None`] |
//! | `pmd_same()` under the PTE lock | [`PteTableNolock::lock`] | [`None`] |
//! | `pte_offset_map_lock()` | [`Invalidation::map_lock`], [`PmdSlot::map_lock`] | [`None`] |
//! | `pte_alloc_map()` | [`PmdSlot::alloc_map`] | [`AllocError`], [`None`] |
//! | `pte_alloc_map_lock()` | [`PmdSlot::alloc_map_lock`] | [`AllocError`], [`None`] |
//! | `get_locked_pte()` | [`PmdSlot::get_locked_pte`] | [`AllocError`], [`None`] |
//! | `pte_unmap()`, `pte_unmap_unlock()` | dropping the guard | |
//! | `pte_offset_kernel()` | [`KernelPmd::offset_kernel`] | |
//! | `pmdp_collapse_flush()` | [`EmptyTable::remove`], [`MappedTable::remove`] | |
//! | `pte_free_defer()` | [`DetachedTable::free_deferred`] | |
//!
//! [`AllocError`]: kernel::alloc::AllocError
//! [`DetachedTable::free_deferred`]: detached::DetachedTable::free_deferred
//! [`EmptyTable::remove`]: pmd_table::EmptyTable::remove
//! [`Invalidation::map_lock`]: invalidation::Invalidation::map_lock
//! [`KernelPmd::offset_kernel`]: kernel_table::KernelPmd::offset_kernel
//! [`MappedTable::remove`]: pmd_table::MappedTable::remove
//! [`PmdSlot::alloc_map`]: walk::PmdSlot::alloc_map
//! [`PmdSlot::alloc_map_lock`]: walk::PmdSlot::alloc_map_lock
//! [`PmdSlot::get_locked_pte`]: walk::PmdSlot::get_locked_pte
//! [`PmdSlot::map`]: walk::PmdSlot::map
//! [`PmdSlot::map_lock`]: walk::PmdSlot::map_lock
//! [`PmdSlot::map_ro_nolock`]: walk::PmdSlot::map_ro_nolock
//! [`PmdSlot::map_rw_nolock`]: walk::PmdSlot::map_rw_nolock
//! [`PmdSlot::with_map`]: walk::PmdSlot::with_map
//! [`PteTableNolock::lock`]: pte_lock::PteTableNolock::lock

#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub(crate) mod cleared;
pub(crate) mod detached;
pub(crate) mod entry;
pub(crate) mod invalidation;
#[cfg(all_accessors)]
pub(crate) mod kernel_own;
#[cfg(view_accessors)]
pub(crate) mod kernel_region;
#[cfg(view_accessors)]
pub(crate) mod kernel_table;
pub(crate) mod level;
pub(crate) mod lowest;
pub(crate) mod migration;
pub(crate) mod pmd_install;
pub(crate) mod pmd_lock;
pub(crate) mod pmd_size;
pub(crate) mod pmd_table;
#[cfg(all_accessors)]
pub(crate) mod pte_alloc;
pub(crate) mod pte_index;
#[cfg(all_accessors)]
pub(crate) mod pte_install;
pub(crate) mod pte_lock;
#[cfg(view_accessors)]
pub(crate) mod pte_ro;
pub(crate) mod pte_table;
pub(crate) mod pte_write;
pub(crate) mod removable;
#[cfg(CONFIG_KUNIT = "y")]
#[allow(clippy::indexing_slicing)]
pub(crate) mod tests;
pub(crate) mod walk;
pub(crate) mod whole_pmd;
pub(crate) mod witness;
