// SPDX-License-Identifier: GPL-2.0

//! Mapping a huge page where nothing is mapped.

use super::{
    migration::{
        index_in,
        MigrationTarget, //
    },
    whole_pmd::WholePmd,
    witness::MayInstall, //
};
use crate::bindings;
use kernel::{
    alloc::AllocError,
    task::might_sleep, //
};

/// A huge folio that page tables may map.
///
/// # Safety
///
/// While `self` is borrowed, the folio is in the page cache of its mapping, up to date and
/// referenced.
pub(crate) unsafe trait Mappable: MigrationTarget {}

impl<'w, W: MayInstall> WholePmd<'w, W> {
    /// Finds the entry for `addr` and allocates the levels above it as needed, at the expense of
    /// the memory cgroup of the address space. Context: sleeps.
    ///
    /// The inner [`None`] is as for [`find`](WholePmd::find).
    pub(crate) fn alloc(witness: &'w W, addr: usize) -> Result<Option<Self>, AllocError> {
        might_sleep();
        if !witness.addresses().contains(&addr) {
            return Ok(None);
        }
        // SAFETY: As the trait promises, the mm has users and `addr` is not past its last zap, so
        // tables may be added.
        unsafe { bindings::pmd_alloc_for(witness.vma().as_ptr(), addr) }
            .then(|| Self::find(witness, addr))
            .ok_or(AllocError)
    }

    /// Maps the folio if the entry is none, and the VMA has the folio's pages here
    /// (`do_set_pmd()`); returns whether it did.
    #[doc(alias = "do_set_pmd")]
    pub(crate) fn install(self, folio: &impl Mappable) -> bool {
        let slot = self.into_slot();
        if index_in(folio, slot.witness(), slot.base()) != Some(0) {
            return false;
        }
        let (vma, head) = (slot.witness().vma().as_ptr(), folio.head().as_ptr());
        // SAFETY: The witness keeps the VMA, which covers the range of the entry and has the pages
        // of the folio there, and lets an entry be installed. The folio is locked and what the page
        // cache has, by its traits.
        unsafe { bindings::pmd_install(vma, slot.base(), slot.as_ptr(), head) }
    }
}
