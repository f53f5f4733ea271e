// SPDX-License-Identifier: GPL-2.0

//! Proof that the upper levels of a page table stay, and that they may be populated.

use crate::bindings;
use core::{
    ops::Range,
    ptr::NonNull, //
};
use kernel::mm::virt::VmaRef;

/// Proof that page-table levels above the PTE table stay allocated for a VMA.
///
/// `pte_offset_map*()` may be called only while the mmap lock, a VMA lock, `i_mmap_rwsem` or the
/// anon_vma lock is held: RCU keeps a PTE table alive, not the levels above it. A walk borrows its
/// witness, so nothing found in it outlives the lock.
///
/// A [`VmaRef`] is the witness of the mmap lock ([`MmapReadGuard`]) and of a VMA lock
/// ([`VmaReadGuard`]); the reverse map has a witness of its own.
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
/// While `self` is borrowed, the VMA that [`vma`](Witness::vma) returns stays allocated with its
/// bounds and its mm unchanged, the mm stays allocated, and no page-table level above the PTE
/// tables of its range is freed.
pub(crate) unsafe trait Witness {
    /// Returns the VMA that is held.
    fn vma(&self) -> NonNull<bindings::vm_area_struct>;

    /// Returns the address space of the VMA.
    #[inline]
    fn mm(&self) -> NonNull<bindings::mm_struct> {
        // SAFETY: The trait's contract keeps the VMA valid and its mm unchanged.
        let mm = unsafe { (*self.vma().as_ptr()).vm_mm };
        // SAFETY: Every VMA belongs to an mm.
        unsafe { NonNull::new_unchecked(mm) }
    }

    /// Returns the addresses that the VMA covers.
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

// SAFETY: A `VmaRef` exists only under the mmap lock or the VMA lock, either of which excludes
// changes of bounds, unmapping and `free_pgtables()`. A VMA never changes its mm.
unsafe impl Witness for VmaRef {
    #[inline]
    fn vma(&self) -> NonNull<bindings::vm_area_struct> {
        // SAFETY: A reference is never null.
        unsafe { NonNull::new_unchecked(self.as_ptr()) }
    }
}

/// Proof that entries and tables may be added.
///
/// Nothing may be installed in a page table whose owner is past its last zap: `munmap()` and exit
/// zap first and unlink the VMA from the reverse map later, and an entry that is installed between
/// the two is never zapped. Holding the mmap lock or the VMA lock excludes that; having found the
/// VMA through the reverse map does not.
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
/// While `self` is borrowed, the mm has users, and the last zap of the VMA's range does not begin.
pub(crate) unsafe trait MayInstall: Witness {}

// SAFETY: Before the last zap the VMA is detached, which takes the mmap lock and the VMA lock for
// writing, either of which a `VmaRef` excludes; exit waits for the last user.
unsafe impl MayInstall for VmaRef {}
