// SPDX-License-Identifier: GPL-2.0

//! From a witness and an address to the pmd entry.

use super::{
    pmd_size,
    Invalidation,
    LockedPte,
    LockedPteMap,
    MayInstall,
    Pmd,
    PteIndex,
    PteMap,
    ReadOnlyPteMap,
    UncheckedPteMap,
    Witness, //
};
use crate::bindings;
use core::{
    ops::Range,
    ptr::NonNull, //
};
use kernel::{
    alloc::AllocError,
    types::NotThreadSafe, //
};

/// The place of the pmd entry for one PMD-sized range of addresses.
///
/// Only the place is stable, as long as the witness is borrowed. What stands
/// there may change between any two looks.
///
/// A mapped table borrows the slot mutably: one table is mapped at a time, and
/// an MMU notifier section, which may sleep, is begun while none is.
///
/// C source: `mm_find_pmd()` in [`mm/rmap.c`](srctree/mm/rmap.c).
///
/// # Invariants
///
/// `pmd` points to the entry that translates the PMD-sized, PMD-aligned range
/// at `base` in `witness.mm()`; `witness` keeps the page that holds it.
///
/// # Examples
///
/// ```ignore
/// fn present<W: Witness>(witness: &W, addr: usize) -> Option<bool> {
///     let mut slot = PmdSlot::find(witness, addr)?;
///     // The table may be gone by now, or replaced by a huge page.
///     let table = slot.map()?;
///     Some(table.read(PteIndex::of(addr)).is_present())
/// }
/// ```
pub(crate) struct PmdSlot<'w, W: Witness> {
    witness: &'w W,
    pmd: NonNull<bindings::pmd_t>,
    base: usize,
    _nts: NotThreadSafe,
}

impl<'w, W: Witness> PmdSlot<'w, W> {
    /// Finds the entry for `addr`.
    ///
    /// [`None`] when `addr` lies outside the witnessed VMA, no table exists at
    /// that level or the VMA is one of hugetlb, whose tables have rules of
    /// their own. Does not sleep, takes no lock.
    pub(crate) fn find(witness: &'w W, addr: usize) -> Option<Self> {
        if !witness.addresses().contains(&addr) {
            return None;
        }
        // SAFETY: `addr` is inside the witnessed VMA, so the tables on the way
        // to its pmd stay while `witness` is borrowed.
        let pmd = unsafe { bindings::pmd_offset(witness.vma().as_ptr(), addr) };
        // INVARIANT: That is the entry of the aligned range around `addr`.
        Some(Self {
            witness,
            pmd: NonNull::new(pmd)?,
            base: addr & !(pmd_size() - 1),
            _nts: NotThreadSafe,
        })
    }

    /// The same slot, for a guard that keeps this one borrowed.
    pub(super) fn place(&self) -> PmdSlot<'_, W> {
        // INVARIANT: The same place under the same witness.
        PmdSlot {
            witness: self.witness,
            pmd: self.pmd,
            base: self.base,
            _nts: NotThreadSafe,
        }
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
    pub(crate) fn map(&mut self) -> Option<PteMap<'_>> {
        PteMap::new(self)
    }

    /// Maps the table and remembers its lock, which is not taken, for readers
    /// (`pte_offset_map_ro_nolock()`).
    pub(crate) fn map_ro_nolock(&mut self) -> Option<ReadOnlyPteMap<'_>> {
        ReadOnlyPteMap::new(self)
    }

    /// Maps the table and remembers the pmd entry and the lock, which is not
    /// taken, for writers (`pte_offset_map_rw_nolock()`).
    pub(crate) fn map_rw_nolock(&mut self) -> Option<UncheckedPteMap<'_, W>> {
        UncheckedPteMap::new(self.place())
    }

    /// Maps and locks the table (`pte_offset_map_lock()`).
    pub(crate) fn map_lock(&mut self) -> Option<LockedPteMap<'_, W>> {
        LockedPteMap::new(self.place())
    }

    /// Repeats `step` while it finds no table although the pmd entry names one
    /// again, at most `attempts` times in all.
    ///
    /// A table that went away does not come back by waiting for it, so every
    /// other entry ends the attempts: the fault that the entry stands for is
    /// another one's business.
    pub(crate) fn retry<R>(
        &mut self,
        attempts: usize,
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

    /// Tells the MMU notifiers that `range` is about to change.
    ///
    /// May sleep. `range` is cut to the slot.
    pub(crate) fn invalidate(&mut self, range: Range<usize>) -> Invalidation<'_, W> {
        Invalidation::new(self.place(), range)
    }
}

/// Allocating variants: only under a witness that may install.
///
/// They tell the two reasons for a table not to be there apart: an error is
/// lack of memory, and the inner [`None`] is a table that is gone again or a
/// huge page, where the caller does the same as for the other accessors.
impl<'w, W: MayInstall> PmdSlot<'w, W> {
    /// Finds the entry for `addr` and allocates the levels above it as needed
    /// (`p4d_alloc()`, `pud_alloc()`, `pmd_alloc()`). Context: sleeps.
    ///
    /// The inner [`None`] is as for [`find`](PmdSlot::find).
    pub(crate) fn alloc(witness: &'w W, addr: usize) -> Result<Option<Self>, AllocError> {
        if !witness.addresses().contains(&addr) {
            return Ok(None);
        }
        // SAFETY: As for `find()`, and the witness allows to add tables.
        unsafe { bindings::pmd_alloc(witness.vma().as_ptr(), addr) }
            .then(|| Self::find(witness, addr))
            .ok_or(AllocError)
    }

    /// Allocates a table if the entry is empty. Context: sleeps.
    fn alloc_table(&mut self) -> Result<(), AllocError> {
        let mm = self.witness.mm().as_ptr();
        // SAFETY: The entry is there, and the witness allows to add a table.
        unsafe { bindings::pte_alloc(mm, self.as_ptr()) }
            .then_some(())
            .ok_or(AllocError)
    }

    /// Maps the table, allocating one where the entry is empty
    /// (`pte_alloc_map()`). Context: sleeps before the table is mapped.
    pub(crate) fn alloc_map(&mut self) -> Result<Option<PteMap<'_>>, AllocError> {
        self.alloc_table()?;
        Ok(self.map())
    }

    /// Maps and locks the table, allocating one where the entry is empty
    /// (`pte_alloc_map_lock()`). Context: sleeps before the table is mapped.
    pub(crate) fn alloc_map_lock(&mut self) -> Result<Option<LockedPteMap<'_, W>>, AllocError> {
        self.alloc_table()?;
        Ok(self.map_lock())
    }

    /// Walks to `addr` with everything allocated, and maps and locks the entry
    /// (`get_locked_pte()`). Context: sleeps before the table is mapped.
    pub(crate) fn get_locked_pte(
        witness: &'w W,
        addr: usize,
    ) -> Result<Option<LockedPte<'w, W>>, AllocError> {
        let Some(mut slot) = Self::alloc(witness, addr)? else {
            return Ok(None);
        };
        slot.alloc_table()?;
        let index = PteIndex::of(addr);
        Ok(LockedPteMap::new(slot).map(|table| LockedPte::new(table, index)))
    }
}
