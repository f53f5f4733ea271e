// SPDX-License-Identifier: GPL-2.0

//! Slots whose table belongs to one VMA alone.

use super::{
    entry::Pmd,
    pmd_size::pmd_size,
    walk::PmdSlot,
    witness::Witness, //
};

/// A slot whose whole range lies in the witnessed VMA.
///
/// A PTE table belongs to a range of addresses, and several VMAs may share that range. What is
/// known of one of them says nothing about entries of the others. So only a table that belongs
/// to one VMA alone may be taken out, or have a huge entry put in its place.
///
/// C source: the test for `vma->vm_end` in `retract_page_tables()`,
/// [`mm/khugepaged.c`](srctree/mm/khugepaged.c).
///
/// # Invariants
///
/// The VMA of the slot's witness covers all of the slot's range.
///
/// # Examples
///
/// ```ignore
/// fn is_table<W: Witness>(witness: &W, addr: usize) -> Option<bool> {
///     let mut slot = PmdSlot::find(witness, addr)?;
///     // `None`: the VMA begins or ends within the range of the entry.
///     Some(slot.whole()?.read_lockless() == Pmd::Table)
/// }
/// ```
pub(crate) struct WholePmd<'s, W: Witness>(PmdSlot<'s, W>);

impl<W: Witness> PmdSlot<'_, W> {
    /// Returns the slot as one whose table belongs to the witnessed VMA alone; [`None`] if the VMA
    /// covers only a part of the range.
    pub(crate) fn whole(&mut self) -> Option<WholePmd<'_, W>> {
        WholePmd::new(self.place())
    }
}

impl<'s, W: Witness> WholePmd<'s, W> {
    /// Finds the entry for `addr` as [`PmdSlot::find`] does; returns [`None`] also if the VMA
    /// covers only a part of the range.
    pub(crate) fn find(witness: &'s W, addr: usize) -> Option<Self> {
        Self::new(PmdSlot::find(witness, addr)?)
    }

    fn new(slot: PmdSlot<'s, W>) -> Option<Self> {
        let (vma, base) = (slot.witness().addresses(), slot.base());
        let covered = vma.start <= base && vma.end - base >= pmd_size();
        // INVARIANT: Tested here; the witness keeps the bounds of the VMA.
        covered.then_some(Self(slot))
    }

    /// Reads the entry; see [`PmdSlot::read_lockless`].
    pub(crate) fn read_lockless(&self) -> Pmd {
        self.0.read_lockless()
    }

    /// Returns the slot.
    pub(super) fn into_slot(self) -> PmdSlot<'s, W> {
        self.0
    }
}
