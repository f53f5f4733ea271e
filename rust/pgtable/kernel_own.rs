// SPDX-License-Identifier: GPL-2.0

//! Kernel tables of memory that the caller has, and of none yet. For KUnit tests only.

use super::{
    kernel_table::{
        KernelPlace,
        KernelPteTable,
        KernelTables, //
    },
    pte_index::PteIndex, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::{
        size_of_val,
        MaybeUninit, //
    },
    ops::Range, //
};

/// A range of kernel addresses that stay mapped.
///
/// # Invariants
///
/// `range` is mapped in `init_mm` for 'k: vmalloc, module or direct-map memory that is not freed.
///
/// # Examples
///
/// ```ignore
/// fn last_byte(memory: &[u8]) -> usize {
///     KernelRange::of(memory).addresses().end - 1
/// }
/// ```
#[derive(Clone)]
pub(crate) struct KernelRange<'k> {
    range: Range<usize>,
    _memory: PhantomData<&'k ()>,
}

impl<'k> KernelRange<'k> {
    /// Returns the addresses of borrowed memory: what can be read is mapped.
    pub(crate) fn of<T>(memory: &'k [T]) -> Self {
        let start = memory.as_ptr() as usize;
        // INVARIANT: The borrow keeps the memory, and memory of the kernel is mapped in `init_mm`.
        Self {
            range: start..start + size_of_val(memory),
            _memory: PhantomData,
        }
    }

    /// Returns the addresses.
    pub(crate) fn addresses(&self) -> Range<usize> {
        self.range.clone()
    }
}

impl KernelTables {
    /// Finds what translates `addr`; returns [`None`] outside the range.
    pub(crate) fn find<'t>(
        &'t self,
        range: &'t KernelRange<'_>,
        addr: usize,
    ) -> Option<KernelPlace<'t>> {
        range.range.contains(&addr).then(|| self.look(addr))
    }

    /// Returns the page frame that `addr` translates to, at whatever level.
    pub(crate) fn frame(&self, range: &KernelRange<'_>, addr: usize) -> Option<usize> {
        match self.find(range, addr)? {
            KernelPlace::Leaf { frame, .. } => Some(frame),
            KernelPlace::Table(pmd) => pmd.offset_kernel().read(PteIndex::of(addr)).page(),
            KernelPlace::Nothing(_) => None,
        }
    }
}

/// A kernel PTE table under construction, which is in no page table yet.
///
/// Boot code and hypervisors build such tables. The kernel accessor is the right one here too:
/// there is no mm whose locks could keep the table, and nobody else who could free it.
///
/// # Invariants
///
/// `pmd` points to a table that only this value owns.
///
/// # Examples
///
/// ```ignore
/// fn identity(frames: Range<usize>) -> Result<NewKernelTable> {
///     let mut table = NewKernelTable::new()?;
///     for (index, frame) in PteIndex::range(0..pmd_pages()).zip(frames) {
///         table.set(index, frame);
///     }
///     Ok(table)
/// }
/// ```
pub(crate) struct NewKernelTable {
    pmd: bindings::pmd_t,
}

impl NewKernelTable {
    /// Allocates an empty table (`pte_alloc_one_kernel()`). Context: sleeps.
    pub(crate) fn new() -> Result<Self, kernel::alloc::AllocError> {
        let mut pmd = MaybeUninit::<bindings::pmd_t>::uninit();
        // SAFETY: The output is valid for writing.
        if !unsafe { bindings::kernel_table_alloc(pmd.as_mut_ptr()) } {
            return Err(kernel::alloc::AllocError);
        }
        // INVARIANT: The table is new.
        Ok(Self {
            // SAFETY: Written by the call, which succeeded.
            pmd: unsafe { pmd.assume_init() },
        })
    }

    /// Returns the entries, for reading.
    pub(crate) fn entries(&self) -> KernelPteTable<'_> {
        // SAFETY: By the type invariant; the accessor only reads the value.
        unsafe { KernelPteTable::of(self.pmd) }
    }

    /// Makes an entry map a page frame. Any number will do: the table translates nothing.
    pub(crate) fn set(&mut self, index: PteIndex, frame: usize) {
        // SAFETY: The table has the entry, and by the type invariant nobody walks it.
        unsafe { bindings::kernel_pte_set(self.entries().entry(index), frame) };
    }
}

impl Drop for NewKernelTable {
    fn drop(&mut self) {
        // SAFETY: By the type invariant this is the owner.
        unsafe { bindings::kernel_table_free(self.pmd) };
    }
}
