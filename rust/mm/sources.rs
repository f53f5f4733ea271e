// SPDX-License-Identifier: GPL-2.0

//! The small folios of one extent: found, held, unmapped, replaced.

use super::{
    fault::Point,
    source_state::Hold,
    Mapping, //
};
use crate::{
    bindings,
    pgtable::pmd_pages, //
};
use core::marker::PhantomData;
use kernel::prelude::*;

/// The page frame number that no page has: marks a hole.
const NO_PFN: usize = usize::MAX;

/// First page of its folio.
pub(super) const HEAD: u8 = 1;
/// A dirty mapping was removed that the folio's own flag does not show yet.
pub(super) const DIRTY: u8 = 2;
/// Swapped out, or fallocated and never written: must be brought in.
pub(super) const ABSENT: u8 = 4;
/// Swapped out.
pub(super) const SWAPPED: u8 = 8;

/// What is known of one page of the extent.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub(super) folio: *mut bindings::folio,
    pub(super) pfn: usize,
    /// Mappings removed from page tables, not yet from the folio's counts.
    pub(super) unmapped: u32,
    pub(super) flags: u8,
    pub(super) order: u8,
}

impl Slot {
    pub(super) const HOLE: Slot = Slot {
        folio: core::ptr::null_mut(),
        pfn: NO_PFN,
        unmapped: 0,
        flags: 0,
        order: 0,
    };

    pub(super) fn is_head(&self) -> bool {
        self.flags & HEAD != 0
    }
}

/// Memory that one extent's sources are noted in, used again for the next.
///
/// 24 bytes a page: 12 KiB where an extent has 512 pages.
pub(crate) struct Scratch {
    pub(super) slots: KVVec<Slot>,
}

// SAFETY: Between two extents the slots point to nothing that is held.
unsafe impl Send for Scratch {}

impl Scratch {
    /// Context: sleeps.
    pub(crate) fn new() -> Result<Self> {
        Point::Scratch.check(ENOMEM)?;
        let slots = KVVec::from_elem(Slot::HOLE, pmd_pages(), GFP_KERNEL)?;
        Ok(Self { slots })
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
/// Every slot with [`HEAD`] names a folio of `mapping` that this value holds as
/// `S` says, and the slots of its pages name the same folio, in the order of
/// pages. With [`Locked`](super::Locked) and [`Frozen`](super::Frozen), those
/// folios are what the page cache has at these indices.
pub(crate) struct Sources<'x, 'b, S: Hold> {
    pub(super) scratch: &'x mut Scratch,
    pub(super) mapping: Mapping<'b>,
    pub(super) index: usize,
    pub(super) _state: PhantomData<S>,
}

impl<'x, 'b, S: Hold> Sources<'x, 'b, S> {
    /// Sources with no folio in them yet.
    pub(super) fn holding_nothing(
        scratch: &'x mut Scratch,
        mapping: Mapping<'b>,
        index: usize,
    ) -> Self {
        scratch.slots.fill(Slot::HOLE);
        // INVARIANT: No slot is a head.
        Self {
            scratch,
            mapping,
            index,
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

    /// The first slot of every folio.
    pub(super) fn heads(&self) -> impl Iterator<Item = &Slot> + '_ {
        self.scratch.slots.iter().filter(|slot| slot.is_head())
    }

    /// How far into the extent the page of `slot` is.
    pub(super) fn offset_of(&self, slot: &Slot) -> usize {
        // SAFETY: `slot` is an element of `slots`.
        unsafe { core::ptr::from_ref(slot).offset_from(self.scratch.slots.as_ptr()) as usize }
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
            _state: PhantomData,
        }
    }
}

impl<S: Hold> Drop for Sources<'_, '_, S> {
    fn drop(&mut self) {
        for slot in self.heads() {
            // SAFETY: By the type invariant each is held as `S` says.
            unsafe { S::release(slot.folio, 1 << slot.order) };
        }
    }
}
