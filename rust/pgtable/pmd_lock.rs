// SPDX-License-Identifier: GPL-2.0

//! Changing the pmd entry: taking a table out, putting a migration entry in.

use super::{
    pmd_pages,
    pte_map::{
        FoundPages,
        PteLock, //
    },
    ClearedRun,
    DetachedTable,
    Invalidation,
    MappedPages,
    PteMap,
    Witness, //
};
use crate::bindings;
use core::ptr::NonNull;

/// A folio that migration entries may name.
///
/// # Safety
///
/// The folio has PMD order, is locked, and has mapping, index and swapbacked
/// set, from before `note_named` is called until no entry names it any more:
/// whoever finds an entry waits for its lock and looks at those fields under
/// the pmd lock.
pub(crate) unsafe trait MigrationTarget {
    /// The head page.
    fn head(&self) -> NonNull<bindings::page>;

    /// An entry is about to name the folio, which must stay, locked, until
    /// none does.
    fn note_named(&self);
}

/// The pmd lock of a slot, inside an MMU notifier section.
///
/// # Invariants
///
/// `lock` is the pmd lock of the slot's entry and held.
///
/// # Examples
///
/// ```ignore
/// fn is_table<W: Witness>(section: &Invalidation<'_, W>) -> bool {
///     section.lock_pmd().value() == Pmd::Table
/// }
/// ```
pub(crate) struct PmdGuard<'i, W: Witness> {
    _lock: PteLock,
    lock: *mut bindings::spinlock_t,
    section: &'i Invalidation<'i, W>,
}

impl<'i, W: Witness> PmdGuard<'i, W> {
    pub(super) fn new(section: &'i Invalidation<'i, W>) -> Self {
        let slot = section.slot();
        // SAFETY: The witness keeps the page of the entry and so its lock.
        let lock = unsafe { bindings::pmd_lock(slot.witness().mm().as_ptr(), slot.as_ptr()) };
        // INVARIANT: Taken on the line above.
        Self {
            // SAFETY: Taken above; the guard borrows the witness, which keeps the page.
            _lock: unsafe { PteLock::from_held(lock) },
            lock,
            section,
        }
    }

    fn mm(&self) -> *mut bindings::mm_struct {
        self.section.slot().witness().mm().as_ptr()
    }

    fn vma(&self) -> *mut bindings::vm_area_struct {
        self.section.slot().witness().vma().as_ptr()
    }

    fn base(&self) -> usize {
        self.section.slot().base()
    }

    fn pmd(&self) -> *mut bindings::pmd_t {
        self.section.slot().as_ptr()
    }

    /// Reads the entry, which does not change while the lock is held.
    #[cfg(all_accessors)]
    pub(crate) fn value(&self) -> super::Pmd {
        // SAFETY: The slot's entry is there.
        unsafe { bindings::pmd_read(self.pmd()) }.into()
    }

    /// Takes the PTE lock as well; [`None`] when the entry points to no table.
    pub(crate) fn lock_table(self) -> Option<TableGuard<'i, W>> {
        // Looks at the entry, which cannot change any more.
        let map = PteMap::new(self.section.slot())?;
        // SAFETY: The entry points to a table, and cannot change.
        let lock = unsafe { bindings::pte_lockptr(self.mm(), self.pmd()) };
        let nested = if core::ptr::eq(lock, self.lock) {
            core::ptr::null_mut()
        } else {
            // SAFETY: The table is mapped, so its lock exists.
            unsafe { bindings::spin_lock_nested(lock) };
            lock
        };
        // INVARIANT: Both locks are held and the entry points to the table.
        Some(TableGuard {
            // SAFETY: Taken above, if it is another lock than the pmd's.
            _lock: unsafe { PteLock::from_held(nested) },
            map,
            pmd: self,
        })
    }

    /// Turns a migration entry that names `target` into an empty entry and
    /// takes its pages off the RSS; returns whether there was one.
    pub(crate) fn clear_migration(&mut self, target: &impl MigrationTarget) -> bool {
        let head = target.head().as_ptr();
        // SAFETY: The slot's entry is there and its lock is held.
        let cleared =
            unsafe { bindings::pmd_clear_migration(self.mm(), self.base(), self.pmd(), head) };
        if cleared {
            self.add_rss(-(pmd_pages() as isize));
        }
        cleared
    }

    fn add_rss(&self, pages: isize) {
        // SAFETY: The witness keeps the mm.
        unsafe { bindings::add_shmem_rss(self.mm(), pages) };
    }
}

/// The pmd entry and the table it points to, both locked.
///
/// # Invariants
///
/// Both locks are held; the pmd entry points to the mapped table.
///
/// # Examples
///
/// ```ignore
/// fn lock_both<'i, W: Witness>(section: &'i Invalidation<'i, W>) -> Option<TableGuard<'i, W>> {
///     section.lock_pmd().lock_table()
/// }
/// ```
pub(crate) struct TableGuard<'i, W: Witness> {
    // Dropped in this order: PTE lock, mapping, pmd lock.
    _lock: PteLock,
    map: PteMap<'i>,
    pmd: PmdGuard<'i, W>,
}

