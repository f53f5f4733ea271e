// SPDX-License-Identifier: GPL-2.0

//! Finding the small folios of an extent in the page cache.

use super::{
    fatal_signal_pending,
    fault::Point,
    sources::{
        Slot,
        ABSENT,
        HEAD,
        SWAPPED, //
    },
    Found,
    Mapping,
    Obstacle,
    Referenced,
    Scratch,
    Sources, //
};
use crate::{
    bindings,
    pgtable::pmd_pages, //
};
use core::mem::MaybeUninit;
use kernel::prelude::*;

impl<'x, 'b> Sources<'x, 'b, Referenced> {
    /// Looks at the page cache and takes a reference on every folio.
    ///
    /// Stops at the first page that rules a collapse out. Takes no lock.
    pub(crate) fn find(
        scratch: &'x mut Scratch,
        mapping: Mapping<'b>,
        index: usize,
    ) -> Result<(Self, Found), Obstacle> {
        let mut sources = Self::holding_nothing(scratch, mapping, index);
        let found = sources.search()?;
        Ok((sources, found))
    }

    fn search(&mut self) -> Result<Found, Obstacle> {
        let last = self.index + pmd_pages() - 1;
        let mut xas = MaybeUninit::<bindings::xa_state>::uninit();
        let xas = xas.as_mut_ptr();
        let _rcu = kernel::sync::rcu::read_lock();

        // SAFETY: `xas` is valid for writing, the mapping lives.
        unsafe { bindings::xas_init(xas, self.mapping.as_ptr(), self.index, 0) };
        loop {
            // SAFETY: `xas` is initialised, and this is an RCU section.
            let entry = unsafe { bindings::xas_next_get(xas, last) };
            if entry.is_null() {
                return Ok(self.count());
            }
            if !is_value(entry) {
                // SAFETY: A folio of the mapping; its reference moves in.
                unsafe { self.note_folio(entry.cast()) }?;
                continue;
            }
            // SAFETY: A value entry of a shmem mapping.
            if unsafe { bindings::xa_is_poison_marker(entry) } {
                return Err(Obstacle::Poisoned);
            }
            // SAFETY: As above.
            let (at, order) = unsafe { ((*xas).xa_index, bindings::xas_get_order(xas)) };
            self.note_swapped(at, order as usize);
        }
    }

    /// Counts every page once, whatever the page cache did during the walk: an
    /// entry that grew is found again from its first page.
    fn count(&self) -> Found {
        let mut found = Found::default();
        for slot in &self.scratch.slots {
            if slot.flags & ABSENT != 0 {
                found.absent += 1;
                found.swapped += usize::from(slot.flags & SWAPPED != 0);
            } else if slot.folio.is_null() {
                found.holes += 1;
            } else {
                found.present += 1;
            }
        }
        found
    }

    fn note_swapped(&mut self, at: usize, order: usize) {
        let start = (at & !((1 << order) - 1)).max(self.index) - self.index;
        let end = (start + (1 << order)).min(pmd_pages());
        for slot in &mut self.scratch.slots[start..end] {
            put_replaced(slot);
            *slot = Slot {
                flags: ABSENT | SWAPPED,
                ..Slot::HOLE
            };
        }
    }

    /// Notes a folio, whose reference moves in, and says how many pages it has
    /// and whether they can be used as they are.
    ///
    /// # Safety
    ///
    /// The caller holds a reference on `folio`, found in the mapping.
    unsafe fn note_folio(
        &mut self,
        folio: *mut bindings::folio,
    ) -> Result<(usize, bool), Obstacle> {
        // SAFETY: Referenced.
        let facts = unsafe { look_at(folio) };
        let (first, pages) = (facts.index, 1usize << facts.order);
        let inside = first >= self.index && first + pages <= self.index + pmd_pages();
        let obstacle = if !inside {
            Some(Obstacle::Raced)
        } else if pages == pmd_pages() {
            Some(Obstacle::Huge)
        } else {
            obstacle(&facts)
        };
        if let Some(obstacle) = obstacle {
            // SAFETY: Not kept.
            unsafe { bindings::folio_put(folio) };
            return Err(obstacle);
        }
        let ready = facts.uptodate;
        let at = first - self.index;
        for (nr, slot) in self.scratch.slots[at..at + pages].iter_mut().enumerate() {
            put_replaced(slot);
            // INVARIANT: One reference for the head; the rest name the folio.
            *slot = Slot {
                folio,
                pfn: facts.pfn + nr,
                unmapped: 0,
                flags: if nr == 0 { HEAD } else { 0 } | if ready { 0 } else { ABSENT },
                order: facts.order as u8,
            };
        }
        Ok((pages, ready))
    }

