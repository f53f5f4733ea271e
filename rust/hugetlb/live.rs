// SPDX-License-Identifier: GPL-2.0

//! Entries of hugetlb mappings of real processes.

use super::{
    arch::Native,
    geometry::{
        Geometry,
        Layout,
        Place, //
    },
    walker::{
        depth,
        walk,
        Tables, //
    },
};
use crate::{
    bindings,
    pgtable::{
        entry::Pte,
        level::Level,
        witness::Witness, //
    },
};
use core::{
    ffi::c_void,
    marker::PhantomData,
    ptr::NonNull, //
};
#[cfg(all_accessors)]
use kernel::alloc::AllocError;
use kernel::{
    mm::virt::VmaRef,
    prelude::kunit_tests,
    task::might_sleep,
    types::NotThreadSafe, //
};

/// A hugetlb mapping whose tables stay: its VMA and its hugetlb lock are held.
///
/// Shared mappings of one file may share tables of pmd entries, and unsharing takes the table
/// away; the lock excludes that.
///
/// C source: the comment above `huge_pte_offset()` in
/// [`include/linux/hugetlb.h`](srctree/include/linux/hugetlb.h).
///
/// # Invariants
///
/// `vma` is one of hugetlb, and its lock is held for reading by this task. So every table that
/// translates one of its addresses stays.
///
/// # Examples
///
/// ```ignore
/// fn entry(vma: &VmaRef, addr: usize) -> Option<Pte> {
///     let vma = HugetlbVma::lock(vma)?;
///     Some(vma.find(addr)?.read())
/// }
/// ```
#[must_use = "the lock is dropped at once"]
pub(crate) struct HugetlbVma<'v> {
    vma: &'v VmaRef,
    _nts: NotThreadSafe,
}

impl<'v> HugetlbVma<'v> {
    /// Takes the lock; returns [`None`] if the mapping is not one of hugetlb. Context: may sleep.
    pub(crate) fn lock(vma: &'v VmaRef) -> Option<Self> {
        might_sleep();
        // SAFETY: The reference keeps the VMA.
        if !unsafe { bindings::hugetlb_lock(vma.as_ptr()) } {
            return None;
        }
        // INVARIANT: Locked above. With the VMA itself held, nothing else takes tables away.
        Some(Self {
            vma,
            _nts: NotThreadSafe,
        })
    }

    /// Returns the size of its pages.
    pub(crate) fn page_size(&self) -> usize {
        // SAFETY: By the type invariants.
        unsafe { bindings::hugetlb_page_size(self.vma.as_ptr()) }
    }

    /// Returns the place of its pages.
    pub(crate) fn place(&self) -> Option<Place> {
        Native::place(&layout(), self.page_size())
    }

    /// Returns the start of the page around `addr`; [`None`] outside the mapping.
    fn page_around(&self, addr: usize) -> Option<usize> {
        let page = addr & !(self.page_size() - 1);
        self.vma.addresses().contains(&addr).then_some(page)
    }

    /// Returns the lowest level of which there is an entry for `addr`, down to that of the pages;
    /// [`None`] outside the mapping.
    pub(crate) fn depth(&self, addr: usize) -> Option<Level> {
        depth::<Native, _>(self, &layout(), self.page_size(), self.page_around(addr)?)
    }

