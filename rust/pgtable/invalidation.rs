// SPDX-License-Identifier: GPL-2.0

//! MMU notifiers around a change.

use super::{
    pmd_size::pmd_size,
    walk::PmdSlot,
    whole_pmd::WholePmd,
    witness::Witness, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ops::Range, //
};
use kernel::page::PAGE_SIZE;

/// Entries of a PTE table may change, the table stays; see [`Invalidation`].
pub(crate) enum Entries {}

/// The table may be taken out, or its entries may change; see [`Invalidation`].
pub(crate) enum Table {}

/// The section in which secondary MMUs (KVM guests, SVA devices) know that a range of one slot
/// changes.
///
/// It is begun before the first entry is cleared and ended after the TLB flush
/// (`Documentation/mm/mmu_notifier.rst`): every guard that can change something borrows it, so it
/// cannot end earlier. The range covers what can change through these guards: a section of
/// [`Entries`] changes no entry outside its range, which lies in one VMA, and a section of a
/// [`Table`] has the whole range of the pmd entry, which one VMA has for itself.
///
/// # Invariants
///
/// `mmu_notifier_invalidate_range_start()` was called for `range`, the matching end was not; for an
/// empty range neither is called. `range` lies in the slot and in the VMA of its witness. With
/// [`Table`] it is the whole range of the slot.
///
/// # Examples
///
/// ```ignore
/// fn clear_all<W: Witness>(slot: &mut PmdSlot<'_, W>, mut gone: impl FnMut(Cleared<'_>)) {
///     let start = slot.base();
///     // Cut to what the VMA has of it.
///     let mut section = slot.invalidate(start..start + pmd_size());
///     if let Some(mut table) = section.map_lock() {
///         for index in PteIndex::range(0..pmd_pages()) {
///             if let Some(cleared) = table.clear(index) {
///                 gone(cleared);
///             }
///         }
///     };
/// }
/// ```
#[doc(alias = "mmu_notifier_range")]
pub(crate) struct Invalidation<'s, W: Witness, C = Entries> {
    slot: PmdSlot<'s, W>,
    range: bindings::mmu_notifier_range,
    _changes: PhantomData<C>,
}

impl<W: Witness> PmdSlot<'_, W> {
    /// Tells the MMU notifiers that entries in `range` are about to change. Context: may sleep.
    ///
    /// `range` is rounded to pages, outwards, and clipped to the slot and to the VMA.
    #[doc(alias = "mmu_notifier_invalidate_range_start")]
    pub(crate) fn invalidate(&mut self, range: Range<usize>) -> Invalidation<'_, W> {
        let (vma, base) = (self.witness().addresses(), self.base());
        let (first, last) = (vma.start.max(base), vma.end.min(base + pmd_size()));
        let start = (range.start & !(PAGE_SIZE - 1)).max(first).min(last);
        let end = (range.end.min(last) + PAGE_SIZE - 1) & !(PAGE_SIZE - 1);
        // INVARIANT: The bounds of slot and VMA are multiples of the page size, so rounding does
        // not leave them.
        Invalidation::new(self.place(), start..end.max(start))
    }
}

impl<'s, W: Witness> WholePmd<'s, W> {
    /// Tells the MMU notifiers that the range of the whole table is about to change. Context: may
    /// sleep.
    #[doc(alias = "mmu_notifier_invalidate_range_start")]
    pub(crate) fn invalidate(self) -> Invalidation<'s, W, Table> {
        let slot = self.into_slot();
        let range = slot.base()..slot.base() + pmd_size();
        // INVARIANT: By its own invariant the slot lies in the VMA as a whole.
        Invalidation::new(slot, range)
    }
}

impl<'s, W: Witness, C> Invalidation<'s, W, C> {
    /// Begins the section. `range` lies in the slot and in the VMA, and is the whole slot if `C` is
    /// [`Table`].
    fn new(slot: PmdSlot<'s, W>, range: Range<usize>) -> Self {
        let mut raw = MaybeUninit::<bindings::mmu_notifier_range>::zeroed();
        let mm = slot.witness().mm().as_ptr();
        if range.is_empty() {
            // SAFETY: The structure is valid as zeroes.
            let raw = unsafe { raw.assume_init_mut() };
            (raw.start, raw.end) = (range.start, range.start);
        } else {
            // SAFETY: The witness keeps the mm; `raw` is written by the call.
            unsafe { bindings::notifier_start(raw.as_mut_ptr(), mm, range.start, range.end) };
        }
        // INVARIANT: Started just now, unless the range is empty.
        Self {
            slot,
            // SAFETY: Initialised by the call above; all zeroes are valid, too.
            range: unsafe { raw.assume_init() },
            _changes: PhantomData,
        }
    }

    pub(super) fn slot(&self) -> &PmdSlot<'s, W> {
        &self.slot
    }

    /// Returns the addresses at which entries may be changed.
    pub(crate) fn range(&self) -> Range<usize> {
        self.range.start..self.range.end
    }
}

impl<W: Witness, C> Drop for Invalidation<'_, W, C> {
    fn drop(&mut self) {
        if !self.range().is_empty() {
            // SAFETY: By the type invariant the section is open.
            unsafe { bindings::notifier_end(&mut self.range) };
        }
    }
}