    /// Brings in what is in swap and fills in what was only reserved.
    ///
    /// Context: sleeps; no folio is locked. Errors are those of
    /// `shmem_get_folio()`: `EINVAL` beyond the end of the file, `EIO`, `ENOMEM`,
    /// and so on. Returns the pages that came from swap.
    pub(crate) fn bring_in(&mut self) -> Result<Result<usize, Obstacle>> {
        let mut brought = 0;
        for at in 0..pmd_pages() {
            let slot = self.scratch.slots[at];
            if slot.flags & ABSENT == 0 {
                continue;
            }
            if fatal_signal_pending() {
                return Ok(Err(Obstacle::Raced));
            }
            Point::SwapIn.check(ENOMEM)?;
            let mut folio = core::ptr::null_mut();
            // SAFETY: The mapping keeps its inode; process context.
            kernel::error::to_result(unsafe {
                bindings::swap_in(self.mapping.inode(), self.index + at, &mut folio)
            })?;
            // SAFETY: Referenced by the call above.
            match unsafe { self.note_folio(folio) } {
                Ok((pages, true)) if slot.flags & SWAPPED != 0 => brought += pages,
                Ok((_, true)) => {}
                Ok((_, false)) => return Ok(Err(Obstacle::Raced)),
                Err(obstacle) => return Ok(Err(obstacle)),
            }
        }
        Ok(Ok(brought))
    }
}

/// Gives up a folio that was noted and has been replaced in the page cache since.
///
/// Slots of its other pages that nothing has replaced name it still; the test
/// under its lock finds that it is no longer there.
fn put_replaced(slot: &Slot) {
    if slot.is_head() {
        // SAFETY: A head is referenced; the caller overwrites it.
        unsafe { bindings::folio_put(slot.folio) };
    }
}

/// # Safety
///
/// The caller holds a reference on `folio`.
pub(super) unsafe fn look_at(folio: *mut bindings::folio) -> bindings::shmem_collapse_folio_facts {
    let mut facts = MaybeUninit::uninit();
    // SAFETY: Referenced, by this function's contract; `facts` is filled in.
    unsafe {
        bindings::folio_look(folio, facts.as_mut_ptr());
        facts.assume_init()
    }
}

/// What rules the folio out. Poison first: it comes with a reference.
fn obstacle(facts: &bindings::shmem_collapse_folio_facts) -> Option<Obstacle> {
    if facts.poisoned {
        Some(Obstacle::Poisoned)
    } else if facts.pinned {
        Some(Obstacle::Pinned)
    } else if facts.locked {
        Some(Obstacle::Locked)
    } else {
        None
    }
}

/// `xa_is_value()`.
fn is_value(entry: *mut kernel::ffi::c_void) -> bool {
    entry as usize & 1 != 0
}

#[kunit_tests(shmem_collapse_sources)]
mod tests {
    use super::{
        super::Backing,
        Scratch,
        Sources, //
    };
    use crate::{
        bindings,
        pgtable::pmd_pages, //
    };
    use core::ptr::NonNull;
    use kernel::{
        prelude::*,
        sync::aref::ARef, //
    };

    fn file() -> Result<Backing> {
        // SAFETY: Process context.
        let file = NonNull::new(unsafe { bindings::scratch_file() }).ok_or(ENOMEM)?;
        // SAFETY: The call returned a reference, which the value takes over.
        Ok(Backing::File(unsafe { ARef::from_raw(file.cast()) }))
    }

    /// An entry that grew is found again, from its first page.
    #[test]
    fn h12_what_grows_during_the_walk_is_counted_once() -> Result {
        let file = file()?;
        let mut scratch = Scratch::new()?;
        let mut sources = Sources::holding_nothing(&mut scratch, file.mapping(), 0);
        for at in 0..4 {
            sources.note_swapped(at, 0);
        }
        sources.note_swapped(3, 4);
        sources.note_swapped(pmd_pages() - 1, 2);
        let found = sources.count();
        assert_eq!(found.swapped, 16 + 4);
        assert_eq!(found.absent, found.swapped);
        assert_eq!(found.present, 0);
        assert_eq!(found.holes, pmd_pages() - found.absent);
        Ok(())
    }

    /// Nor do entries that began before the extent, or end behind it, count more
    /// than they have in it.
    #[test]
    fn what_is_outside_the_extent_is_not_counted() -> Result {
        let file = file()?;
        let mut scratch = Scratch::new()?;
        let index = pmd_pages();
        let mut sources = Sources::holding_nothing(&mut scratch, file.mapping(), index);
        let all = pmd_pages().ilog2() as usize;
        sources.note_swapped(index, all + 1);
        assert_eq!(sources.count().swapped, pmd_pages());
        assert_eq!(sources.count().holes, 0);
        Ok(())
    }
}
