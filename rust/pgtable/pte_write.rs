// SPDX-License-Identifier: GPL-2.0

//! Clearing or replacing single entries of a table that stays.

#[cfg(all_accessors)]
use super::{
    cleared::Cleared,
    entry::Pte,
    pte_lock::PteTableNolock, //
};
use super::{
    cleared::{
        settle,
        MappedPages, //
    },
    invalidation::Invalidation,
    migration::{
        index_in,
        MigrationTarget, //
    },
    pte_index::PteIndex,
    pte_lock::PteTableGuard,
    pte_table::{
        FoundPages,
        PteTable, //
    },
    witness::Witness, //
};
use crate::bindings;
use core::ops::Range;
use kernel::page::PAGE_SIZE;

/// A locked table whose entries may be cleared or replaced.
///
/// Cleared entries are flushed from the TLB before their rmap and references are dropped, and
/// before the lock is released: otherwise an `mprotect()` or `munmap()` could return while a stale
/// writable translation exists (`tlb_flush_pending` rules in `mm/rmap.c`), or the page could be
/// freed.
///
/// # Invariants
///
/// `range` is that of the section that the table was locked in, so it lies in the slot of `table`
/// and in the VMA of its witness. `drain` is set if an entry of an mlocked VMA was cleared.
///
/// # Examples
///
/// ```ignore
/// fn clear_dirty<W: Witness>(section: &mut Invalidation<'_, W>, index: PteIndex) -> Option<usize>
/// {
///     let mut table = section.map_lock()?;
///     let cleared = table.clear(index)?;
///     cleared.is_dirty().then(|| cleared.into_page())
/// }
/// ```
pub(crate) struct PteTableWriteGuard<'i, W: Witness> {
    table: PteTableGuard<'i, W>,
    range: Range<usize>,
    #[cfg(all_accessors)]
    drain: bool,
}

impl<W: Witness, C> Invalidation<'_, W, C> {
    /// Maps and locks the table (`pte_offset_map_lock()`) for changes to its entries; returns
    /// [`None`] when there is none.
    #[doc(alias = "pte_offset_map_lock")]
    pub(crate) fn map_lock(&mut self) -> Option<PteTableWriteGuard<'_, W>> {
        let range = self.range();
        PteTableGuard::new(self.slot().place()).map(|table| PteTableWriteGuard::new(table, range))
    }

    /// Maps the table without its lock (`pte_offset_map_rw_nolock()`), for callers that do more
    /// before they take it.
    #[cfg(all_accessors)]
    #[doc(alias = "pte_offset_map_rw_nolock")]
    pub(crate) fn map_rw_nolock(&mut self) -> Option<PteTableWriteNolock<'_, W>> {
        let range = self.range();
        let table = PteTableNolock::new(self.slot().place())?;
        Some(PteTableWriteNolock { table, range })
    }
}

/// A mapped table of a section, whose lock is not taken.
///
/// # Invariants
///
/// `range` is that of the section.
///
/// # Examples
///
/// ```ignore
/// fn is_page<W: Witness>(section: &mut Invalidation<'_, W>, index: PteIndex) -> Option<bool> {
///     // `None`: the table went away while the lock was waited for.
///     let table = section.map_rw_nolock()?.lock()?;
///     Some(table.entries().read(index).page().is_some())
/// }
/// ```
#[cfg(all_accessors)]
#[must_use = "a mapping that is not used is unmapped at once"]
pub(crate) struct PteTableWriteNolock<'i, W: Witness> {
    table: PteTableNolock<'i, W>,
    range: Range<usize>,
}

#[cfg(all_accessors)]
impl<'i, W: Witness> PteTableWriteNolock<'i, W> {
    /// Takes the lock and reads the pmd entry again; see [`PteTableNolock::lock`].
    pub(crate) fn lock(self) -> Option<PteTableWriteGuard<'i, W>> {
        let range = self.range;
        self.table
            .lock()
            .map(|table| PteTableWriteGuard::new(table, range))
    }
}

impl<'i, W: Witness> PteTableWriteGuard<'i, W> {
    /// Makes the entries of a table writable. `range` is that of the section in which `table` was
    /// locked, which is borrowed for `'i`.
    fn new(table: PteTableGuard<'i, W>, range: Range<usize>) -> Self {
        let vma = table.slot().witness().vma().as_ptr();
        // SAFETY: The witness keeps the VMA.
        unsafe { bindings::flush_cache_range(vma, range.start, range.end) };
        // INVARIANT: By the description above; nothing was cleared yet.
        Self {
            table,
            range,
            #[cfg(all_accessors)]
            drain: false,
        }
    }

