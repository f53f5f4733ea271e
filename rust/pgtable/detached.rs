// SPDX-License-Identifier: GPL-2.0

//! Tables that were taken out of a page table.

use super::{
    pte_table::FoundPages,
    witness::Witness, //
};
use crate::bindings;
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};

/// A PTE table that no pmd entry points to any more.
///
/// It was emptied before its lock was dropped: fault handlers that still have it mapped compare
/// entries only and rely on a removed table being empty. Dropping the value calls
/// `pte_free_defer()`, which frees the table when every RCU reader that mapped it is done.
///
/// # Invariants
///
/// The table is out of the tree of `witness.mm()`, where it was at `base`, and does not count
/// there. It is flushed from every TLB, all its entries are none, and this value is its only owner.
/// `found` is what it mapped.
///
/// # Examples
///
/// ```ignore
/// fn drop_empty<W: Witness>(table: PmdTableGuard<'_, W, Table>, pages: &mut impl MappedPages) {
///     if let CheckedTable::Empty(table) = table.check(pages) {
///         table.remove().free_deferred();
///     }
/// }
/// ```
#[must_use = "a removed table is freed by `free_deferred`"]
pub(crate) struct DetachedTable<'w, W: Witness> {
    witness: &'w W,
    base: usize,
    found: FoundPages,
    table: bindings::pmd_t,
}

impl<'w, W: Witness> DetachedTable<'w, W> {
    /// Takes a table over.
    ///
    /// # Safety
    ///
    /// `table` is the former pmd entry of a table that fulfils the invariants, as `base` and
    /// `found` do; its ownership is handed over.
    pub(super) unsafe fn new(
        witness: &'w W,
        base: usize,
        found: FoundPages,
        table: bindings::pmd_t,
    ) -> Self {
        // INVARIANT: By this function's contract.
        Self {
            witness,
            base,
            found,
            table,
        }
    }

    /// Frees the table after a grace period (`pte_free_defer()`).
    #[doc(alias = "pte_free_defer")]
    pub(crate) fn free_deferred(self) {
        drop(self);
    }

    /// Returns whether the table mapped nothing when it was taken out.
    pub(crate) fn is_of_nothing(&self) -> bool {
        self.found.count() == 0
    }

    /// Keeps the table for longer than the witness is held.
    pub(crate) fn keep(self) -> KeptTable {
        let mut this = ManuallyDrop::new(self);
        let mm = this.witness.mm();
        // SAFETY: The witness keeps the mm.
        unsafe { bindings::mm_grab(mm.as_ptr()) };
        // INVARIANT: Grabbed on the line above; the table moves over.
        KeptTable {
            mm,
            base: this.base,
            found: core::mem::replace(&mut this.found, FoundPages::none()),
            table: this.table,
        }
    }
}

impl<W: Witness> Drop for DetachedTable<'_, W> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this is the only owner; the witness keeps the mm that
        // the table was made for.
        unsafe { bindings::detached_free(self.witness.mm().as_ptr(), self.table) };
    }
}

/// A table that was taken out and may be put back, only at the same address of the same address
/// space.
///
/// A fault that has a removed table mapped only compares its entry with the value that it has read
/// (`handle_pte_fault()`): an equal entry in another place would get the permissions of the first
/// one. Dropping the value frees the table.
///
/// # Invariants
///
/// The table was the one at `base` of `mm`, which is grabbed (`mmgrab()`), and does not count there
/// any more. All its entries are none, and this value is its only owner. `found` is what it mapped.
pub(crate) struct KeptTable {
    mm: NonNull<bindings::mm_struct>,
    base: usize,
    found: FoundPages,
    table: bindings::pmd_t,
}

// SAFETY: The counts of an mm may be changed by any task, and a table that nothing points to may be
// used by any task that owns it.
unsafe impl Send for KeptTable {}

impl KeptTable {
    /// Returns whether the table was taken out of this place.
    pub(crate) fn is_of<W: Witness>(&self, witness: &W, base: usize) -> bool {
        self.mm == witness.mm() && self.base == base
    }

    /// Returns the pages that it mapped.
    pub(super) fn found(&self) -> &FoundPages {
        &self.found
    }

    /// Returns the former pmd entry.
    pub(super) fn entry(&self) -> bindings::pmd_t {
        self.table
    }

    /// Gives up the table, which a page table has again.
    pub(super) fn forget(self) {
        let this = ManuallyDrop::new(self);
        // SAFETY: Grabbed, by the type invariant.
        unsafe { bindings::mm_drop(this.mm.as_ptr()) };
    }
}

impl Drop for KeptTable {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this is the only owner, and the mm is grabbed.
        unsafe {
            bindings::detached_free(self.mm.as_ptr(), self.table);
            bindings::mm_drop(self.mm.as_ptr());
        }
    }
}
