// SPDX-License-Identifier: GPL-2.0

//! Entries of hugetlb mappings of real processes.

use super::{
    arch::Native,
    walk,
    Geometry,
    Layout,
    Place,
    Tables, //
};
use crate::{
    bindings,
    pgtable::{
        Level,
        Pte, //
    },
};
use core::{
    ffi::c_void,
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    alloc::AllocError,
    mm::virt::VmaRef,
    types::NotThreadSafe, //
};

/// A hugetlb mapping whose tables stay: its VMA and its hugetlb lock are held.
///
/// Shared mappings of one file may share tables of pmd entries, and unsharing
/// takes the table away; the lock excludes that. Context: may sleep to lock.
///
/// C source: the comment above `huge_pte_offset()` in
/// [`include/linux/hugetlb.h`](srctree/include/linux/hugetlb.h).
///
/// # Invariants
///
/// `vma` is one of hugetlb, and its lock is held for reading by this task.
///
/// # Examples
///
/// ```ignore
/// fn entry(vma: &VmaRef, addr: usize) -> Option<HugePte> {
///     let vma = HugetlbVma::lock(vma)?;
///     Some(vma.find(addr)?.read())
/// }
/// ```
pub(crate) struct HugetlbVma<'v> {
    vma: &'v VmaRef,
    _nts: NotThreadSafe,
}

impl<'v> HugetlbVma<'v> {
    /// Takes the lock; [`None`] if the mapping is not one of hugetlb.
    pub(crate) fn lock(vma: &'v VmaRef) -> Option<Self> {
        // SAFETY: The reference keeps the VMA; process context.
        if !unsafe { bindings::hugetlb_lock(vma.as_ptr()) } {
            return None;
        }
        // INVARIANT: Locked above.
        Some(Self {
            vma,
            _nts: NotThreadSafe,
        })
    }

    /// Size of its pages.
    pub(crate) fn page_size(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { bindings::hugetlb_page_size(self.vma.as_ptr()) }
    }

    /// Where its pages stand.
    pub(crate) fn place(&self) -> Option<Place> {
        Native::place(&layout(), self.page_size())
    }

    fn slot(&self, addr: usize, entry: *mut c_void) -> Option<HugeSlot<'_>> {
        // INVARIANT: The callers found the entry for this address.
        Some(HugeSlot {
            entry: NonNull::new(entry)?,
            vma: self.vma,
            addr: addr & !(self.page_size() - 1),
            _lock: PhantomData,
        })
    }

    /// Finds the entry for `addr` (`pte_offset_huge()` at the PTE level);
    /// [`None`] where a table on the way is missing, or outside the mapping.
    pub(crate) fn find(&self, addr: usize) -> Option<HugeSlot<'_>> {
        if !(self.vma.start()..self.vma.end()).contains(&addr) {
            return None;
        }
        let entry = walk::<Native, _>(self, &layout(), self.page_size(), addr)?;
        self.slot(addr, entry)
    }

    /// Finds the entry for `addr` and allocates tables as needed
    /// (`pte_alloc_huge()` at the PTE level). Context: sleeps.
    ///
    /// Tables that other processes have may be shared rather than allocated, so
    /// the architecture's own `huge_pte_alloc()` decides. [`None`] outside the
    /// mapping.
    pub(crate) fn alloc(&self, addr: usize) -> Result<Option<HugeSlot<'_>>, AllocError> {
        if !(self.vma.start()..self.vma.end()).contains(&addr) {
            return Ok(None);
        }
        // SAFETY: By the type invariants; a `VmaRef` allows to add tables.
        let entry = unsafe { bindings::hugetlb_alloc(self.vma.as_ptr(), addr) };
        self.slot(addr, entry).map(Some).ok_or(AllocError)
    }

    /// Whether the kernel's own `huge_pte_offset()` finds the same entry.
    pub(crate) fn kernel_agrees(&self, addr: usize) -> bool {
        // SAFETY: By the type invariants.
        let own = unsafe { bindings::hugetlb_offset(self.vma.as_ptr(), addr) };
        let found = self.find(addr).map(|slot| slot.entry);
        NonNull::new(own) == found
    }
}

impl Drop for HugetlbVma<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants the lock is held.
        unsafe { bindings::hugetlb_unlock(self.vma.as_ptr()) };
    }
}

impl Tables for HugetlbVma<'_> {
    type Entry = *mut c_void;

    fn top(&self, addr: usize) -> *mut c_void {
        // SAFETY: The VMA keeps its mm.
        unsafe { bindings::hugetlb_top(self.vma.as_ptr(), addr) }
    }

    fn below(&self, level: Level, entry: &*mut c_void, addr: usize) -> Option<*mut c_void> {
        // SAFETY: The walk got the entry from this trait for this level, and by
        // the type invariants tables of the mapping stay.
        let below = unsafe { bindings::hugetlb_below(level as u32, *entry, addr) };
        NonNull::new(below).map(NonNull::as_ptr)
    }
}

/// The place of the first entry of a hugetlb page.
///
/// Borrows the lock and owes nothing: there is no unmap to forget.
///
/// # Invariants
///
/// `entry` is where the page at `addr` of `vma` has its entry.
///
/// # Examples
///
/// ```ignore
/// fn is_mapped(slot: &HugeSlot<'_>) -> bool {
///     slot.read().value.is_present()
/// }
/// ```
pub(crate) struct HugeSlot<'h> {
    entry: NonNull<c_void>,
    vma: &'h VmaRef,
    addr: usize,
    _lock: PhantomData<&'h HugetlbVma<'h>>,
}

impl HugeSlot<'_> {
    /// Start of the huge page.
    pub(crate) fn start(&self) -> usize {
        self.addr
    }

    /// What stands there, accessed and dirty bits of all entries of the page
    /// taken together (`huge_ptep_get()` under its lock).
    pub(crate) fn read(&self) -> HugePte {
        let mut raw = 0;
        // SAFETY: By the type invariants; the output is valid for writing.
        let entry = unsafe {
            bindings::hugetlb_read(self.vma.as_ptr(), self.addr, self.entry.as_ptr(), &mut raw)
        };
        HugePte {
            value: entry.into(),
            raw,
        }
    }
}

/// The value of a hugetlb entry at the moment it was read.
#[derive(Clone, Copy)]
pub(crate) struct HugePte {
    /// What it says.
    pub(crate) value: Pte,
    /// As the hardware has it.
    pub(crate) raw: u64,
}

/// The layout of this kernel's tables.
pub(crate) fn layout() -> Layout {
    let mut shifts = [0; 5];
    for (level, shift) in shifts.iter_mut().enumerate() {
        // SAFETY: Takes any number.
        *shift = unsafe { bindings::level_shift(level as u32) };
    }
    Layout::new(shifts)
}
