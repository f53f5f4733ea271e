// SPDX-License-Identifier: GPL-2.0

//! MMU notifiers around a change.

use super::{
    pmd_size::pmd_size,
    walk::PmdSlot,
    witness::Witness, //
};
use crate::bindings;
use core::{
    mem::MaybeUninit,
    ops::Range, //
};

/// The section in which secondary MMUs (KVM guests, SVA devices) know that a
/// range of one slot changes.
///
/// Begun before the first entry is cleared and ended after the TLB flush
/// (`Documentation/mm/mmu_notifier.rst`): every guard that can change something
/// borrows it, so it cannot end earlier.
///
/// # Invariants
///
/// `mmu_notifier_invalidate_range_start()` was called for `range`, the matching
/// end was not.
///
/// # Examples
///
/// ```ignore
/// fn clear_all<W: Witness>(slot: &mut PmdSlot<'_, W>, mut gone: impl FnMut(Cleared)) {
///     let start = slot.base();
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
pub(crate) struct Invalidation<'s, W: Witness> {
    slot: PmdSlot<'s, W>,
    range: bindings::mmu_notifier_range,
}

impl<W: Witness> PmdSlot<'_, W> {
    /// Tells the MMU notifiers that `range` is about to change. Context: may sleep.
    ///
    /// `range` is clipped to the slot.
    pub(crate) fn invalidate(&mut self, range: Range<usize>) -> Invalidation<'_, W> {
        Invalidation::new(self.place(), range)
    }
}

impl<'s, W: Witness> Invalidation<'s, W> {
    pub(super) fn new(slot: PmdSlot<'s, W>, range: Range<usize>) -> Self {
        let start = range.start.max(slot.base());
        let end = range.end.min(slot.base() + pmd_size()).max(start);
        let mut range = MaybeUninit::<bindings::mmu_notifier_range>::zeroed();
        // SAFETY: The witness keeps the mm; `range` is written by the call.
        unsafe {
            bindings::notifier_start(range.as_mut_ptr(), slot.witness().mm().as_ptr(), start, end)
        };
        // INVARIANT: Started just now.
        Self {
            slot,
            // SAFETY: Initialised by the call above; all-zero is valid too.
            range: unsafe { range.assume_init() },
        }
    }

    pub(super) fn slot(&self) -> &PmdSlot<'s, W> {
        &self.slot
    }

    /// Addresses that may be changed.
    pub(crate) fn range(&self) -> Range<usize> {
        self.range.start..self.range.end
    }
}

impl<W: Witness> Drop for Invalidation<'_, W> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the section is open.
        unsafe { bindings::notifier_end(&mut self.range) };
    }
}
