// SPDX-License-Identifier: GPL-2.0

//! Unmapping, copying and freezing locked folios.

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
    mm::huge_folio::HugeFolio,
    pgtable::{
        cleared::ClearedRun,
        pte_table::RUN_LEN, //
    },
    support::failpoint::Point, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};

impl<'x, 'b> Sources<'x, 'b, Locked> {
    /// Notes cleared entries that mapped pages of the extent.
    ///
    /// [`settle`](Self::settle) then changes the folios' counts, once for all mappers. Those of
    /// large folios, and of mlocked VMAs, are changed at once.
    ///
    /// # Safety
    ///
    /// The pages of the run are those of [`frames`](Self::frames), at the same indices.
    pub(in crate::mm) unsafe fn note_unmapped<P: ?Sized>(&mut self, run: ClearedRun<'_, P>) {
        let (vma, mlocked) = (run.vma(), run.is_mlocked());
        if mlocked || self.large {
            for pages in run.into_stretches() {
                // SAFETY: By this function's contract and the invariants of the run.
                unsafe { self.unmap_stretch(pages, vma, mlocked) };
            }
        } else if run.is_whole() {
            if let Some(count) = self.scratch.whole.get_mut(run.first() / RUN_LEN) {
                *count += 1;
            }
        } else {
            for pages in run.into_stretches() {
                let counts = self.scratch.unmapped.get_mut(pages).unwrap_or_default();
                for count in counts {
                    *count += 1;
                }
            }
        }
    }

    /// Returns whether a page was poisoned since it was found.
    pub(in crate::mm) fn is_poisoned(&self) -> bool {
        let (folios, nr) = self.all_folios();
        // SAFETY: All are referenced and locked.
        let poisoned = unsafe { bindings::folios_poisoned(folios, nr) };
        poisoned || Point::Poison.fails()
    }

    /// Takes one mapping off the counts of each of these pages: at once in a locked VMA and for
    /// large folios, later for small ones.
    ///
    /// # Safety
    ///
    /// An entry of `vma` mapped each of these pages, and is gone. The lock of its table is held.
    unsafe fn unmap_stretch(
        &mut self,
        pages: Range<usize>,
        vma: NonNull<bindings::vm_area_struct>,
        mlocked: bool,
    ) {
        let mut at = pages.start;
        while at < pages.end {
            // Every page was found with its folio.
            let Some((folio, first)) = self.folio_around(at) else {
                return;
            };
            let order = self.scratch.orders.get(first).copied().unwrap_or(0);
            let end = pages.end.min(first + (1 << order));
            if mlocked || order > 0 {
                let nr = (end - at) as i32;
                // SAFETY: The folio is locked, and entries that mapped these pages of it are gone,
                // by this function's contract.
                unsafe { bindings::folio_remove_rmap(folio, at - first, nr, vma.as_ptr()) };
            } else if let Some(count) = self.scratch.unmapped.get_mut(at) {
                *count += 1;
            }
            at = end;
        }
    }

    /// Subtracts the noted mappings from the counts, in one step for each folio.
    ///
    /// Until then map counts are too high. The folio locks keep out tasks that would rely on them.
    pub(in crate::mm) fn settle(&mut self) {
        for (first, places) in self.homes() {
            let mut unmapped = 0;
            let mut at = places.start;
            while at < places.end {
                let run = at / RUN_LEN;
                let end = places.end.min((run + 1) * RUN_LEN);
                let (folios, nr) = self.folios(at..end);
                let counts = self.scratch.unmapped.get(at..end).unwrap_or_default();
                let whole = self.scratch.whole.get(run).copied().unwrap_or(0);
                let counts = counts.as_ptr();
                // SAFETY: There is a count for each folio, by the invariant of `Scratch`. That many
                // entries of these small folios were cleared; our own references keep them.
                let gone = unsafe { bindings::folios_drop_mappings(folios, counts, nr, whole) };
                unmapped += gone;
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
    /// Returns [`Obstacle::Poisoned`] when the machine finds the source broken.
    pub(in crate::mm) fn copy_pages(
        &self,
        pages: Range<usize>,
        huge: &mut HugeFolio<'_>,
    ) -> Result<(), Obstacle> {
        if Point::Copy.cut(pages.clone()) < pages.end {
            return Err(Obstacle::Poisoned);
        }
        let (at, frames) = (pages.start, self.scratch.frames.get(pages));
        let frames = frames.unwrap_or_default();
        // SAFETY: Both folios have these pages: an extent has as many as there are frames. They are
        // ours, by the type invariants.
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
    /// Gives the sources back when one has another reference. Context: under the page cache's lock,
    /// which keeps lookups from spinning for long.
    pub(in crate::mm) fn freeze(self) -> Result<Sources<'x, 'b, Frozen>, Self> {
        let all = self.scratch.folios.len();
        let (folios, nr) = self.folios(0..Point::Freeze.cut(0..all));
        // SAFETY: All are referenced and locked; those before the place returned are frozen, and
        // only those are unfrozen.
        unsafe {
            let frozen = bindings::folios_freeze(folios, nr);
            if (frozen as usize) < all {
                bindings::folios_unfreeze(folios, frozen);
                return Err(self);
            }
        }
        // SAFETY: All are frozen.
        Ok(unsafe { self.into_state() })
    }

    /// Marks the folios dirty, for when they stay: what was written through tables that are gone
    /// now must not be dropped by reclaim, which it does with clean shmem.
    ///
    /// Which pages those were is not known. A page that was only read costs a write to swap, which
    /// most pages have cost before.
    pub(in crate::mm) fn keep_dirty(&mut self) {
        for folio in self.scratch.folios.iter().filter(|f| !f.is_null()) {
            // SAFETY: Referenced and locked.
            unsafe { bindings::folio_mark_dirty(*folio) };
        }
    }
}
