// SPDX-License-Identifier: GPL-2.0

//! A walk from the top of a page table to the lowest entry above the PTEs.

use super::{
    entry::Pmd,
    level::Level,
    witness::Witness, //
};
use crate::bindings;
use core::mem::MaybeUninit;

/// The lowest existing entry above the PTE tables of an address.
///
/// The tables of its level and of all levels above it exist.
///
/// # Examples
///
/// ```ignore
/// fn is_sparse(vma: &VmaRef, addr: usize) -> bool {
///     Lowest::find(vma, addr).is_some_and(|lowest| lowest.level > Level::Pmd)
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lowest {
    /// Its level. Above the pmd entries it is none, or maps memory.
    pub(crate) level: Level,
    /// Its value at that moment.
    pub(crate) value: Pmd,
}

impl Lowest {
    /// Finds the entry for `addr`. Does not sleep, takes no lock.
    ///
    /// Returns [`None`] outside the VMA, and for one of hugetlb, as [`PmdSlot::find`] does.
    ///
    /// [`PmdSlot::find`]: super::walk::PmdSlot::find
    pub(crate) fn find<W: Witness>(witness: &W, addr: usize) -> Option<Self> {
        if !witness.addresses().contains(&addr) {
            return None;
        }
        let mut lowest = MaybeUninit::uninit();
        // SAFETY: `addr` is inside the witnessed VMA, so the tables on the way to its pmd entry
        // stay while `witness` is borrowed. The output is filled in if the answer is true.
        let lowest = unsafe {
            bindings::walk_user(witness.vma().as_ptr(), addr, lowest.as_mut_ptr())
                .then(|| lowest.assume_init())
        }?;
        Some(Self {
            level: Level::from_raw(lowest.level)?,
            value: lowest.entry.into(),
        })
    }
}

/// Returns whether the levels of the witnessed address space are such that tables of `level` are
/// single entries of the level above.
#[cfg(view_accessors)]
pub(crate) fn is_folded<W: Witness>(witness: &W, level: Level) -> bool {
    // SAFETY: The witness keeps the mm.
    unsafe { bindings::level_folded(witness.mm().as_ptr(), level as u32) }
}

/// Returns whether a huge entry of the VMA has a PTE table put aside, which its process pays for.
#[cfg(view_accessors)]
pub(crate) fn withholds_tables<W: Witness>(witness: &W) -> bool {
    // SAFETY: The witness keeps the VMA.
    unsafe { bindings::vma_withholds_tables(witness.vma().as_ptr()) }
}

/// Returns the number of PTEs that make a run (contpte, Svnapot), 1 where there is no such thing.
#[cfg(view_accessors)]
pub(crate) fn run_pages() -> usize {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::run_pages() }
}
