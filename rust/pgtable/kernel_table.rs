// SPDX-License-Identifier: GPL-2.0

//! The kernel's own page tables.
//!
//! Nothing here is shared with the types for user tables, on purpose. A kernel table has no pmd
//! lock that guards it, is not taken away while its mapping is in use, and is never in high memory:
//! `pte_offset_kernel()` cannot fail, takes no RCU lock, and needs no unmap. The user accessors on
//! such a table would leak an RCU section, or find no table where a kernel mapping is huge.

use super::{
    entry::{
        Pmd,
        Pte, //
    },
    level::Level,
    pte_index::PteIndex, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::types::NotThreadSafe;

/// The kernel's page tables with `init_mm`'s mmap lock held for writing.
///
/// The lock keeps intermediate tables from being freed: the kernel takes it for writing to join
/// mappings of the direct map, and for reading to replace an empty table of vmalloc by a huge
/// mapping; if it cannot have it there, it uses small pages. It must not be held for longer than
/// one table takes.
///
/// It does not keep the tables of memory that is hot-removed. Every entry is therefore read in a
/// way that finds nothing in a table that was freed.
///
/// C source: `ptdump_walk_pgd()` in [`mm/ptdump.c`](srctree/mm/ptdump.c).
///
/// # Invariants
///
/// `init_mm`'s mmap lock is held for writing by this task.
///
/// # Examples
///
/// ```ignore
/// fn is_mapped(addr: usize) -> bool {
///     !matches!(KernelTables::lock().look(addr), KernelPlace::Nothing(_))
/// }
/// ```
#[must_use = "the lock is dropped at once"]
pub(crate) struct KernelTables(NotThreadSafe);

impl KernelTables {
    /// Takes the lock. Context: sleeps.
    pub(crate) fn lock() -> Self {
        // SAFETY: FFI call without safety requirements.
        unsafe { bindings::kernel_tables_lock() };
        // INVARIANT: Locked on the line above.
        Self(NotThreadSafe)
    }

    /// Finds what translates a kernel address.
    ///
    /// Any address may be asked for; one that is none of the kernel's has no meaning to it, and the
    /// answer is that of some kernel address.
    pub(crate) fn look(&self, addr: usize) -> KernelPlace<'_> {
        // SAFETY: The lock is held, and the walk reads entries with care.
        let place = unsafe { bindings::kernel_walk(addr) };
        let level = Level::from_raw(place.level);
        match (Pmd::from(place.entry), level) {
            (Pmd::Huge(_frame), Some(level)) => KernelPlace::Leaf {
                level,
                #[cfg(all_accessors)]
                frame: _frame,
                size: place.size,
            },
            // INVARIANT: The walk ended at a pmd entry with this value, which points to a table.
            (Pmd::Table, _) => KernelPlace::Table(KernelPmd {
                pmd: place.table,
                _tables: PhantomData,
            }),
            (_, level) => KernelPlace::Nothing(level.unwrap_or(Level::Pte)),
        }
    }
}

impl Drop for KernelTables {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::kernel_tables_unlock() };
    }
}

/// Where the walk for a kernel address ends.
///
/// # Examples
///
/// ```ignore
/// fn level(tables: &KernelTables, addr: usize) -> Option<Level> {
///     match tables.look(addr) {
///         KernelPlace::Leaf { level, .. } => Some(level),
///         KernelPlace::Table(_) => Some(Level::Pte),
///         KernelPlace::Nothing(_) => None,
///     }
/// }
/// ```
pub(crate) enum KernelPlace<'t> {
    /// A huge mapping.
    Leaf {
        /// The level of the entry.
        level: Level,
        /// The page frame of the very address.
        #[cfg(all_accessors)]
        frame: usize,
        /// The bytes that are mapped as one: those of the entry, or of a run of such entries.
        size: usize,
    },
    /// A PTE table.
    Table(KernelPmd<'t>),
    /// An entry of this level that leads nowhere: guard pages, holes, memory taken out of the
    /// direct map.
    Nothing(Level),
}

/// The value of a pmd entry of the kernel that points to a PTE table.
///
/// # Invariants
///
/// The table stays for 't, or is one of memory that is hot-removed.
pub(crate) struct KernelPmd<'t> {
    pmd: bindings::pmd_t,
    _tables: PhantomData<&'t ()>,
}

impl<'t> KernelPmd<'t> {
    /// Returns the table (`pte_offset_kernel()`). Cannot fail, and needs no unmap.
    #[doc(alias = "pte_offset_kernel")]
    pub(crate) fn offset_kernel(&self) -> KernelPteTable<'t> {
        // SAFETY: By the type invariant.
        unsafe { KernelPteTable::of(self.pmd) }
    }
}

/// A PTE table of the kernel.
///
/// # Invariants
///
/// `start` is where the first entry of a table is that stays for 't, or was one of memory that is
/// hot-removed: entries are read by `kernel_pte_read()` only, which may be told of either.
///
/// # Examples
///
/// ```ignore
/// fn writable_pages(pmd: &KernelPmd<'_>) -> usize {
///     let table = pmd.offset_kernel();
///     PteIndex::range(0..pmd_pages())
///         .filter(|&index| table.read(index).is_writable())
///         .count()
/// }
/// ```
#[derive(Clone, Copy)]
pub(crate) struct KernelPteTable<'t> {
    start: NonNull<bindings::pte_t>,
    _tables: PhantomData<&'t ()>,
    _nts: NotThreadSafe,
}

impl KernelPteTable<'_> {
    /// Returns the table that a pmd entry points to.
    ///
    /// # Safety
    ///
    /// `pmd` is a value that points to a kernel table, which stays for the lifetime of the result
    /// or is one of memory that is hot-removed.
    pub(super) unsafe fn of(mut pmd: bindings::pmd_t) -> Self {
        // SAFETY: By this function's contract; the accessor only reads the value.
        let start = unsafe { bindings::pte_offset_kernel(&mut pmd, 0) };
        // INVARIANT: Address 0 has the first entry.
        Self {
            // SAFETY: A table is never at address 0.
            start: unsafe { NonNull::new_unchecked(start) },
            _tables: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    pub(super) fn entry(&self, index: PteIndex) -> *mut bindings::pte_t {
        self.start.as_ptr().wrapping_add(index.get())
    }

    /// Reads one entry. Finds none where the table is gone.
    pub(crate) fn read(&self, index: PteIndex) -> Pte {
        // SAFETY: The table has the entry and stays, or is gone, by the type invariant.
        Pte(unsafe { bindings::kernel_pte_read(self.entry(index)) })
    }
}
