// SPDX-License-Identifier: GPL-2.0

//! Finding the small folios of an extent in the page cache.

use super::{
    is_absent,
    is_page,
    state::Referenced,
    Found,
    Obstacle,
    Scratch,
    Sources,
    RESERVED,
    SWAPPED, //
};
use crate::{
    bindings,
    mm::extent::Extent,
    support::failpoint::Point, //
};
use core::mem::MaybeUninit;
use kernel::{
    error::to_result,
    prelude::*, //
};

impl<'x, 'b> Sources<'x, 'b, Referenced> {
    /// Looks at the page cache and takes a reference on every folio.
    ///
    /// Stops at the first page that rules a collapse out. Takes no lock.
    pub(crate) fn find(
        scratch: &'x mut Scratch,
        extent: Extent<'b>,
    ) -> Result<(Self, Found), Obstacle> {
        let mut sources = Self::holding_nothing(scratch, extent);
        let found = sources.search()?;
        Ok((sources, found))
    }

    fn search(&mut self) -> Result<Found, Obstacle> {
        let mut xas = MaybeUninit::<bindings::xa_state>::uninit();
        let xas = xas.as_mut_ptr();
        let mut found = MaybeUninit::<bindings::shmem_collapse_found>::uninit();
        let _rcu = kernel::sync::rcu::read_lock();

        let (mapping, index) = (self.extent.mapping().as_ptr(), self.extent.first());

        // SAFETY: `xas` is valid for writing, the mapping lives.
        unsafe { bindings::xas_init(xas, mapping, index, 0) };
        loop {
            let scratch = &mut *self.scratch;
            let nr = scratch.frames.len() as u32;
            let (folios, frames) = (scratch.folios.as_mut_ptr(), scratch.frames.as_mut_ptr());
            // INVARIANT: What the call notes is referenced and of one page, in a place where
            // nothing was: there the order is still zero.
            // SAFETY: `xas` is initialised, this is an RCU section, both arrays have that many
            // elements, and `found` is valid for writing.
            let more = unsafe {
                bindings::xas_find_folios(xas, folios, frames, index, nr, found.as_mut_ptr())
            };
            if !more {
                // INVARIANT: Looked at here; `make_room()` takes no page away.
                self.complete = self.scratch.frames.iter().all(|f| is_page(*f));
                return Ok(self.count());
            }
            // SAFETY: The call filled it in; the folio's reference moves in.
            unsafe { self.note(found.assume_init_ref()) }?;
        }
    }

    fn count(&self) -> Found {
        let mut found = Found::default();
        if self.complete {
            found.present = self.scratch.frames.len();
            return found;
        }
        for frame in &self.scratch.frames {
            match *frame {
                frame if is_page(frame) => found.present += 1,
                RESERVED => found.absent += 1,
                SWAPPED => found.swapped += 1,
                _ => found.holes += 1,
            }
        }
        found.absent += found.swapped;
        found
    }

    /// Notes what was found.
    ///
    /// # Safety
    ///
    /// `found` is an entry of the mapping; if it is a folio, the caller hands a reference over.
    unsafe fn note(&mut self, found: &bindings::shmem_collapse_found) -> Result<(), Obstacle> {
        if !found.folio.is_null() {
            // SAFETY: By this function's contract.
            return unsafe { self.note_folio(found) }.map(|_| ());
        }
        if found.flags & bindings::FOUND_POISONED != 0 {
            return Err(Obstacle::Poisoned);
        }
        // It may begin before the extent and end behind it.
        let (index, pages) = (self.extent.first(), 1usize << found.order);
        let first = found.index & !(pages - 1);
        let start = first.saturating_sub(index);
        let inside = pages.saturating_sub(index.saturating_sub(first));
        let end = start.saturating_add(inside).min(self.scratch.frames.len());
        self.make_room(start, end)?;
        if let Some(frames) = self.scratch.frames.get_mut(start..end) {
            frames.fill(SWAPPED);
        }
        Ok(())
    }