/// A table that may be taken out, by what was found in it.
///
/// Neither half of the test is enough alone. Contents: markers outlive the
/// registration that made them. Flags: `copy_pte_range()` and `move_ptes()` map
/// tables without repeating the look at the pmd and trust `anon_vma`.
///
/// # Examples
///
/// ```ignore
/// fn is_empty<W: Witness>(table: TableGuard<'_, W>, pages: &mut impl MappedPages) -> bool {
///     matches!(table.check(pages), CheckedTable::Empty(_))
/// }
/// ```
pub(crate) enum CheckedTable<'i, 'p, W: Witness, P: MappedPages> {
    /// Every entry is none.
    Empty(EmptyTable<'i, W>),
    /// Every entry is none or maps the page that belongs there; at least one
    /// does.
    Mapped(MappedTable<'i, 'p, W, P>),
    /// Must stay.
    Kept,
}

impl<'i, W: Witness> TableGuard<'i, W> {
    /// Tests flags of the VMA and contents of the table under both locks: it may
    /// map `pages` and no others. They are the ones that take over the debts when
    /// the table is taken out.
    #[inline]
    pub(crate) fn check<P: MappedPages>(self, pages: &mut P) -> CheckedTable<'i, '_, W, P> {
        // SAFETY: The witness keeps the VMA.
        if !unsafe { bindings::vma_table_removable(self.pmd.vma()) } {
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

    /// Empties the removed table and drops the locks.
    fn empty(self, table: bindings::pmd_t) -> DetachedTable<'i, W> {
        let (mm, base) = (self.pmd.mm(), self.pmd.base());
        // SAFETY: `table` was just taken out of this slot under both locks and
        // is mapped at `start`.
        unsafe {
            bindings::detached_zero(mm, base, table, self.map.start());
            if bindings::vma_locked(self.pmd.vma()) {
                bindings::mlock_drain_local();
            }
        }
        // SAFETY: Out of the tree, flushed and zeroed, above.
        unsafe { DetachedTable::new(self.pmd.section.slot().witness(), table) }
    }
}

/// A locked table with nothing in it.
pub(crate) struct EmptyTable<'i, W: Witness>(TableGuard<'i, W>);

impl<'i, W: Witness> EmptyTable<'i, W> {
    /// Takes the table out and leaves the pmd entry empty
    /// (`pmdp_collapse_flush()`).
    ///
    /// There is no way to put a migration entry here: `munmap()` and exit zap
    /// first and unlink the VMA later, so what went in after the zap would stay
    /// behind when the tables are freed.
    pub(crate) fn remove(self) -> DetachedTable<'i, W> {
        let pmd = &self.0.pmd;
        // SAFETY: Both locks are held and the entry points to a table.
        let table = unsafe { bindings::pmd_remove_table(pmd.vma(), pmd.base(), pmd.pmd()) };
        self.0.empty(table)
    }
}

/// A locked table in which at least one entry maps one of the pages.
///
/// # Invariants
///
/// The entries that `found` names map `pages` at their places, the rest are none.
///
/// # Examples
///
/// ```ignore
/// fn exchange<W: Witness, P: MappedPages>(
///     table: MappedTable<'_, '_, W, P>,
///     folio: &impl MigrationTarget,
/// ) {
///     table.replace(folio).free_deferred();
/// }
/// ```
pub(crate) struct MappedTable<'i, 'p, W: Witness, P: MappedPages> {
    guard: TableGuard<'i, W>,
    found: FoundPages,
    pages: &'p mut P,
}

impl<'i, W: Witness, P: MappedPages> MappedTable<'i, '_, W, P> {
    /// Exchanges the table for a migration entry that names `target`, in one
    /// atomic step: no fault ever finds the entry empty.
    ///
    /// The RSS then counts the whole extent. The pages take over rmap and
    /// reference of each entry that was present.
    ///
    /// A page left in the table proves that no zap is past it: `munmap()` and
    /// exit will still meet the entry and take it away.
    pub(crate) fn replace(self, target: &impl MigrationTarget) -> DetachedTable<'i, W> {
        let pmd = &self.guard.pmd;
        let head = target.head();
        target.note_named();
        // SAFETY: Both locks are held and the entry points to a table; the
        // target is locked and complete, by its trait.
        let table = unsafe {
            let flags = self.found.flags();
            bindings::pmd_replace_table(pmd.vma(), pmd.base(), pmd.pmd(), head.as_ptr(), flags)
        };
        pmd.add_rss((pmd_pages() - self.found.count()) as isize);
        self.settle(table)
    }

    /// Takes the table out and leaves the pmd entry empty, for machines without
    /// pmd migration entries.
    pub(crate) fn remove(self) -> DetachedTable<'i, W> {
        let pmd = &self.guard.pmd;
        // SAFETY: Both locks are held and the entry points to a table.
        let table = unsafe { bindings::pmd_remove_table(pmd.vma(), pmd.base(), pmd.pmd()) };
        pmd.add_rss(-(self.found.count() as isize));
        self.settle(table)
    }

    /// Hands over the debts of the entries of `table`, which was just taken out.
    fn settle(self, table: bindings::pmd_t) -> DetachedTable<'i, W> {
        for (first, pages) in self.found.runs() {
            self.pages.settle(ClearedRun::new(first, pages));
        }
        self.guard.empty(table)
    }
}
