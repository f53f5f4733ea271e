// SPDX-License-Identifier: GPL-2.0

//! What keeps the upper levels of a page table in place, and what allows to
//! add to them.

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
/// keeps a PTE table alive, not the levels above it. A walk borrows its witness,
/// so nothing found in it outlives the lock.
///
/// A [`VmaRef`] is the witness of the mmap lock ([`MmapReadGuard`]) and of a VMA
/// lock ([`VmaReadGuard`]); the reverse map has a witness of its own.
///
/// C source: the comment above `pte_offset_map_lock()` in
/// [`mm/pgtable-generic.c`](srctree/mm/pgtable-generic.c).
///
/// [`MmapReadGuard`]: kernel::mm::MmapReadGuard
/// [`VmaReadGuard`]: kernel::mm::VmaReadGuard
///
/// # Examples
///
/// ```ignore
/// fn has_table(process: &MmWithUser, addr: usize) -> bool {
///     let Some(vma) = process.lock_vma_under_rcu(addr) else {
///         return false;
///     };
///     PmdSlot::find(&*vma, addr).is_some_and(|slot| slot.read_lockless() == Pmd::Table)
/// }
/// ```
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

/// A witness under which entries and tables may be added.
///
/// Nothing may be put into a page table whose owner is past its last zap:
/// `munmap()` and exit zap first and unlink the VMA from the reverse map later,
/// so that what goes in between those two stays behind. Whoever holds the mmap
/// lock or the VMA lock excludes that; whoever came through the reverse map does
/// not.
///
/// C source: `unmap_region()` and `exit_mmap()` in
/// [`mm/vma.c`](srctree/mm/vma.c) and [`mm/mmap.c`](srctree/mm/mmap.c).
///
/// # Examples
///
/// ```ignore
/// fn make_table<W: MayInstall>(witness: &W, addr: usize) -> Result<bool> {
///     let Some(mut slot) = PmdSlot::alloc(witness, addr)? else {
///         return Ok(false);
///     };
///     let made = slot.alloc_map()?.is_some();
///     Ok(made)
/// }
/// ```
///
/// # Safety
///
/// While `self` is borrowed, the VMA is attached to its mm, which has users: the
/// last zap of its range has not begun.
pub(crate) unsafe trait MayInstall: Witness {}

// SAFETY: A VMA is detached before it is zapped for good, which takes the mmap
// lock and the VMA lock for writing; exit waits for the last user.
unsafe impl MayInstall for VmaRef {}