    /// Notes a folio, and returns how many pages it has and whether they can be used as they are.
    ///
    /// # Safety
    ///
    /// The caller hands over a reference on the folio, found in the mapping.
    unsafe fn note_folio(
        &mut self,
        found: &bindings::shmem_collapse_found,
    ) -> Result<(usize, bool), Obstacle> {
        let pages = 1usize << found.order;
        // SAFETY: By this function's contract.
        unsafe { self.take_folio(found, pages) }
            .map(|ready| (pages, ready))
            .inspect_err(|_| {
                // SAFETY: The reference of the caller, which was not kept.
                unsafe { bindings::folio_put(found.folio) };
            })
    }

    /// Notes a folio of `pages` pages; returns whether they can be used as they are.
    ///
    /// # Safety
    ///
    /// The caller has a reference on the folio, found in the mapping, and hands it over unless
    /// there is an obstacle.
    unsafe fn take_folio(
        &mut self,
        found: &bindings::shmem_collapse_found,
        pages: usize,
    ) -> Result<bool, Obstacle> {
        // What is not inside of the extent has no frames here.
        let at = found.index.wrapping_sub(self.extent.first());
        let end = at.saturating_add(pages);
        let all = self.scratch.frames.len();
        if end > all {
            return Err(Obstacle::Raced);
        }
        if pages == all {
            return Err(Obstacle::Huge);
        }
        obstacle(found.flags)?;
        self.make_room(at, end)?;
        let scratch = &mut *self.scratch;
        let places = (
            scratch.folios.get_mut(at),
            scratch.orders.get_mut(at),
            scratch.frames.get_mut(at..end),
        );
        let (Some(folio), Some(order), Some(frames)) = places else {
            return Err(Obstacle::Raced);
        };
        let ready = found.flags & bindings::FOUND_UPTODATE != 0;
        // INVARIANT: The reference moves in; order and pages are the folio's.
        *folio = found.folio;
        *order = found.order as u8;
        for (frame, pfn) in frames.iter_mut().zip(found.pfn..) {
            *frame = if ready { pfn } else { RESERVED };
        }
        self.one_home = false;
        self.large |= pages > 1;
        self.surplus |= found.flags & bindings::FOUND_SURPLUS != 0;
        Ok(ready)
    }

    /// Gives up what was noted in these places and is not usable; usable pages there mean that the
    /// page cache changed under the walk.
    fn make_room(&mut self, start: usize, end: usize) -> Result<(), Obstacle> {
        let scratch = &mut *self.scratch;
        let frames = scratch.frames.get(start..end).unwrap_or_default();
        if frames.iter().any(|frame| is_page(*frame)) {
            return Err(Obstacle::Raced);
        }
        for folio in scratch.folios.get_mut(start..end).unwrap_or_default() {
            if !folio.is_null() {
                // SAFETY: By the type invariant it is referenced.
                unsafe { bindings::folio_put(*folio) };
                *folio = core::ptr::null_mut();
            }
        }
        Ok(())
    }

    /// Brings in what is in swap and fills in what was only reserved, `most` folios of it.
    ///
    /// Gives up when `over` says so. Returns the number of pages that came from swap. Errors are
    /// those of `shmem_get_folio()`: `EIO`, `ENOMEM`, and so on, or `EINVAL` or `ENOENT` where the
    /// page is gone, and `EBUSY` where somebody changes the file or has the page locked. Context:
    /// sleeps; no folio is locked.
    pub(crate) fn bring_in(
        &mut self,
        mut most: usize,
        over: &dyn Fn() -> bool,
    ) -> Result<Result<usize, Obstacle>> {
        let mut brought = 0;
        for at in 0..self.scratch.frames.len() {
            // What is brought in may have the pages behind it, too.
            let frame = self.scratch.frames.get(at).copied();
            let Some(frame) = frame.filter(|frame| is_absent(*frame)) else {
                continue;
            };
            if most == 0 {
                break;
            }
            most -= 1;
            if over() {
                return Ok(Err(Obstacle::Raced));
            }
            Point::SwapIn.check(ENOMEM)?;
            let folio = self.get_absent(at, frame)?;
            let mut found = MaybeUninit::uninit();
            // SAFETY: Referenced by the call above; `found` is filled in, and the reference moves
            // in.
            let noted = unsafe {
                bindings::folio_look(folio, found.as_mut_ptr());
                self.note_folio(found.assume_init_ref())
            };
            match noted {
                Ok((pages, true)) if frame == SWAPPED => brought += pages,
                Ok((_, true)) => {}
                Ok((_, false)) => return Ok(Err(Obstacle::Raced)),
                Err(obstacle) => return Ok(Err(obstacle)),
            }
        }
        Ok(Ok(brought))
    }

