// SPDX-License-Identifier: GPL-2.0

//! What keeps the upper levels of a page table in place.

use crate::bindings;
use core::{
    ops::Range,
    ptr::NonNull, //
};
use kernel::mm::virt::VmaRef;

/// Proof that page-table levels above the PTE table stay for a VMA.
///
/// `pte_offset_map*()` may be called only while the pmd pointer was reached
/// under the mmap lock, a VMA lock, `i_mmap_rwsem` or the anon_vma lock: RCU
/// keeps a PTE table alive, not the levels above it (`mm/pgtable-generic.c`,
/// comment above `pte_offset_map_lock()`). A walk borrows its witness, so
/// nothing found in it outlives the lock.
///
/// # Safety
///
/// While `self` is borrowed, the VMA that [`vma`](Witness::vma) returns stays
/// linked with its bounds unchanged, its mm stays allocated, and no page-table
/// level above the PTE tables of its range is freed.
pub(crate) unsafe trait Witness {
    /// The VMA that is held.
    fn vma(&self) -> NonNull<bindings::vm_area_struct>;

    /// The address space of the VMA.
    #[inline]
    fn mm(&self) -> NonNull<bindings::mm_struct> {
        // SAFETY: The trait's contract keeps the VMA valid; `vm_mm` of a linked
        // VMA never changes.
        let mm = unsafe { (*self.vma().as_ptr()).vm_mm };
        // SAFETY: A linked VMA belongs to an mm.
        unsafe { NonNull::new_unchecked(mm) }
    }

    /// Addresses that the VMA covers.
    #[inline]
    fn addresses(&self) -> Range<usize> {
        let vma = self.vma().as_ptr();
        // SAFETY: The trait's contract keeps the VMA valid and its bounds stable.
        unsafe {
            let bounds = (*vma).__bindgen_anon_1.__bindgen_anon_1;
            bounds.vm_start..bounds.vm_end
        }
    }
}

// SAFETY: A `VmaRef` exists only under the mmap lock or the VMA lock, either of
// which excludes unmapping and `free_pgtables()`.
unsafe impl Witness for VmaRef {
    #[inline]
    fn vma(&self) -> NonNull<bindings::vm_area_struct> {
        // SAFETY: A reference is never null.
        unsafe { NonNull::new_unchecked(self.as_ptr()) }
    }
}
