// SPDX-License-Identifier: GPL-2.0

//! The pmd lock and the PTE lock, for taking a whole table out.

use super::{
    cleared::{
        settle,
        MappedPages, //
    },
    detached::DetachedTable,
    invalidation::{
        Entries,
        Table, //
    },
    migration::{
        index_in,
        MigrationTarget,
        OldPages,
        Spared, //
    },
    pmd_lock::PmdGuard,
    pmd_size::pmd_pages,
    pte_index::PteIndex,
    pte_table::{
        FoundPages,
        PteTable,
        PtlGuard, //
    },
    removable::{
        vma_table_disposable,
        vma_table_removable, //
    },
    witness::Witness, //
};
use crate::bindings;
use kernel::page::PAGE_SIZE;

/// The pmd entry and the table it points to, both locked.
///
/// # Invariants
///
/// Both locks are held; the pmd entry points to the mapped table.
///
/// # Examples
///
/// ```ignore
/// fn lock_both<'i, W: Witness>(
///     section: &'i mut Invalidation<'_, W>,
/// ) -> Option<PmdTableGuard<'i, W>> {
///     section.lock_pmd().lock_table()
/// }
/// ```
pub(crate) struct PmdTableGuard<'i, W: Witness, C = Entries> {
    // Dropped in this order: PTE lock, mapping, pmd lock.
    lock: PtlGuard,
    map: PteTable<'i>,
    pmd: PmdGuard<'i, W, C>,
}

impl<'i, W: Witness, C> PmdGuard<'i, W, C> {
    /// Takes the PTE lock as well; returns [`None`] when the entry points to no table.
    #[doc(alias = "pte_lockptr")]
    pub(crate) fn lock_table(self) -> Option<PmdTableGuard<'i, W, C>> {
        // Looks at the entry, which cannot change any more.
        let map = PteTable::new(self.section().slot())?;
        // SAFETY: The entry points to a table, and cannot change.
        let lock = unsafe { bindings::pte_lockptr(self.mm(), self.pmd()) };
        let nested = if self.holds(lock) {
            core::ptr::null_mut()
        } else {
            // SAFETY: The table is mapped, so its lock exists.
            unsafe { bindings::spin_lock_nested(lock) };
            lock
        };
        // INVARIANT: Both locks are held and the entry points to the table.
        Some(PmdTableGuard {
            // SAFETY: Taken above, if it is another lock than the pmd's.
            lock: unsafe { PtlGuard::from_held(nested) },
            map,
            pmd: self,
        })
    }
}

/// The result of the test whether a table may be taken out.
///
/// Neither half of the test is enough alone. Contents: markers outlive the registration that made
/// them. Flags: `copy_pte_range()` and `move_ptes()` map tables without reading the pmd again, and
/// rely on `anon_vma`.
///
/// # Examples
///
/// ```ignore
/// fn is_empty<W: Witness>(
///     table: PmdTableGuard<'_, W, Table>,
///     pages: &mut impl MappedPages,
/// ) -> bool {
///     matches!(table.check(pages), CheckedTable::Empty(_))
/// }
/// ```
pub(crate) enum CheckedTable<'i, 'p, W: Witness, P: MappedPages> {
    /// Every entry is none.
    Empty(EmptyTable<'i, W>),
    /// Every entry is none or maps the page that belongs there; at least one does.
    Mapped(MappedTable<'i, 'p, W, P>),
    /// Must stay.
    Kept,
}

impl<W: Witness, C> PmdTableGuard<'_, W, C> {
    /// Turns the entries of the section that name pages of `target` into empty ones or markers,
    /// except those that are spared, and takes their pages off the RSS; returns how many.
    #[doc(alias = "remove_migration_ptes")]
    pub(crate) fn clear_migrations(
        &mut self,
        target: &impl MigrationTarget,
        spared: Spared,
    ) -> usize {
        let (range, head) = (self.pmd.section().range(), target.head().as_ptr());
        let nr = (range.end - range.start) / PAGE_SIZE;
        let Some(spare) = spared.soft_dirty().filter(|_| nr > 0) else {
            return 0;
        };
        let vma = self.pmd.vma();
        // SAFETY: The table is locked. The section lies in its slot, so that it has these entries,
        // and in the VMA.
        let cleared = unsafe {
            let pte = self.map.entry(PteIndex::of(range.start));
            bindings::pte_clear_migrations(vma, range.start, pte, nr as u32, head, spare)
        };
        if cleared > 0 {
            self.pmd.add_rss(-(cleared as isize));
        }
        cleared as usize
    }

