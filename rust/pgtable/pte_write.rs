// SPDX-License-Identifier: GPL-2.0

//! Clearing or replacing single entries of a table that stays.

#[cfg(all_accessors)]
use super::pte_lock::UncheckedPteMap;
use super::{
    cleared::Cleared,
    entry::Pte,
    invalidation::Invalidation,
    migration::MigrationTarget,
    pte_index::PteIndex,
    pte_lock::LockedPteMap,
    pte_map::PteMap,
    witness::Witness, //
};
use crate::bindings;
use core::ops::Range;
use kernel::page::PAGE_SIZE;

/// A locked table whose entries may be cleared or replaced.
///
/// The TLB is flushed for what was taken away before the lock is dropped: else an
/// `mprotect()` or `munmap()` of the owner could return while a stale writable
/// translation lives (`tlb_flush_pending` rules in `mm/rmap.c`).
///
/// # Invariants
///
/// `stale` covers every address whose entry was taken away and not yet flushed.
///
/// # Examples
///
/// ```ignore
/// fn clear_one<W: Witness>(
///     section: &mut Invalidation<'_, W>,
///     index: PteIndex,
/// ) -> Option<Cleared> {
///     // Flushed, unlocked and unmapped when this returns.
///     section.map_lock()?.clear(index)
/// }
/// ```
pub(crate) struct WritablePtes<'i, W: Witness> {
    // `Drop` flushes; then the fields unlock and unmap.
    table: LockedPteMap<'i, W>,
    section: &'i Invalidation<'i, W>,
    stale: Range<usize>,
}

impl<W: Witness> Invalidation<'_, W> {
    /// Maps and locks the table (`pte_offset_map_lock()`) for changes to its entries; returns
    /// [`None`] when there is none.
    pub(crate) fn map_lock(&mut self) -> Option<WritablePtes<'_, W>> {
        let section = &*self;
        LockedPteMap::new(section.slot().place()).map(|table| WritablePtes::new(section, table))
    }

    /// Maps the table without its lock (`pte_offset_map_rw_nolock()`), for callers that do more
    /// before they take it.
    #[cfg(all_accessors)]
    pub(crate) fn map_rw_nolock(&mut self) -> Option<UncheckedPtes<'_, W>> {
        let section = &*self;
        UncheckedPteMap::new(section.slot().place()).map(|table| UncheckedPtes { table, section })
    }
}

/// A mapped table of a section, whose lock is not taken.
///
/// # Examples
///
/// ```ignore
/// fn clear_first<W: Witness>(section: &mut Invalidation<'_, W>) -> Option<Cleared> {
///     // `None`: the table went away while the lock was waited for.
///     let mut table = section.map_rw_nolock()?.lock()?;
///     table.clear(PteIndex::FIRST)
/// }
/// ```
#[cfg(all_accessors)]
#[must_use = "a mapping that is not used is unmapped at once"]
pub(crate) struct UncheckedPtes<'i, W: Witness> {
    table: UncheckedPteMap<'i, W>,
    section: &'i Invalidation<'i, W>,
}

#[cfg(all_accessors)]
impl<'i, W: Witness> UncheckedPtes<'i, W> {
    /// Takes the lock and reads the pmd entry again; see [`UncheckedPteMap::lock`].
    pub(crate) fn lock(self) -> Option<WritablePtes<'i, W>> {
        let section = self.section;
        self.table
            .lock()
            .map(|table| WritablePtes::new(section, table))
    }
}

impl<'i, W: Witness> WritablePtes<'i, W> {
    fn new(section: &'i Invalidation<'i, W>, table: LockedPteMap<'i, W>) -> Self {
        let range = section.range();
        let vma = table.slot().witness().vma().as_ptr();
        // SAFETY: The witness keeps the VMA.
        unsafe { bindings::flush_cache_range(vma, range.start, range.end) };
        // INVARIANT: Nothing was cleared yet.
        Self {
            table,
            section,
            stale: 0..0,
        }
    }

    /// The entries.
    pub(crate) fn entries(&self) -> &PteMap<'i> {
        self.table.entries()
    }

    /// Clears one entry and returns what it was, with the final accessed and
    /// dirty bits.
    ///
    /// [`None`] where it maps no page: it stays as it is. A userfaultfd
    /// write-protection leaves its marker (`cond_install_uffd_wp_ptes()`). The
    /// page is taken off the RSS; its rmap and reference are the caller's to
    /// settle.
    #[cfg(all_accessors)]
    pub(crate) fn clear(&mut self, index: PteIndex) -> Option<Cleared> {
        self.entries().read(index).page()?;
        let addr = index.address(self.table.slot().base());
        if !self.section.range().contains(&addr) {
            return None;
        }
        let witness = self.table.slot().witness();
        // SAFETY: The entry belongs to the locked table and translates `addr` of
        // the witnessed VMA; the witness keeps the mm.
        let old = unsafe {
            bindings::add_shmem_rss(witness.mm().as_ptr(), -1);
            bindings::pte_clear(witness.vma().as_ptr(), addr, self.entries().entry(index))
        };
        self.note_stale(addr);
        Cleared::new(Pte(old))
    }

    /// Puts a migration entry that names page `at` of `target` in the place of an
    /// entry that maps the page frame `pfn`, and returns what that was.
    ///
    /// [`None`] where it maps another page or none: it stays as it is. So does a
    /// place outside of the section. The new entry carries the accessed, dirty,
    /// soft-dirty and userfaultfd bits of the old one, and counts in the RSS as
    /// it did; rmap and reference of the old page are the caller's to settle.
    ///
    /// A page that is mapped there proves that no zap is past this entry:
    /// `munmap()` and exit go through a table one by one and will still meet it.
    pub(crate) fn replace(
        &mut self,
        index: PteIndex,
        pfn: usize,
        target: &impl MigrationTarget,
        at: PteIndex,
    ) -> Option<Cleared> {
        let addr = index.address(self.table.slot().base());
        if !self.section.range().contains(&addr) || self.entries().read(index).page() != Some(pfn) {
            return None;
        }
        let vma = self.table.slot().witness().vma().as_ptr();
        let (pte, head) = (self.entries().entry(index), target.head().as_ptr());
        target.note_named();
        // SAFETY: The entry belongs to the locked table, translates `addr` of the
        // witnessed VMA and maps a page; the target is locked and complete, by
        // its trait, and has that page.
        let old = unsafe { bindings::pte_replace(vma, addr, pte, head, at.get()) };
        self.note_stale(addr);
        Cleared::new(Pte(old))
    }

    fn note_stale(&mut self, addr: usize) {
        // INVARIANT: Extended by the page whose entry was just taken away.
        self.stale = if self.stale.is_empty() {
            addr..addr + PAGE_SIZE
        } else {
            self.stale.start.min(addr)..self.stale.end.max(addr + PAGE_SIZE)
        };
    }
}

impl<W: Witness> Drop for WritablePtes<'_, W> {
    fn drop(&mut self) {
        if self.stale.is_empty() {
            return;
        }
        let vma = self.table.slot().witness().vma().as_ptr();
        // SAFETY: The witness keeps the VMA; the lock is held until the fields
        // are dropped.
        unsafe {
            bindings::flush_tlb_range(vma, self.stale.start, self.stale.end);
            // Removing rmap in a locked VMA leaves references in this CPU's
            // munlock batch.
            if bindings::vma_locked(vma) {
                bindings::mlock_drain_local();
            }
        }
    }
}
