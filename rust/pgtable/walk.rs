// SPDX-License-Identifier: GPL-2.0

//! From a witness and an address to the pmd entry.

use super::{
    pmd_size,
    Invalidation,
    LockedPteMap,
    Pmd,
    PteMap,
    UncheckedPteMap,
    Witness, //
};
use crate::bindings;
use core::{
    ops::Range,
    ptr::NonNull, //
};
use kernel::types::NotThreadSafe;

/// The place of the pmd entry for one PMD-sized range of addresses.
///
/// Only the place is stable, as long as the witness is borrowed. What stands
/// there may change between any two looks.
///
/// # Invariants
///
/// `pmd` points to the entry that translates the PMD-sized, PMD-aligned range
/// at `base` in `witness.mm()`; `witness` keeps the page that holds it.
pub(crate) struct PmdSlot<'w, W: Witness> {
    witness: &'w W,
    pmd: NonNull<bindings::pmd_t>,
    base: usize,
    _nts: NotThreadSafe,
}

impl<'w, W: Witness> PmdSlot<'w, W> {
    /// Finds the entry for `addr` (`mm_find_pmd()`).
    ///
    /// [`None`] when `addr` lies outside the witnessed VMA or no table exists
    /// at that level. Does not sleep, takes no lock.
    pub(crate) fn find(witness: &'w W, addr: usize) -> Option<Self> {
        if !witness.addresses().contains(&addr) {
            return None;
        }
        // SAFETY: `addr` is inside the witnessed VMA, so the tables on the way
        // to its pmd stay while `witness` is borrowed.
        let pmd = unsafe { bindings::pmd_offset(witness.mm().as_ptr(), addr) };
        // INVARIANT: That is the entry of the aligned range around `addr`.
        Some(Self {
            witness,
            pmd: NonNull::new(pmd)?,
            base: addr & !(pmd_size() - 1),
            _nts: NotThreadSafe,
        })
    }

    /// Start of the PMD-sized range.
    pub(crate) fn base(&self) -> usize {
        self.base
    }

    /// The witness that the walk borrowed.
    pub(crate) fn witness(&self) -> &'w W {
        self.witness
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::pmd_t {
        self.pmd.as_ptr()
    }

    /// The entry as it is now, torn reads excluded (`pmdp_get_lockless()`).
    ///
    /// A hint: it may have changed before the caller looks at the answer.
    pub(crate) fn read_lockless(&self) -> Pmd {
        // SAFETY: By the type invariant the entry is there.
        unsafe { bindings::pmd_read_lockless(self.as_ptr()) }.into()
    }

    /// Maps the table for reading while its entries may change
    /// (`pte_offset_map()`).
    ///
    /// [`None`]: there is no table (now). No sleeping while the map is alive.
    pub(crate) fn map(&self) -> Option<PteMap<'_>> {
        PteMap::new(self)
    }

    /// Maps the table and remembers the pmd entry and the lock, which is not
    /// taken (`pte_offset_map_rw_nolock()`).
    pub(crate) fn map_rw_nolock(&self) -> Option<UncheckedPteMap<'_, W>> {
        UncheckedPteMap::new(self)
    }

    /// Maps and locks the table (`pte_offset_map_lock()`).
    pub(crate) fn map_lock(&self) -> Option<LockedPteMap<'_, W>> {
        LockedPteMap::new(self)
    }

    /// Tells the MMU notifiers that `range` is about to change.
    ///
    /// May sleep. `range` is cut to the slot.
    pub(crate) fn invalidate(&self, range: Range<usize>) -> Invalidation<'_, W> {
        Invalidation::new(self, range)
    }
}
