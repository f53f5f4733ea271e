// SPDX-License-Identifier: GPL-2.0

//! What is done to the folios of an extent while they are locked.

use super::{
    fault::Point,
    sources::{
        Slot,
        DIRTY, //
    },
    stat_run::StatRun,
    ExtentPages,
    Frozen,
    HugeFolio,
    Locked,
    MappedVma,
    Obstacle,
    Sources,
    Surplus, //
};
use crate::{
    bindings,
    pgtable::Cleared, //
};

impl ExtentPages for Sources<'_, '_, Locked> {
    #[inline]
    fn is_page(&self, at: usize, pfn: usize) -> bool {
        self.scratch.slots[at].pfn == pfn
    }

    /// The folio's counts follow in [`settle`](Self::settle), once for all
    /// mappers, unless the folio is large or the VMA locked.
    #[inline]
    fn note_unmapped(&mut self, at: usize, cleared: Cleared, vma: &MappedVma<'_>, mlocked: bool) {
        if self.scratch.slots[at].order > 0 || mlocked {
            return self.remove_rmap(at, cleared, vma);
        }
        let slot = self.cleared_slot(at, cleared);
        slot.unmapped += 1;
    }
}

impl<'x, 'b> Sources<'x, 'b, Locked> {
    /// Looks for references that are not ours, the page cache's or a mapping's.
    pub(crate) fn surplus_mapped(&self) -> Surplus {
        self.surplus(true)
    }

    /// Looks for references that are not ours or the page cache's, once the
    /// mappings are settled: one that is left could write to the old page.
    pub(crate) fn surplus_unmapped(&self) -> Surplus {
        self.surplus(false)
    }

    fn surplus(&self, mapped: bool) -> Surplus {
        let point = if mapped {
            Point::ReferencesMapped
        } else {
            Point::ReferencesUnmapped
        };
        if point.fails() {
            return Surplus::Passing;
        }
        for slot in self.heads() {
            // SAFETY: Referenced and locked.
            unsafe {
                if bindings::folio_surplus(slot.folio, mapped) != 0 {
                    return if bindings::folio_maybe_dma_pinned(slot.folio) {
                        Surplus::Pinned
                    } else {
                        Surplus::Passing
                    };
                }
            }
        }
        Surplus::None
    }

    /// Whether a page was poisoned since it was found.
    pub(crate) fn is_poisoned(&self) -> bool {
        let poisoned = self
            .heads()
            // SAFETY: Referenced and locked.
            .any(|slot| unsafe { bindings::folio_poisoned(slot.folio) });
        poisoned || Point::Poison.fails()
    }

    /// Takes one mapping of page `at` off the folio's counts at once
    /// (`folio_remove_rmap_ptes()`). Context: under the PTE lock.
    pub(crate) fn remove_rmap(&mut self, at: usize, cleared: Cleared, vma: &MappedVma<'_>) {
        let slot = *self.cleared_slot(at, cleared);
        let nr = at & ((1 << slot.order) - 1);
        // SAFETY: The folio is locked, and `cleared` proves that an entry that
        // mapped this page of it is gone.
        unsafe { bindings::folio_remove_rmap(slot.folio, nr, vma.as_ptr()) };
    }

    /// The slot whose page the cleared entry mapped.
    fn cleared_slot(&mut self, at: usize, cleared: Cleared) -> &mut Slot {
        let slot = &mut self.scratch.slots[at];
        if cleared.is_dirty() {
            slot.flags |= DIRTY;
        }
        assert!(cleared.into_page() == slot.pfn);
        slot
    }

    /// Takes the noted mappings off the counts, one step for each folio.
    ///
    /// Until then map counts are too high, which the folio locks keep from
    /// anybody who would act on it.
    pub(crate) fn settle(&mut self) {
        let mut run = StatRun::unmapped();
        for slot in self.scratch.slots.iter_mut().filter(|s| s.unmapped > 0) {
            // SAFETY: As many entries of this small folio were cleared; our own
            // reference keeps it.
            unsafe {
                if bindings::folio_drop_mappings(slot.folio, slot.unmapped as i32) {
                    run.add(slot.folio, 1);
                }
            }
            slot.unmapped = 0;
        }
    }

    /// Copies page `at` into the huge folio, or clears it there for a hole.
    ///
    /// [`Obstacle::Poisoned`] when the machine finds the source broken.
    pub(crate) fn copy_page(&self, at: usize, huge: &mut HugeFolio<'_>) -> Result<(), Obstacle> {
        let slot = self.scratch.slots[at];
        if slot.folio.is_null() {
            huge.clear_page(at);
            return Ok(());
        }
        if Point::Copy.fails_at(at) {
            return Err(Obstacle::Poisoned);
        }
        let nr = at & ((1 << slot.order) - 1);
        // SAFETY: Both pages are ours; the source is locked and unmapped, so
        // nobody writes to it.
        match unsafe { bindings::copy_page(huge.as_ptr(), at, slot.folio, nr) } {
            0 => Ok(()),
            _ => Err(Obstacle::Poisoned),
        }
    }

    /// Freezes every reference count at what we and the page cache hold.
    ///
    /// Gives the sources back when one has another reference. Context: under
    /// the page cache's lock, which keeps lookups from spinning for long.
    pub(crate) fn freeze(self) -> Result<Sources<'x, 'b, Frozen>, Self> {
        let mut frozen = 0;
        let all = self.heads().all(|slot| {
            if Point::Freeze.fails_at(frozen) {
                return false;
            }
            // SAFETY: Referenced and locked.
            let ok = unsafe { bindings::folio_ref_freeze(slot.folio, 1 + (1 << slot.order)) };
            frozen += usize::from(ok);
            ok
        });
        if all {
            // INVARIANT: All are frozen.
            return Ok(self.into_state());
        }
        for slot in self.heads().take(frozen) {
            // SAFETY: Frozen above at that count.
            unsafe { bindings::folio_ref_unfreeze(slot.folio, 1 + (1 << slot.order)) };
        }
        Err(self)
    }

    /// Carries dirtiness that only page tables knew over to the folios, for
    /// when they stay: a clean shmem folio would be dropped by reclaim.
    pub(crate) fn keep_dirty(&mut self) {
        for slot in self.scratch.slots.iter().filter(|s| s.flags & DIRTY != 0) {
            // SAFETY: Referenced and locked.
            unsafe { bindings::folio_mark_dirty(slot.folio) };
        }
    }
}
