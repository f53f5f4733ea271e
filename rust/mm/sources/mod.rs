// SPDX-License-Identifier: GPL-2.0

//! The small folios of one extent: found, held, unmapped, replaced.

mod find;
pub(crate) mod home;
mod keep;
mod lock;
mod retire;
pub(crate) mod state;
mod surplus;
mod tables;
mod unmap;

use self::{
    state::{
        Hold,
        Locked, //
    },
    tables::Tables,
};
use super::extent::Extent;
use crate::{
    bindings,
    pgtable::{
        pmd_size::pmd_pages,
        pte_table::RUN_LEN, //
    },
    support::failpoint::Point, //
};
use core::{
    marker::PhantomData,
    ops::Range, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    prelude::*, //
};

// In place of a page frame, where there is no page to use. No page has these.

/// Nothing is there.
const HOLE: usize = bindings::FRAME_NONE as isize as usize;
/// Swapped out.
const SWAPPED: usize = HOLE - 1;
/// Fallocated and never written: must be brought in.
const RESERVED: usize = HOLE - 2;

/// Returns whether `frame` is one, and the page up to date.
fn is_page(frame: usize) -> bool {
    frame < RESERVED
}

/// Returns whether a page is there but cannot be used yet.
fn is_absent(frame: usize) -> bool {
    frame == SWAPPED || frame == RESERVED
}

/// Memory that one extent's sources are noted in, used again for the next.
///
/// It takes 21 bytes a page and a few more: less than 11 KiB where an extent has 512 pages, and 96
/// bytes for each of the page tables that can be kept. There is one array for each kind of fact,
/// since most steps need one or two. What is in them belongs to the extent that was looked at last.
///
/// # Invariants
///
/// `whole` has an element for each run of [`RUN_LEN`] pages of an extent, the others have one for
/// each page.
pub(crate) struct Scratch {
    /// The page frame of each page, or one of the constants above.
    frames: KVVec<usize>,
    /// The folio, in the place of its first page; null in all others.
    folios: KVVec<*mut bindings::folio>,
    /// Its order, in the same place.
    orders: KVVec<u8>,
    /// Mappings removed from page tables, not yet from the folio's counts, besides those of
    /// `whole`.
    unmapped: KVVec<u32>,
    /// The same for each run of pages: tables that mapped every one of them.
    whole: KVVec<u32>,
    /// The tables that were taken out. None is left when the sources are gone.
    tables: Tables,
}

// SAFETY: The pointers in it are used only by a `Sources` that borrows it. References and locks of
// folios belong to no task.
unsafe impl Send for Scratch {}

impl Scratch {
    /// Allocates the memory. Context: sleeps.
    pub(crate) fn new() -> Result<Self> {
        Point::Scratch.check(ENOMEM)?;
        let (pages, runs) = (pmd_pages(), pmd_pages().div_ceil(RUN_LEN));
        // INVARIANT: By these two numbers.
        Ok(Self {
            frames: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            folios: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            orders: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            unmapped: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            whole: KVVec::zeroed(runs, GFP_KERNEL_ACCOUNT)?,
            tables: Tables::default(),
        })
    }

    /// Returns room for the page frame of each page, which is free while no sources borrow `self`.
    pub(super) fn frames_mut(&mut self) -> &mut [usize] {
        &mut self.frames
    }

    fn clear(&mut self) {
        self.frames.fill(HOLE);
        self.folios.fill(core::ptr::null_mut());
        self.orders.fill(0);
        self.unmapped.fill(0);
        self.whole.fill(0);
    }
}

/// The pages of an extent that a scan of the page cache found, in numbers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Found {
    /// In memory and up to date.
    pub(crate) present: usize,
    /// In swap, or fallocated and never written.
    pub(crate) absent: usize,
    /// Of those, in swap.
    pub(crate) swapped: usize,
    /// Not there at all.
    pub(crate) holes: usize,
}

/// The reason why the sources of an extent cannot be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// They are one PMD-sized folio already.
    Huge,
    /// Hardware poison, or a swapin error.
    Poisoned,
    /// A long-term pin (DMA).
    Pinned,
    /// Somebody else holds a folio's lock.
    Locked,
    /// The page cache changed meanwhile.
    Raced,
}

/// A kind of references that nothing accounts for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surplus {
    /// A pin.
    Pinned,
    /// A passing one: an LRU batch, reclaim, a reader.
    Passing,
}