    /// Maps the old pages in the places of entries of the section that name pages of `target`. One
    /// that is poisoned meanwhile leaves an empty entry or a marker.
    #[doc(alias = "remove_migration_pte")]
    pub(crate) fn map_back(&mut self, target: &impl MigrationTarget, pages: &impl OldPages) {
        let (range, head) = (self.pmd.section().range(), target.head().as_ptr());
        let (nr, frames) = ((range.end - range.start) / PAGE_SIZE, pages.frames());
        if nr == 0 || frames.len() < pmd_pages() {
            return;
        }
        let vma = self.pmd.vma();
        // SAFETY: The table is locked. The section lies in its slot, so that it has these entries,
        // and in the VMA. The frames are as many as a huge folio has pages; they are those of pages
        // that may be mapped where an entry names the target, by their trait.
        let lost = unsafe {
            let pte = self.map.entry(PteIndex::of(range.start));
            bindings::ptes_back(vma, range.start, pte, nr as u32, head, frames.as_ptr())
        };
        if lost > 0 {
            self.pmd.add_rss(-(lost as isize));
        }
    }
}

impl<'i, W: Witness> PmdTableGuard<'i, W, Table> {
    /// Tests file and flags of the VMA and contents of the table under both locks: the file is
    /// shmem's, and the table may map `pages` and no others. These drop rmap and references of its
    /// entries when it is taken out.
    #[inline]
    pub(crate) fn check<P: MappedPages>(self, pages: &mut P) -> CheckedTable<'i, '_, W, P> {
        // SAFETY: The witness keeps the VMA.
        if !unsafe { vma_table_removable(self.pmd.vma()) } {
            return CheckedTable::Kept;
        }
        match self.map.find_pages(pages.frames()) {
            None => CheckedTable::Kept,
            Some(found) if found.count() == 0 => CheckedTable::Empty(EmptyTable(self)),
            Some(found) => CheckedTable::Mapped(MappedTable {
                guard: self,
                found,
                pages,
            }),
        }
    }

    /// Tests under both locks whether the table may go and is empty.
    ///
    /// Nothing takes its place, so it does not matter whether the VMA may have huge pages. Where
    /// the table has no lock of its own it stays: `try_collapse_pte_mapped_thp()` (mm/khugepaged.c)
    /// empties a table, drops the one lock, and does not look at the pmd again before it frees the
    /// table. It relies on the lock of the huge folio, which is not held here.
    pub(crate) fn check_empty(self) -> Option<EmptyTable<'i, W>> {
        // SAFETY: The witness keeps the VMA.
        let may_go = unsafe { vma_table_disposable(self.pmd.vma()) };
        let may_go = may_go && self.lock.is_some();
        let is_empty = may_go && self.map.all(0..pmd_pages(), |_, pte| pte.is_none());
        // INVARIANT: Both were tested just now.
        is_empty.then_some(EmptyTable(self))
    }

    /// Empties the table and drops the locks.
    ///
    /// # Safety
    ///
    /// `table` was taken out of this slot under both locks, and is flushed from the TLB. `found` is
    /// what it mapped.
    unsafe fn empty(self, found: FoundPages, table: bindings::pmd_t) -> DetachedTable<'i, W> {
        let (mm, base) = (self.pmd.mm(), self.pmd.base());
        // SAFETY: By this function's contract `table` is out, and mapped at `start`. So nothing
        // translates through it; this is the one owner.
        unsafe {
            bindings::detached_zero(mm, base, table, self.map.start());
            DetachedTable::new(self.pmd.section().slot().witness(), base, found, table)
        }
    }
}

/// A locked table that is empty.
///
/// # Invariants
///
/// All entries are none, and the VMA allows the table to be taken out.
pub(crate) struct EmptyTable<'i, W: Witness>(PmdTableGuard<'i, W, Table>);

impl<'i, W: Witness> EmptyTable<'i, W> {
    /// Takes the table out and leaves the pmd entry empty (`pmdp_collapse_flush()`).
    ///
    /// A migration entry cannot be put here: `munmap()` and exit zap first and unlink the VMA
    /// later, so that an entry that is put after the zap would remain when the tables are freed.
    #[doc(alias = "pmdp_collapse_flush")]
    pub(crate) fn remove(self) -> DetachedTable<'i, W> {
        let pmd = &self.0.pmd;
        // SAFETY: Both locks are held and the entry points to a table, which belongs to the VMA
        // alone. The call takes it out and flushes.
        unsafe {
            let table = bindings::pmd_remove_table(pmd.vma(), pmd.base(), pmd.pmd());
            self.0.empty(FoundPages::none(), table)
        }
    }
}

