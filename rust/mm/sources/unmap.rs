// SPDX-License-Identifier: GPL-2.0

//! What is done to the folios of an extent while they are locked.

use super::{
    state::{
        Frozen,
        Locked, //
    },
    Obstacle,
    Sources, //
};
use crate::{
    bindings,
    mm::{
        extent_pages::ExtentPages,
        huge_folio::HugeFolio,
        reverse_map::MappedVma, //
    },
    pgtable::{
        cleared::{
            Cleared,
            ClearedRun, //
        },
        pte_index::PteIndex, //
    },
    support::failpoint::Point, //
};
use core::ops::Range;

impl ExtentPages for Sources<'_, '_, Locked> {
    fn frames(&self) -> &[usize] {
        &self.scratch.frames
    }

    /// The folios' counts follow in [`settle`](Self::settle), once for all
    /// mappers, unless the folio is large or the VMA locked.
    fn note_unmapped(&mut self, run: ClearedRun, vma: &MappedVma<'_>, mlocked: bool) {
        if mlocked || self.large {
            for pages in run.into_stretches() {
                self.unmap_stretch(pages, vma, mlocked);
            }
        } else if run.is_whole() {
            self.scratch.whole[run.first() / ClearedRun::LEN] += 1;
        } else {
            for pages in run.into_stretches() {
                for count in &mut self.scratch.unmapped[pages] {
                    *count += 1;
                }
            }
        }
    }
}

impl<'x, 'b> Sources<'x, 'b, Locked> {
    /// The page frame of page `at` of the extent; one that no page has where
    /// there is a hole.
    #[inline]
    pub(crate) fn frame(&self, at: PteIndex) -> usize {
        self.scratch
            .frames
            .get(at.get())
            .copied()
            .unwrap_or(usize::MAX)
    }

    /// Whether page `at` of the extent has this page frame.
    #[inline]
    pub(crate) fn is_page(&self, at: usize, pfn: usize) -> bool {
        self.scratch.frames[at] == pfn
    }

    /// Whether a page was poisoned since it was found.
    pub(crate) fn is_poisoned(&self) -> bool {
        let (folios, nr) = self.all_folios();
        // SAFETY: All are referenced and locked.
        let poisoned = unsafe { bindings::folios_poisoned(folios, nr) };
        poisoned || Point::Poison.fails()
    }

    /// Takes one mapping of page `at` off the folio's counts at once
    /// (`folio_remove_rmap_ptes()`). Context: under the PTE lock.
    pub(crate) fn remove_rmap(&mut self, at: usize, cleared: Cleared, vma: &MappedVma<'_>) {
        assert!(self.is_page(at, cleared.into_page()));
        self.remove_mappings(at..at + 1, vma);
    }

    /// Pages of which one mapping each is gone: large folios are settled at
    /// once, small ones if the VMA is locked.
    fn unmap_stretch(&mut self, pages: Range<usize>, vma: &MappedVma<'_>, mlocked: bool) {
        let mut at = pages.start;
        while at < pages.end {
            let (_, first) = self.folio_of(at);
            let order = self.scratch.orders[first];
            let end = pages.end.min(first + (1 << order));
            if mlocked || order > 0 {
                self.remove_mappings(at..end, vma);
            } else {
                self.scratch.unmapped[at] += 1;
            }
            at = end;
        }
    }

    /// Takes one mapping of each of these pages, all of one folio, off its
    /// counts. The caller has cleared an entry of `vma` for each.
    fn remove_mappings(&self, pages: Range<usize>, vma: &MappedVma<'_>) {
        let (folio, first) = self.folio_of(pages.start);
        let nr = pages.len() as i32;
        // SAFETY: The folio is locked, and entries that mapped these pages of it
        // are gone.
        unsafe { bindings::folio_remove_rmap(folio, pages.start - first, nr, vma.as_ptr()) };
    }

    /// Takes the noted mappings off the counts, one step for each folio.
    ///
    /// Until then map counts are too high, which the folio locks keep from
    /// anybody who would act on it.
    pub(crate) fn settle(&mut self) {
        for (first, places) in self.homes() {
            let mut unmapped = 0;
            let mut at = places.start;
            while at < places.end {
                let run = at / ClearedRun::LEN;
                let end = places.end.min((run + 1) * ClearedRun::LEN);
                let (folios, nr) = self.folios(at..end);
                let counts = self.scratch.unmapped[at..end].as_ptr();
                let whole = self.scratch.whole[run];
                // SAFETY: As many entries of these small folios were cleared; our
                // own references keep them.
                unmapped += unsafe { bindings::folios_drop_mappings(folios, counts, nr, whole) };
                at = end;
            }
            if unmapped > 0 {
                // SAFETY: Referenced.
                unsafe { bindings::folio_stat_mapped(first, -(unmapped as i32)) };
            }
        }
        self.scratch.unmapped.fill(0);
        self.scratch.whole.fill(0);
    }

    /// Copies these pages into the huge folio, and clears them there for holes.
    ///
    /// [`Obstacle::Poisoned`] when the machine finds the source broken.
    pub(crate) fn copy_pages(
        &self,
        pages: Range<usize>,
        huge: &mut HugeFolio<'_>,
    ) -> Result<(), Obstacle> {
        if Point::Copy.cut(pages.clone()) < pages.end {
            return Err(Obstacle::Poisoned);
        }
        let at = pages.start;
        let frames = &self.scratch.frames[pages];
        // SAFETY: The pages of both are ours, by the type invariants; sources are
        // locked and unmapped, so nobody writes to them.
        let copied = unsafe {
            bindings::copy_pages(huge.as_ptr(), at, frames.as_ptr(), frames.len() as u32)
        };
        match copied {
            0 => Ok(()),
            _ => Err(Obstacle::Poisoned),
        }
    }

    /// Freezes every reference count at what we and the page cache hold.
    ///
    /// Gives the sources back when one has another reference. Context: under
    /// the page cache's lock, which keeps lookups from spinning for long.
    pub(crate) fn freeze(self) -> Result<Sources<'x, 'b, Frozen>, Self> {
        let all = self.scratch.folios.len();
        let (folios, nr) = self.folios(0..Point::Freeze.cut(0..all));
        // SAFETY: All are referenced and locked; those before the place returned
        // are frozen, and only those are unfrozen.
        unsafe {
            let frozen = bindings::folios_freeze(folios, nr);
            if (frozen as usize) < all {
                bindings::folios_unfreeze(folios, frozen);
                return Err(self);
            }
        }
        // INVARIANT: All are frozen.
        Ok(self.into_state())
    }

    /// Marks the folios dirty, for when they stay: what was written through
    /// tables that are gone now must not be dropped by reclaim, which it does
    /// with clean shmem. Nobody noted which pages those were: one that was only
    /// read costs a write to swap, which most of them have cost before.
    pub(crate) fn keep_dirty(&mut self) {
        for folio in self.scratch.folios.iter().filter(|f| !f.is_null()) {
            // SAFETY: Referenced and locked.
            unsafe { bindings::folio_mark_dirty(*folio) };
        }
    }
}