/// The small folios of one extent, each held as `S` says.
///
/// Dropping it gives everything back, in the state it is in.
///
/// # Invariants
///
/// Every folio of `scratch.folios` is one of the extent's mapping that this value holds as `S`
/// says; it has the order noted in the same place, and `frames` its pages from there on. With
/// [`Referenced`](state::Referenced) frames are those of such folios, or marked as no page. With
/// [`Locked`] and [`Frozen`](state::Frozen) the folios are what the page cache has at these
/// indices, all their pages can be used, and all other frames are holes.
///
/// With `complete` every frame is that of a page.
///
/// With `one_home` node and `memcg_data` of all folios are the same. Migration, splitting and
/// freeing, which change those, need the references, of which some are ours. `memory_failure()`
/// does not: `lock()` refuses its page, and later it waits for the lock.
pub(crate) struct Sources<'x, 'b, S: Hold> {
    scratch: &'x mut Scratch,
    extent: Extent<'b>,
    /// Whether every page was there when the page cache was looked at.
    complete: bool,
    /// Whether a folio has more than one page.
    large: bool,
    /// Whether one had a reference too many when it was found.
    surplus: bool,
    /// Whether statistics of all folios count at the same place.
    one_home: bool,
    _state: PhantomData<S>,
}

impl<'x, 'b, S: Hold> Sources<'x, 'b, S> {
    /// Returns sources with no folio in them yet.
    fn holding_nothing(scratch: &'x mut Scratch, extent: Extent<'b>) -> Self {
        scratch.clear();
        // INVARIANT: No folio, no page; nothing is claimed of all.
        Self {
            scratch,
            extent,
            complete: false,
            large: false,
            surplus: false,
            one_home: false,
            _state: PhantomData,
        }
    }

    /// Returns the extent.
    pub(crate) fn extent(&self) -> Extent<'b> {
        self.extent
    }

    /// Returns the folios of `places`, for calls into C.
    fn folios(&self, places: Range<usize>) -> (*mut *mut bindings::folio, u32) {
        let folios = self.scratch.folios.get(places).unwrap_or_default();
        (folios.as_ptr().cast_mut(), folios.len() as u32)
    }

    /// Returns all of them.
    fn all_folios(&self) -> (*mut *mut bindings::folio, u32) {
        self.folios(0..self.scratch.folios.len())
    }

    /// Iterates over the places of folios for which statistics count at the same place, taken
    /// together as long as they follow each other, with the first of them.
    fn homes(&self) -> impl Iterator<Item = (*mut bindings::folio, Range<usize>)> + '_ {
        let end = self.scratch.folios.len();
        let mut at = 0;
        core::iter::from_fn(move || {
            let mut rest = self.scratch.folios.get(at..)?.iter();
            at += rest.position(|folio| !folio.is_null())?;
            let (first, start) = (*self.scratch.folios.get(at)?, at);
            if self.one_home {
                at = end;
            } else {
                let (folios, nr) = self.folios(at..end);
                // SAFETY: By the type invariant all are valid.
                at += unsafe { bindings::folios_same_home(folios, nr) } as usize;
            }
            Some((first, start..at))
        })
    }

    /// Returns the number of pages in `places`.
    fn pages(&self, places: Range<usize>) -> usize {
        if self.complete {
            return places.len();
        }
        let frames = self.scratch.frames.get(places).unwrap_or_default();
        frames.iter().filter(|frame| is_page(**frame)).count()
    }

    /// Returns the folio that has, or had, page `at`, and its first page's place; [`None`] if the
    /// page cache was changing when it was looked at.
    fn folio_around(&self, at: usize) -> Option<(*mut bindings::folio, usize)> {
        // A folio begins at a multiple of its size.
        (0..=pmd_pages().trailing_zeros())
            .map(|order| at >> order << order)
            .filter_map(|first| Some((*self.scratch.folios.get(first)?, first)))
            .find(|(folio, _)| !folio.is_null())
    }

    /// Returns the same folios in another state.
    ///
    /// # Safety
    ///
    /// The caller has brought that state about, and its invariants.
    unsafe fn into_state<T: Hold>(self) -> Sources<'x, 'b, T> {
        let mut this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, so the exclusive borrow moves over.
        let scratch: &'x mut Scratch = unsafe { &mut *core::ptr::from_mut(this.scratch) };
        // INVARIANT: By this function's contract.
        Sources {
            scratch,
            extent: this.extent,
            complete: this.complete,
            large: this.large,
            surplus: this.surplus,
            one_home: this.one_home,
            _state: PhantomData,
        }
    }
}

impl Sources<'_, '_, Locked> {
    /// Returns the page frame of each page of the extent; one that no page has where there is a
    /// hole.
    pub(super) fn frames(&self) -> &[usize] {
        &self.scratch.frames
    }

    /// Returns the number of holes.
    pub(super) fn holes(&self) -> usize {
        let all = self.scratch.frames.len();
        all - self.pages(0..all)
    }
}

impl<S: Hold> Drop for Sources<'_, '_, S> {
    fn drop(&mut self) {
        self.scratch.tables.free();
        let folios = self.scratch.folios.iter().zip(&self.scratch.orders);
        for (folio, order) in folios.filter(|(folio, _)| !folio.is_null()) {
            // SAFETY: By the type invariant each is held as `S` says.
            unsafe { S::release(*folio, 1 << order) };
        }
    }
}