/// A locked table in which at least one entry maps one of the pages.
///
/// # Invariants
///
/// The entries that `found` names map `pages` at their places, the rest are none. The VMA allows
/// the table to be taken out.
///
/// # Examples
///
/// ```ignore
/// fn exchange<W: Witness, P: MappedPages>(
///     table: MappedTable<'_, '_, W, P>,
///     folio: &impl MigrationTarget,
/// ) -> bool {
///     match table.replace(folio) {
///         Ok(detached) => detached.free_deferred(),
///         // The VMA maps another file, or other pages of it: everything stays as it is.
///         Err(_) => return false,
///     }
///     true
/// }
/// ```
pub(crate) struct MappedTable<'i, 'p, W: Witness, P: MappedPages> {
    guard: PmdTableGuard<'i, W, Table>,
    found: FoundPages,
    pages: &'p mut P,
}

impl<'i, W: Witness, P: MappedPages> MappedTable<'i, '_, W, P> {
    /// Returns whether an entry is soft-dirty in a VMA where that is tracked. An empty pmd would
    /// lose that.
    pub(crate) fn is_tracked_dirty(&self) -> bool {
        let vma = self.guard.pmd.vma();
        // SAFETY: The witness keeps the VMA.
        let tracked = unsafe { bindings::vma_tracks_soft_dirty(vma) };
        tracked && self.found.flags() & bindings::ENTRY_SOFT_DIRTY != 0
    }

    /// Exchanges the table for a migration entry that names `target`, in one atomic step: no fault
    /// ever finds the entry empty.
    ///
    /// The RSS then counts the whole extent. The pages drop rmap and reference of each entry that
    /// was present. Returns the table if the VMA does not have the pages of `target` at these
    /// addresses: the entry would still name the folio after it was freed.
    ///
    /// A page in the table proves that no zap has passed it: `munmap()` and exit will still find
    /// the entry and clear it.
    #[doc(alias = "pmdp_establish")]
    pub(crate) fn replace(
        self,
        target: &impl MigrationTarget,
    ) -> Result<DetachedTable<'i, W>, Self> {
        let pmd = &self.guard.pmd;
        if index_in(target, pmd.section().slot().witness(), pmd.base()) != Some(0) {
            return Err(self);
        }
        target.note_named();
        let (head, flags) = (target.head().as_ptr(), self.found.flags());
        // SAFETY: Both locks are held and the entry points to a table, which belongs to the VMA
        // alone. The VMA has the pages of the target there. The target is locked and complete, by
        // its trait. The call takes the table out and flushes.
        unsafe {
            let table = bindings::pmd_replace_table(pmd.vma(), pmd.base(), pmd.pmd(), head, flags);
            pmd.add_rss((pmd_pages() - self.found.count()) as isize);
            Ok(self.settle(table))
        }
    }

    /// Takes the table out and leaves the pmd entry empty, for machines without pmd migration
    /// entries.
    #[doc(alias = "pmdp_collapse_flush")]
    pub(crate) fn remove(self) -> DetachedTable<'i, W> {
        let pmd = &self.guard.pmd;
        // SAFETY: Both locks are held and the entry points to a table, which belongs to the VMA
        // alone. The call takes it out and flushes.
        unsafe {
            let table = bindings::pmd_remove_table(pmd.vma(), pmd.base(), pmd.pmd());
            pmd.add_rss(-(self.found.count() as isize));
            self.settle(table)
        }
    }

    /// Drops rmap and references of the entries of `table`.
    ///
    /// # Safety
    ///
    /// `table` is this one; it was taken out under both locks, and is flushed from the TLB.
    unsafe fn settle(self, table: bindings::pmd_t) -> DetachedTable<'i, W> {
        let witness = self.guard.pmd.section().slot().witness();
        // SAFETY: By the type invariant the entries mapped these pages, and by this function's
        // contract nothing reaches them any more. The lock is held.
        unsafe {
            settle(&self.found, self.pages, witness);
            self.guard.empty(self.found, table)
        }
    }
}
