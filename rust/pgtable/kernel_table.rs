// SPDX-License-Identifier: GPL-2.0

//! The kernel's own page tables.
//!
//! Nothing here is shared with the types for user tables, on purpose. A kernel table has no pmd
//! lock that guards it, is not taken away while its mapping is in use, and is never in high memory:
//! `pte_offset_kernel()` cannot fail, takes no RCU lock, and needs no unmap. The user accessors on
//! such a table would leak an RCU section, or find no table where a kernel mapping is huge.

use super::{
    entry::Pte,
    level::Level,
    pte_index::PteIndex, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::{
        size_of_val,
        MaybeUninit, //
    },
    ops::Range,
    ptr::NonNull, //
};
use kernel::types::NotThreadSafe;

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

/// The kernel's page tables with `init_mm`'s mmap lock held for reading.
///
/// The lock keeps intermediate tables from being freed when mappings of the direct map are joined;
/// a [`KernelRange`] keeps the tables of its mapping. Memory that is being hot-removed cannot be
/// borrowed.
///
/// C source: `walk_kernel_page_table_range()` in
/// [`mm/pagewalk.c`](srctree/mm/pagewalk.c).
///
/// # Invariants
///
/// `init_mm`'s mmap lock is held for reading by this task.
///
/// # Examples
///
/// ```ignore
/// fn frame_of(memory: &[u8]) -> Option<usize> {
///     let range = KernelRange::of(memory);
///     let tables = KernelTables::read_lock();
///     tables.frame(&range, range.addresses().start)
/// }
/// ```
#[must_use = "the lock is dropped at once"]
pub(crate) struct KernelTables(NotThreadSafe);

impl KernelTables {
    /// Takes the lock. Context: sleeps.
    pub(crate) fn read_lock() -> Self {
        // SAFETY: FFI call without safety requirements.
        unsafe { bindings::kernel_tables_lock() };
        // INVARIANT: Locked on the line above.
        Self(NotThreadSafe)
    }

    /// Finds what translates `addr`; returns [`None`] outside the range.
    pub(crate) fn find<'t>(
        &'t self,
        range: &'t KernelRange<'_>,
        addr: usize,
    ) -> Option<KernelSlot<'t>> {
        if !range.range.contains(&addr) {
            return None;
        }
        // SAFETY: The lock is held and `addr` is mapped, so every table on the way stays.
        let place = unsafe { bindings::kernel_walk(addr) };
        if let Some(pmd) = NonNull::new(place.table) {
            // INVARIANT: The walk ended at a pmd entry that points to a table.
            return Some(KernelSlot::Table(KernelPmd {
                pmd,
                _tables: PhantomData,
            }));
        }
        let (leaf, level) = (Pte(place.leaf).page(), Level::from_raw(place.level));
        Some(match leaf.zip(level) {
            Some((frame, level)) => KernelSlot::Leaf { level, frame },
            None => KernelSlot::Unmapped,
        })
    }

    /// Returns the page frame that `addr` translates to, at whatever level.
    pub(crate) fn frame(&self, range: &KernelRange<'_>, addr: usize) -> Option<usize> {
        match self.find(range, addr)? {
            KernelSlot::Leaf { frame, .. } => Some(frame),
            KernelSlot::Table(pmd) => pmd.offset_kernel().read(PteIndex::of(addr)).page(),
            KernelSlot::Unmapped => None,
        }
    }
}

impl Drop for KernelTables {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::kernel_tables_unlock() };
    }
}

/// Where the walk for a kernel address ends.
///
/// # Examples
///
/// ```ignore
/// fn level(tables: &KernelTables, range: &KernelRange<'_>) -> Option<Level> {
///     match tables.find(range, range.addresses().start)? {
///         KernelSlot::Leaf { level, .. } => Some(level),
///         KernelSlot::Table(_) => Some(Level::Pte),
///         KernelSlot::Unmapped => None,
///     }
/// }
/// ```
pub(crate) enum KernelSlot<'t> {
    /// A huge mapping.
    Leaf {
        /// The level of the entry.
        level: Level,
        /// The page frame of the very address.
        frame: usize,
    },
    /// A PTE table.
    Table(KernelPmd<'t>),
    /// No mapping: guard pages, or memory taken out of the direct map.
    Unmapped,
}

/// A pmd entry of the kernel that points to a PTE table.
///
/// # Invariants
///
/// `pmd` points to such an entry, which stays for 't.
pub(crate) struct KernelPmd<'t> {
    pmd: NonNull<bindings::pmd_t>,
    _tables: PhantomData<&'t ()>,
}

impl<'t> KernelPmd<'t> {
    /// Returns the table (`pte_offset_kernel()`). Cannot fail, and needs no unmap.
    pub(crate) fn offset_kernel(&self) -> KernelPteTable<'t> {
        // SAFETY: By the type invariant the entry points to a table.
        unsafe { KernelPteTable::from_pmd(self.pmd.as_ptr()) }
    }
}

/// A PTE table of the kernel.
///
/// # Invariants
///
/// `start` is the first entry of a table that stays for 't.
///
/// # Examples
///
/// ```ignore
/// fn writable_pages(pmd: &KernelPmd<'_>) -> usize {
///     let table = pmd.offset_kernel();
///     PteIndex::range(0..pmd_pages())
///         .filter(|&index| table.read(index).is_writable())
///         .count()
/// }
/// ```
#[derive(Clone, Copy)]
pub(crate) struct KernelPteTable<'t> {
    start: NonNull<bindings::pte_t>,
    _tables: PhantomData<&'t ()>,
    _nts: NotThreadSafe,
}

impl KernelPteTable<'_> {
    /// Returns the table that a pmd entry points to.
    ///
    /// # Safety
    ///
    /// `pmd` points to a value that points to a kernel table, which stays for the lifetime of the
    /// result.
    unsafe fn from_pmd(pmd: *mut bindings::pmd_t) -> Self {
        // SAFETY: By this function's contract.
        let start = unsafe { bindings::pte_offset_kernel(pmd, 0) };
        // INVARIANT: Address 0 has the first entry.
        Self {
            // SAFETY: A table is never at address 0.
            start: unsafe { NonNull::new_unchecked(start) },
            _tables: PhantomData,
            _nts: NotThreadSafe,
        }
    }

    fn entry(&self, index: PteIndex) -> *mut bindings::pte_t {
        // SAFETY: A table has an entry for each index, by the invariant of `PteIndex`.
        unsafe { self.start.as_ptr().add(index.get()) }
    }

    /// Reads one entry.
    pub(crate) fn read(&self, index: PteIndex) -> Pte {
        // SAFETY: The table has the entry and stays, by the type invariant.
        Pte(unsafe { bindings::kernel_pte_read(self.entry(index)) })
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
        unsafe { KernelPteTable::from_pmd(core::ptr::from_ref(&self.pmd).cast_mut()) }
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