    /// Finds the entry for `addr` (`pte_offset_huge()` at the PTE level).
    ///
    /// Returns [`None`] where a table on the way is missing, and outside the mapping.
    pub(crate) fn find(&self, addr: usize) -> Option<HugeSlot<'_>> {
        let page = self.page_around(addr)?;
        let entry = walk::<Native, _>(self, &layout(), self.page_size(), page)?;
        // INVARIANT: `Native` is this kernel's geometry, and the walk ended where it says.
        Some(HugeSlot {
            entry: entry.entry,
            vma: self.vma,
            addr: page,
            _lock: PhantomData,
        })
    }

    /// Finds the entry for `addr` and allocates tables as needed (`pte_alloc_huge()` at the PTE
    /// level). Context: may sleep.
    ///
    /// Tables that other processes have may be shared rather than allocated, so the architecture's
    /// own `huge_pte_alloc()` decides. The inner [`None`] is an address outside the mapping.
    #[cfg(all_accessors)]
    pub(crate) fn alloc(&self, addr: usize) -> Result<Option<HugeSlot<'_>>, AllocError> {
        might_sleep();
        let Some(page) = self.page_around(addr) else {
            return Ok(None);
        };
        // SAFETY: By the type invariants; under a `VmaRef` tables may be added.
        let entry = unsafe { bindings::hugetlb_alloc(self.vma.as_ptr(), page) };
        // INVARIANT: The architecture's function returns the entry of the page.
        Ok(Some(HugeSlot {
            entry: NonNull::new(entry).ok_or(AllocError)?,
            vma: self.vma,
            addr: page,
            _lock: PhantomData,
        }))
    }

    /// Returns whether the kernel's own `huge_pte_offset()` finds the same entry.
    pub(crate) fn kernel_agrees(&self, addr: usize) -> bool {
        let Some(page) = self.page_around(addr) else {
            return true;
        };
        // SAFETY: By the type invariants.
        let own = unsafe { bindings::hugetlb_offset(self.vma.as_ptr(), page) };
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

/// The place of an entry in the tables of a hugetlb mapping.
///
/// Only a walk makes one: its fields are private, and it borrows the lock that keeps its table.
///
/// # Invariants
///
/// `entry` is the entry of `level` that translates `addr`, an address of a mapping whose
/// [`HugetlbVma`] is borrowed for `'t`.
pub(crate) struct TableEntry<'t> {
    entry: NonNull<c_void>,
    level: Level,
    addr: usize,
    _tables: PhantomData<&'t ()>,
}

impl Tables for HugetlbVma<'_> {
    type Entry<'t>
        = TableEntry<'t>
    where
        Self: 't;

    fn top(&self, addr: usize) -> Option<TableEntry<'_>> {
        if !self.vma.addresses().contains(&addr) {
            return None;
        }
        // SAFETY: The VMA keeps its mm.
        let entry = unsafe { bindings::hugetlb_top(self.vma.as_ptr(), addr) };
        // INVARIANT: That is the entry of the top table, for an address of the mapping.
        Some(TableEntry {
            entry: NonNull::new(entry)?,
            level: Level::Pgd,
            addr,
            _tables: PhantomData,
        })
    }

    fn below<'t>(&'t self, entry: TableEntry<'t>) -> Option<TableEntry<'t>> {
        let level = entry.level.below()?;
        // SAFETY: By the invariants of `entry` it is one of that level, and a mapping that is
        // locked keeps it and the table that it points to.
        let below = unsafe {
            bindings::hugetlb_below(entry.level as u32, entry.entry.as_ptr(), entry.addr)
        };
        // INVARIANT: The call goes one level down, for the same address.
        Some(TableEntry {
            entry: NonNull::new(below)?,
            level,
            ..entry
        })
    }
}

/// The place of the first entry of a hugetlb page.
///
/// Borrows the lock and has no destructor: no unmap is needed.
///
/// # Invariants
///
/// `entry` is where the page at `addr` of `vma` has its entry, and the [`HugetlbVma`] of that
/// mapping is borrowed.
///
/// # Examples
///
/// ```ignore
/// fn is_mapped(slot: &HugeSlot<'_>) -> bool {
///     slot.read().is_present()
/// }
/// ```
pub(crate) struct HugeSlot<'h> {
    entry: NonNull<c_void>,
    vma: &'h VmaRef,
    addr: usize,
    _lock: PhantomData<&'h HugetlbVma<'h>>,
}

impl HugeSlot<'_> {
    /// Reads the entry, with the accessed and dirty bits of all entries of the page
    /// (`huge_ptep_get()` under its lock).
    pub(crate) fn read(&self) -> Pte {
        // SAFETY: By the type invariants.
        unsafe { bindings::hugetlb_read(self.vma.as_ptr(), self.addr, self.entry.as_ptr()) }.into()
    }
}

/// Returns the layout of this kernel's tables.
pub(crate) fn layout() -> Layout {
    Layout::new(Level::ALL.map(Level::shift))
}

#[kunit_tests(shmem_collapse_hugetlb_live)]
mod tests {
    use super::super::live::HugetlbVma;
    use crate::pgtable::{
        pmd_size::pmd_size,
        tests::scratch::Scratch, //
    };
    use kernel::prelude::*;

    #[test]
    fn other_mappings_are_refused() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.look(|vma| {
            let mapping = HugetlbVma::lock(vma);
            let allocated = mapping.map(|mapping| mapping.alloc(memory.page(0)).is_ok());
            assert_eq!(allocated, None);
            Ok(())
        })
    }
}
