// SPDX-License-Identifier: GPL-2.0

//! Tests whether the tables of a VMA may be taken out, as far as its flags tell.
//!
//! C source: `file_backed_vma_is_retractable()` in
//! [`mm/khugepaged.c`](srctree/mm/khugepaged.c).

use crate::bindings;

/// Flags of VMAs whose entries are not those of pages of a file.
const SPECIAL: bindings::vm_flags_t =
    (bindings::VM_PFNMAP | bindings::VM_IO | bindings::VM_MIXEDMAP) as bindings::vm_flags_t;

/// Returns whether nothing but the contents of a table prevents its removal.
///
/// This is certain only under the PTE lock, because `anon_vma` and the guard flag are set before
/// the first entry that they announce goes in under that lock.
///
/// `mremap()` maps the tables of a VMA that it has write-locked without reading the pmd entry
/// again, and spins if that has become huge. It links the VMA into the reverse map, and changes
/// its range there, after it has taken the write lock. A caller that holds `i_mmap_rwsem` therefore
/// sees the write lock of every such VMA.
///
/// # Safety
///
/// `vma` is valid.
pub(super) unsafe fn vma_table_disposable(vma: *mut bindings::vm_area_struct) -> bool {
    // SAFETY: `vma` is valid. The fields may change at any time, so each is read once.
    let (flags, anon_vma) = unsafe {
        (
            (&raw const (*vma).__bindgen_anon_2.vm_flags).read_volatile(),
            (&raw const (*vma).anon_vma).read_volatile(),
        )
    };
    if flags & SPECIAL != 0 || !anon_vma.is_null() {
        return false;
    }
    // SAFETY: `vma` is valid.
    unsafe {
        bindings::vma_maps_shmem(vma)
            && !bindings::userfaultfd_armed(vma)
            && !bindings::vma_maybe_guarded(vma)
            && !bindings::vma_write_locked(vma)
    }
}

/// Returns whether the same holds, and a huge page may take the place of the table.
///
/// # Safety
///
/// `vma` is valid.
pub(crate) unsafe fn vma_table_removable(vma: *mut bindings::vm_area_struct) -> bool {
    // SAFETY: `vma` is valid.
    unsafe { vma_table_disposable(vma) && !bindings::vma_thp_disabled(vma) }
}