    /// Returns the folio of an absent page, with a reference that is the caller's.
    fn get_absent(&self, at: usize, frame: usize) -> Result<*mut bindings::folio> {
        let mapping = self.extent.mapping();
        if frame == RESERVED {
            let (folio, _) = self.folio_around(at).ok_or(ENOENT)?;
            let (mapping, mut one) = (mapping.as_ptr(), folio);
            // SAFETY: Referenced by `self`; the second call unlocks what the first locked.
            unsafe {
                if bindings::folios_trylock(&mut one, 1) == 0 {
                    return Err(EBUSY);
                }
                to_result(bindings::folio_instantiate(folio, mapping))?;
            }
            return Ok(folio);
        }
        let mut folio = core::ptr::null_mut();
        let index = self.extent.first() + at;
        // SAFETY: The mapping keeps its inode; the output is valid for writing.
        to_result(unsafe { bindings::swap_in(mapping.inode(), index, &mut folio) })?;
        Ok(folio)
    }
}

/// Returns what rules the folio out. Poison first: it comes with a reference.
fn obstacle(flags: u32) -> Result<(), Obstacle> {
    if flags & bindings::FOUND_POISONED != 0 {
        Err(Obstacle::Poisoned)
    } else if flags & bindings::FOUND_PINNED != 0 {
        Err(Obstacle::Pinned)
    } else if flags & bindings::FOUND_LOCKED != 0 {
        Err(Obstacle::Locked)
    } else {
        Ok(())
    }
}

#[kunit_tests(shmem_collapse_sources)]
mod tests {
    use super::super::find::{
        Referenced,
        Scratch,
        Sources, //
    };
    use crate::{
        bindings,
        mm::{
            backing::Backing,
            extent::Extent, //
        },
        pgtable::pmd_size::pmd_pages, //
    };
    use kernel::prelude::*;

    fn swapped(sources: &mut Sources<'_, '_, Referenced>, index: usize, order: u32) {
        let found = bindings::shmem_collapse_found {
            folio: core::ptr::null_mut(),
            index,
            pfn: 0,
            order,
            flags: 0,
        };
        // SAFETY: No folio, so no reference.
        assert!(unsafe { sources.note(&found) }.is_ok());
    }

    /// An entry that grew is found again, from its first page.
    #[test]
    fn h12_what_grows_during_the_walk_is_counted_once() -> Result {
        let file = Backing::of_test()?;
        let mut scratch = Scratch::new()?;
        let extent = Extent::around(file.mapping(), 0);
        let mut sources = Sources::holding_nothing(&mut scratch, extent);
        for at in 0..4 {
            swapped(&mut sources, at, 0);
        }
        swapped(&mut sources, 3, 4);
        swapped(&mut sources, pmd_pages() - 1, 2);
        let found = sources.count();
        assert_eq!(found.swapped, 16 + 4);
        assert_eq!(found.absent, found.swapped);
        assert_eq!(found.present, 0);
        assert_eq!(found.holes, pmd_pages() - found.absent);
        Ok(())
    }

    /// Entries that begin before the extent, or end behind it, count for their part in it.
    #[test]
    fn what_is_outside_the_extent_is_not_counted() -> Result {
        let file = Backing::of_test()?;
        let mut scratch = Scratch::new()?;
        let extent = Extent::around(file.mapping(), pmd_pages());
        let mut sources = Sources::holding_nothing(&mut scratch, extent);
        let all = pmd_pages().trailing_zeros();
        swapped(&mut sources, extent.first(), all + 1);
        assert_eq!(sources.count().swapped, pmd_pages());
        assert_eq!(sources.count().holes, 0);
        Ok(())
    }
}
