// SPDX-License-Identifier: GPL-2.0

//! The small folios of one extent: found, held, unmapped, replaced.

mod find;
pub(crate) mod home;
mod lock;
mod retire;
pub(crate) mod state;
mod surplus;
mod unmap;

use super::{
    backing::Mapping,
    sources::state::Hold, //
};
use crate::{
    bindings,
    pgtable::{
        cleared::ClearedRun,
        pmd_size::pmd_pages, //
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
pub(super) const HOLE: usize = bindings::FRAME_NONE as isize as usize;
/// Swapped out.
pub(super) const SWAPPED: usize = HOLE - 1;
/// Fallocated and never written: must be brought in.
pub(super) const RESERVED: usize = HOLE - 2;

/// Whether `frame` is one, and the page up to date.
pub(super) fn is_page(frame: usize) -> bool {
    frame < RESERVED
}

/// Whether a page is there but cannot be used yet.
pub(super) fn is_absent(frame: usize) -> bool {
    frame == SWAPPED || frame == RESERVED
}

/// Memory that one extent's sources are noted in, used again for the next.
///
/// 21 bytes a page and a few more: less than 11 KiB where an extent has 512
/// pages. One array for each kind of fact, since most steps need one or two.
/// Until an extent is looked at what they say means nothing.
pub(crate) struct Scratch {
    /// The page frame of each page, or one of the constants above.
    pub(super) frames: KVVec<usize>,
    /// The folio, in the place of its first page; null in all others.
    pub(super) folios: KVVec<*mut bindings::folio>,
    /// Its order, in the same place.
    pub(super) orders: KVVec<u8>,
    /// Mappings removed from page tables, not yet from the folio's counts,
    /// besides those of `whole`.
    pub(super) unmapped: KVVec<u32>,
    /// The same for each run of [`ClearedRun::LEN`] pages: tables that mapped
    /// every one of them.
    pub(super) whole: KVVec<u32>,
}

// SAFETY: Between two extents no folio is named that is held.
unsafe impl Send for Scratch {}

impl Scratch {
    /// Context: sleeps.
    pub(crate) fn new() -> Result<Self> {
        Point::Scratch.check(ENOMEM)?;
        let (pages, runs) = (pmd_pages(), pmd_pages().div_ceil(ClearedRun::LEN));
        Ok(Self {
            frames: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            folios: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            orders: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            unmapped: KVVec::zeroed(pages, GFP_KERNEL_ACCOUNT)?,
            whole: KVVec::zeroed(runs, GFP_KERNEL_ACCOUNT)?,
        })
    }

    fn clear(&mut self) {
        self.frames.fill(HOLE);
        self.folios.fill(core::ptr::null_mut());
        self.orders.fill(0);
        self.unmapped.fill(0);
        self.whole.fill(0);
    }
}

/// What a look at the page cache found, in pages.
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

/// Why an extent's sources cannot be had.
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

/// References that nobody of us accounts for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surplus {
    /// None.
    None,
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
/// Every folio of `scratch.folios` is one of `mapping` that this value holds as
/// `S` says; it has the order noted in the same place, and `frames` its pages
/// from there on. With [`Referenced`](state::Referenced) frames are those of
/// such folios, or marked as no page. With [`Locked`](state::Locked) and
/// [`Frozen`](state::Frozen) the folios are what the page cache has at these
/// indices, all their pages can be used, and all other frames are holes.
///
/// With `complete` every frame is that of a page.
///
/// With `one_home` node and `memcg_data` of all folios are the same. Migration,
/// splitting and freeing, which change those, need the references, of which some
/// are ours. `memory_failure()` does not: `lock()` refuses its page, and later it
/// waits for the lock.
pub(crate) struct Sources<'x, 'b, S: Hold> {
    pub(super) scratch: &'x mut Scratch,
    pub(super) mapping: Mapping<'b>,
    pub(super) index: usize,
    /// Whether every page was there when the page cache was looked at.
    pub(super) complete: bool,
    /// Whether a folio has more than one page.
    pub(super) large: bool,
    /// Whether one had a reference too many when it was found.
    pub(super) surplus: bool,
    /// Whether statistics of all folios count at the same place.
    pub(super) one_home: bool,
    pub(super) _state: PhantomData<S>,
}

impl<'x, 'b, S: Hold> Sources<'x, 'b, S> {
    /// Sources with no folio in them yet.
    pub(super) fn holding_nothing(
        scratch: &'x mut Scratch,
        mapping: Mapping<'b>,
        index: usize,
    ) -> Self {
        scratch.clear();
        // INVARIANT: No folio, no page; nothing is claimed of all.
        Self {
            scratch,
            mapping,
            index,
            complete: false,
            large: false,
            surplus: false,
            one_home: false,
            _state: PhantomData,
        }
    }

    /// Index of the extent's first page.
    pub(crate) fn index(&self) -> usize {
        self.index
    }

    /// The page cache.
    pub(crate) fn mapping(&self) -> Mapping<'b> {
        self.mapping
    }

    /// The folios of `places`, for calls into C.
    pub(super) fn folios(&self, places: Range<usize>) -> (*mut *mut bindings::folio, u32) {
        let folios = &self.scratch.folios[places];
        (folios.as_ptr().cast_mut(), folios.len() as u32)
    }

    /// All of them.
    pub(super) fn all_folios(&self) -> (*mut *mut bindings::folio, u32) {
        self.folios(0..self.scratch.folios.len())
    }

    /// The places of folios for which statistics count at the same place, taken
    /// together as long as they follow each other, with the first of them.
    pub(super) fn homes(&self) -> impl Iterator<Item = (*mut bindings::folio, Range<usize>)> + '_ {
        let end = self.scratch.folios.len();
        let mut at = 0;
        core::iter::from_fn(move || {
            at += self.scratch.folios[at..]
                .iter()
                .position(|f| !f.is_null())?;
            let (first, start) = (self.scratch.folios[at], at);
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

    /// Pages that stand in `places`.
    pub(super) fn pages(&self, places: Range<usize>) -> usize {
        if self.complete {
            return places.len();
        }
        let frames = &self.scratch.frames[places];
        frames.iter().filter(|frame| is_page(**frame)).count()
    }

    /// The folio that has page `at`, and its first page's place.
    pub(super) fn folio_of(&self, at: usize) -> (*mut bindings::folio, usize) {
        match self.folio_around(at) {
            Some(found) => found,
            None => unreachable!(),
        }
    }

    /// The folio that has, or had, page `at`, and its first page's place; [`None`]
    /// if the page cache was changing when it was looked at.
    pub(super) fn folio_around(&self, at: usize) -> Option<(*mut bindings::folio, usize)> {
        // A folio begins at a multiple of its size.
        (0..=pmd_pages().trailing_zeros())
            .map(|order| at >> order << order)
            .map(|first| (self.scratch.folios[first], first))
            .find(|(folio, _)| !folio.is_null())
    }

    /// The same folios in another state, which the caller has brought about.
    pub(super) fn into_state<T: Hold>(self) -> Sources<'x, 'b, T> {
        let mut this = core::mem::ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, so the exclusive borrow moves over.
        let scratch: &'x mut Scratch = unsafe { &mut *core::ptr::from_mut(this.scratch) };
        Sources {
            scratch,
            mapping: this.mapping,
            index: this.index,
            complete: this.complete,
            large: this.large,
            surplus: this.surplus,
            one_home: this.one_home,
            _state: PhantomData,
        }
    }
}

impl<S: Hold> Drop for Sources<'_, '_, S> {
    fn drop(&mut self) {
        let folios = self.scratch.folios.iter().zip(&self.scratch.orders);
        for (folio, order) in folios.filter(|(folio, _)| !folio.is_null()) {
            // SAFETY: By the type invariant each is held as `S` says.
            unsafe { S::release(*folio, 1 << order) };
        }
    }
}
