// SPDX-License-Identifier: GPL-2.0

//! From a witness and an address to the pmd entry.

use super::{
    entry::Pmd,
    pmd_size::pmd_size,
    witness::Witness, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::types::NotThreadSafe;

/// The place of the pmd entry for one PMD-sized range of addresses (`pmd_t *`).
///
/// The place is stable as long as the witness is borrowed. The entry itself may change at any time.
///
/// A mapped table borrows the slot mutably. So while a table of this slot is mapped, no other is
/// through the same slot, and no MMU notifier section is begun, which may sleep. Nothing prevents a
/// second slot, of the same or another range: see "What the types do not express" in
/// `Documentation/mm/pgtable.rst`.
///
/// C source: `mm_find_pmd()` in [`mm/rmap.c`](srctree/mm/rmap.c).
///
/// # Invariants
///
/// `pmd` points to the entry that translates the PMD-sized, PMD-aligned range at `base` in
/// `witness.mm()`; `witness` keeps the page that holds it. The witnessed VMA covers a part of the
/// range at least, and is not one of hugetlb.
///
/// # Examples
///
/// ```ignore
/// fn present<W: Witness>(witness: &W, addr: usize) -> Option<bool> {
///     let mut slot = PmdSlot::find(witness, addr)?;
///     // `None`: the table may be gone by now, or replaced by a huge page.
///     slot.with_map(|table| table.read(PteIndex::of(addr)).is_present())
/// }
/// ```
#[doc(alias = "pmd_t")]
pub(crate) struct PmdSlot<'w, W: Witness> {
    witness: &'w W,
    pmd: NonNull<bindings::pmd_t>,
    base: usize,
    _nts: NotThreadSafe,
}

impl<'w, W: Witness> PmdSlot<'w, W> {
    /// Finds the entry for `addr`. Does not sleep, takes no lock.
    ///
    /// Returns [`None`] when `addr` lies outside the witnessed VMA, when there is no table at that
    /// level, and for a VMA of hugetlb, whose tables have rules of their own.
    #[doc(alias = "pmd_offset")]
    pub(crate) fn find(witness: &'w W, addr: usize) -> Option<Self> {
        if !witness.addresses().contains(&addr) {
            return None;
        }
        // SAFETY: `addr` is inside the witnessed VMA, so the tables on the way to its pmd entry
        // stay while `witness` is borrowed.
        let pmd = unsafe { bindings::pmd_offset(witness.vma().as_ptr(), addr) };
        // INVARIANT: That is the entry of the aligned range around `addr`, which is in the VMA; the
        // call returns none for hugetlb.
        Some(Self {
            witness,
            pmd: NonNull::new(pmd)?,
            base: addr & !(pmd_size() - 1),
            _nts: NotThreadSafe,
        })
    }

    /// Returns the same slot, for a guard that keeps this one borrowed.
    pub(super) fn place(&self) -> PmdSlot<'_, W> {
        // INVARIANT: The same place under the same witness.
        PmdSlot {
            witness: self.witness,
            pmd: self.pmd,
            base: self.base,
            _nts: NotThreadSafe,
        }
    }

    /// Returns the start of the PMD-sized range.
    pub(crate) fn base(&self) -> usize {
        self.base
    }

    /// Returns the witness that the walk borrowed.
    pub(crate) fn witness(&self) -> &'w W {
        self.witness
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::pmd_t {
        self.pmd.as_ptr()
    }

    /// Reads the entry as it is now, in one piece (`pmdp_get_lockless()`).
    ///
    /// The value is a hint: the entry may have changed by the time the caller looks at it.
    #[doc(alias = "pmdp_get_lockless")]
    pub(crate) fn read_lockless(&self) -> Pmd {
        // SAFETY: By the type invariant the entry is there.
        unsafe { bindings::pmd_read_lockless(self.as_ptr()) }.into()
    }
}

#[cfg(view_accessors)]
impl<W: Witness> PmdSlot<'_, W> {
    /// Repeats `step` while it finds no table although the pmd entry points to one again, at most
    /// `attempts` times in all.
    ///
    /// Returns [`None`] after that, and at once when the entry is anything but a table: waiting
    /// does not bring a table back, so what the entry is instead is left to the page fault
    /// handler.
    pub(crate) fn retry<R>(
        &mut self,
        attempts: u8,
        mut step: impl FnMut(&mut Self) -> Option<R>,
    ) -> Option<R> {
        for _ in 0..attempts {
            let result = step(self);
            if result.is_some() || self.read_lockless() != Pmd::Table {
                return result;
            }
        }
        None
    }
}
