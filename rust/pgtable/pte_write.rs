// SPDX-License-Identifier: GPL-2.0

//! Clearing single entries of a table that stays.

use super::{
    Cleared,
    Invalidation,
    LockedPteMap,
    Pte,
    PteIndex,
    PteMap,
    Witness, //
};
use crate::bindings;
use core::ops::Range;
use kernel::page::PAGE_SIZE;

/// A locked table whose entries may be cleared.
///
/// The TLB is flushed for what was cleared before the lock is dropped: else an
/// `mprotect()` or `munmap()` of the owner could return while a stale writable
/// translation lives (`tlb_flush_pending` rules in `mm/rmap.c`).
///
/// # Invariants
///
/// `stale` covers every address whose entry was cleared and not yet flushed.
///
/// # Examples
///
/// ```ignore
/// fn clear_one<W: Witness>(section: &Invalidation<'_, W>, index: PteIndex) -> Option<Cleared> {
///     // Flushed, unlocked and unmapped when this returns.
///     section.map_lock()?.clear(index)
/// }
/// ```
pub(crate) struct WritablePtes<'i, W: Witness> {
    // `Drop` flushes; then the fields unlock and unmap.
    table: LockedPteMap<'i, W>,
    section: &'i Invalidation<'i, W>,
    stale: Range<usize>,
    /// Pages of shmem that the process no longer has mapped.
    cleared: isize,
}

impl<'i, W: Witness> WritablePtes<'i, W> {
    pub(super) fn new(section: &'i Invalidation<'i, W>, table: LockedPteMap<'i, W>) -> Self {
        let range = section.range();
        let vma = section.slot().witness().vma().as_ptr();
        assert!(core::ptr::eq(
            section.slot().as_ptr(),
            table.slot().as_ptr()
        ));
        // SAFETY: The witness keeps the VMA.
        unsafe { bindings::flush_cache_range(vma, range.start, range.end) };
        // INVARIANT: Nothing was cleared yet.
        Self {
            table,
            section,
            stale: 0..0,
            cleared: 0,
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
    /// RSS follows when this value is dropped; rmap and reference of the page
    /// are the caller's to settle.
    pub(crate) fn clear(&mut self, index: PteIndex) -> Option<Cleared> {
        self.entries().read(index).page()?;
        let addr = index.address(self.section.slot().base());
        assert!(self.section.range().contains(&addr));
        let vma = self.section.slot().witness().vma().as_ptr();
        // SAFETY: The entry belongs to the locked table and translates `addr`
        // of the witnessed VMA.
        let old = unsafe { bindings::pte_clear(vma, addr, self.entries().entry(index)) };
        // INVARIANT: Extended by the page just cleared.
        self.stale = if self.stale.is_empty() {
            addr..addr + PAGE_SIZE
        } else {
            self.stale.start.min(addr)..self.stale.end.max(addr + PAGE_SIZE)
        };
        self.cleared += 1;
        Cleared::new(Pte(old))
    }
}

impl<W: Witness> Drop for WritablePtes<'_, W> {
    fn drop(&mut self) {
        if self.stale.is_empty() {
            return;
        }
        let vma = self.section.slot().witness().vma().as_ptr();
        // SAFETY: The witness keeps the VMA; the lock is held until the fields
        // are dropped.
        unsafe {
            bindings::flush_tlb_range(vma, self.stale.start, self.stale.end);
            bindings::add_shmem_rss(self.section.slot().witness().mm().as_ptr(), -self.cleared);
            // Removing rmap in a locked VMA leaves references in this CPU's
            // munlock batch.
            if bindings::vma_locked(vma) {
                bindings::mlock_drain_local();
            }
        }
    }
}