    /// Returns the entries.
    pub(crate) fn entries(&self) -> &PteTable<'i> {
        self.table.entries()
    }

    /// Clears one entry, flushes the TLB (`ptep_clear_flush()`) and returns what the entry was,
    /// with the final accessed and dirty bits.
    ///
    /// Returns [`None`] where the entry maps no page, and outside of the section: it stays as it
    /// is. A userfaultfd write-protection leaves its marker (`cond_install_uffd_wp_ptes()`). The
    /// page is taken off the RSS; its rmap and reference are the caller's to settle.
    #[cfg(all_accessors)]
    #[doc(alias = "ptep_get_and_clear")]
    pub(crate) fn clear(&mut self, index: PteIndex) -> Option<Cleared<'_>> {
        self.entries().read(index).page()?;
        let addr = index.address(self.table.slot().base());
        if !self.range.contains(&addr) {
            return None;
        }
        let witness = self.table.slot().witness();
        let (vma, pte) = (witness.vma().as_ptr(), self.entries().entry(index));
        // SAFETY: The entry belongs to the locked table. It translates `addr`, which is in the
        // section and thus in the witnessed VMA, and maps a page; the witness keeps VMA and mm.
        let (old, mlocked) = unsafe {
            let old = bindings::pte_clear(vma, addr, pte);
            bindings::flush_tlb_range(vma, addr, addr + PAGE_SIZE);
            (old, bindings::vma_locked(vma))
        };
        self.drain |= mlocked;
        // SAFETY: Cleared and flushed above, and the lock is held as long as `self` is borrowed.
        unsafe { Cleared::new(Pte(old)) }
    }

    /// Replaces entries of the section that map `pages` by migration entries that name pages of
    /// `target`; returns how many there were.
    ///
    /// An entry is replaced where it maps the page frame that `pages` has at the index that the
    /// address has in the file, counted from the first page of `target`, and where that is the page
    /// of the file and no private copy. All others stay as they are, and all do where the VMA maps
    /// another file than that of `target`. A migration entry
    /// carries the accessed, dirty, soft-dirty and userfaultfd bits of the old entry, and counts in
    /// the RSS as that did. `pages` take over rmap and reference of each.
    ///
    /// A page that is mapped there proves that no zap is past this entry: `munmap()` and exit go
    /// through a table one by one and will still meet it.
    #[doc(alias = "set_pte_at")]
    pub(crate) fn replace<P: MappedPages>(
        &mut self,
        pages: &mut P,
        target: &impl MigrationTarget,
    ) -> usize {
        let witness = self.table.slot().witness();
        let vma = witness.vma().as_ptr();
        let Some(first) = index_in(target, witness, self.range.start) else {
            return 0;
        };
        let mut found = FoundPages::none();
        let mut stale = 0..0;
        for (nr, addr) in self.range.clone().step_by(PAGE_SIZE).enumerate() {
            let Some(at) = PteIndex::new(first.wrapping_add(nr)) else {
                continue;
            };
            let index = PteIndex::of(addr);
            let mapped = self.entries().read(index).page();
            if mapped.is_none() || mapped != pages.frames().get(at.get()).copied() {
                continue;
            }
            let (pte, head) = (self.entries().entry(index), target.head().as_ptr());
            target.note_named();
            // SAFETY: The entry belongs to the locked table and maps a page. It translates `addr`,
            // which is in the section and thus in the witnessed VMA, where the file has page `at`
            // of the target. That is locked and complete, by its trait.
            if !unsafe { bindings::pte_replace(vma, addr, pte, head, at.get()) } {
                continue;
            }
            found.add(at);
            stale.start = if stale.is_empty() { addr } else { stale.start };
            stale.end = addr + PAGE_SIZE;
        }
        if !stale.is_empty() {
            // SAFETY: The witness keeps the VMA. The entries were replaced above; the lock is held.
            unsafe {
                bindings::flush_tlb_range(vma, stale.start, stale.end);
                settle(&found, pages, witness);
            }
        }
        found.count()
    }
}

#[cfg(all_accessors)]
impl<W: Witness> Drop for PteTableWriteGuard<'_, W> {
    fn drop(&mut self) {
        if self.drain {
            // Taking rmap off in a locked VMA leaves references in this CPU's batch.
            // SAFETY: FFI call without safety requirements.
            unsafe { bindings::mlock_drain_local() };
        }
    }
}
