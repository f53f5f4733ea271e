// SPDX-License-Identifier: GPL-2.0

//! Tables that were taken out of a page table.

use super::witness::Witness;
use crate::bindings;

/// A PTE table that no pmd entry points to any more.
///
/// It was emptied before its lock was dropped: fault handlers that still have it mapped compare
/// entries only and rely on a removed table being empty. Dropping the value calls
/// `pte_free_defer()`, which frees the table when every RCU reader that mapped it is done.
///
/// # Invariants
///
/// The table is out of the tree of `witness.mm()`, flushed from every TLB, all its entries are
/// none, and this value is its only owner.
///
/// # Examples
///
/// ```ignore
/// fn drop_empty<W: Witness>(table: TableGuard<'_, W, Table>, pages: &mut impl MappedPages) {
///     if let CheckedTable::Empty(table) = table.check(pages) {
///         table.remove().free_deferred();
///     }
/// }
/// ```
#[must_use = "a removed table is freed by `free_deferred`"]
pub(crate) struct DetachedTable<'w, W: Witness> {
    witness: &'w W,
    table: bindings::pmd_t,
}

impl<'w, W: Witness> DetachedTable<'w, W> {
    /// Takes a table over.
    ///
    /// # Safety
    ///
    /// `table` is the former pmd entry of a table that fulfils the invariants; its ownership is
    /// handed over.
    pub(super) unsafe fn new(witness: &'w W, table: bindings::pmd_t) -> Self {
        // INVARIANT: By this function's contract.
        Self { witness, table }
    }

    /// Frees the table after a grace period (`pte_free_defer()`).
    pub(crate) fn free_deferred(self) {
        drop(self);
    }
}

impl<W: Witness> Drop for DetachedTable<'_, W> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this is the only owner; the witness keeps the mm that
        // accounts the table.
        unsafe { bindings::detached_free(self.witness.mm().as_ptr(), self.table) };
    }
}
