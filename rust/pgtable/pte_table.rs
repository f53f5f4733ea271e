// SPDX-License-Identifier: GPL-2.0

//! Mapped PTE tables, and the two halves of their guards.

use super::{
    entry::Pte,
    pmd_size::pmd_pages,
    pte_index::PteIndex,
    walk::PmdSlot,
    witness::Witness, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ops::Range,
    ptr::NonNull, //
};
use kernel::types::NotThreadSafe;

/// Entries decoded per call into C: a compromise between calls and stack.
const BATCH: usize = 32;

/// The most entries of a run. A run begins at a multiple of this.
pub(crate) const RUN_LEN: usize = u64::BITS as usize;

/// A mapped PTE table whose entries may change at any time.
///
/// What is read is, or recently was, in the table of that pmd entry. Holds `rcu_read_lock()`, and
/// with `CONFIG_HIGHPTE` a `kmap_local`. Therefore, while it lives, the caller may not sleep, and
/// tables that are mapped at the same time must be unmapped in the reverse order. The compiler
/// checks neither; `CONFIG_DEBUG_ATOMIC_SLEEP` and klint look for the first.
///
/// C source: `__pte_offset_map()` in
/// [`mm/pgtable-generic.c`](srctree/mm/pgtable-generic.c).
///
/// # Invariants
///
/// `start` is the first entry of a table mapped by `pte_offset_map*()` and not yet unmapped.
///
/// # Examples
///
/// ```ignore
/// fn mapped_pages<W: Witness>(slot: &mut PmdSlot<'_, W>) -> usize {
///     let mut pages = 0;
///     if let Some(table) = slot.map() {
///         table.all(0..pmd_pages(), |_, pte| {
///             pages += usize::from(pte.page().is_some());
///             true
///         });
///     } // Unmapped here.
///     pages
/// }
/// ```
#[must_use = "a mapping that is not used is unmapped at once"]
#[doc(alias = "pte_unmap")]
pub(crate) struct PteTable<'s> {
    start: NonNull<bindings::pte_t>,
    _slot: PhantomData<&'s ()>,
    _nts: NotThreadSafe,
}

impl<W: Witness> PmdSlot<'_, W> {
    /// Maps the table for reading while its entries may change (`pte_offset_map()`).
    ///
    /// Returns [`None`] if there is no table (now).
    #[cfg(view_accessors)]
    #[doc(alias = "pte_offset_map")]
    pub(crate) fn map(&mut self) -> Option<PteTable<'_>> {
        PteTable::new(self)
    }

    /// Calls `look` with the table mapped as [`map`](Self::map) does.
    ///
    /// The table is unmapped when `look` returns: it cannot be kept by `core::mem::forget()`, and
    /// tables that are mapped in `look` are unmapped first.
    pub(crate) fn with_map<R>(&mut self, look: impl FnOnce(&PteTable<'_>) -> R) -> Option<R> {
        let table = PteTable::new(self)?;
        Some(look(&table))
    }
}

impl<'s> PteTable<'s> {
    pub(super) fn new<W: Witness>(slot: &'s PmdSlot<'_, W>) -> Option<Self> {
        // SAFETY: The slot's witness allows `pte_offset_map()`.
        let start = unsafe { bindings::pte_offset_map(slot.as_ptr(), slot.base()) };
        // SAFETY: `base` is the first address of the table, so this is its first entry, mapped just
        // now.
        unsafe { Self::from_start(start) }
    }

    /// Takes a mapping over; returns [`None`] for null.
    ///
    /// # Safety
    ///
    /// `start` is null, or the first entry of a table that a `pte_offset_map*()` has just mapped;
    /// the mapping is handed over.
    pub(super) unsafe fn from_start(start: *mut bindings::pte_t) -> Option<Self> {
        // INVARIANT: By this function's contract.
        Some(Self {
            start: NonNull::new(start)?,
            _slot: PhantomData,
            _nts: NotThreadSafe,
        })
    }

    #[inline]
    pub(super) fn entry(&self, index: PteIndex) -> *mut bindings::pte_t {
        // SAFETY: A table has an entry for each index, by the invariant of `PteIndex`.
        unsafe { self.start.as_ptr().add(index.get()) }
    }

    pub(super) fn start(&self) -> *mut bindings::pte_t {
        self.start.as_ptr()
    }

    /// Reads one entry.
    pub(crate) fn read(&self, index: PteIndex) -> Pte {
        let mut entry = MaybeUninit::<bindings::shmem_collapse_entry>::uninit();
        // SAFETY: The table has the entry, and `entry` has room for one.
        unsafe {
            bindings::pte_read_batch(self.entry(index), entry.as_mut_ptr(), 1);
            Pte(entry.assume_init())
        }
    }

    /// Finds the entries that map the page frame which `frames` has at the same index.
    ///
    /// Returns [`None`] if an entry is neither none nor such, or lies beyond the end of `frames`
    /// and is not none.
    #[inline]
    pub(crate) fn find_pages(&self, frames: &[usize]) -> Option<FoundPages> {
        let known = frames.len().min(pmd_pages());
        let mut found = MaybeUninit::<bindings::shmem_collapse_pte_pages>::uninit();
        // SAFETY: The table and `frames` both have that many elements; `found` is filled in if the
        // answer is true.
        let found = unsafe {
            let (start, frames) = (self.start.as_ptr(), frames.as_ptr());
            bindings::pte_find_pages(start, frames, known as u32, found.as_mut_ptr())
                .then(|| FoundPages(found.assume_init()))
        }?;
        self.all(known..pmd_pages(), |_, pte| pte.is_none())
            .then_some(found)
    }

    /// Calls `f` with index and value of the entries in `range` until it returns false; returns
    /// whether it never did.
    #[inline]
    pub(crate) fn all(&self, range: Range<usize>, mut f: impl FnMut(usize, Pte) -> bool) -> bool {
        let mut batch = [const { MaybeUninit::<bindings::shmem_collapse_entry>::uninit() }; BATCH];
        let end = range.end.min(pmd_pages());
        let mut at = range.start;

        while at < end {
            let n = BATCH.min(end - at);
            // SAFETY: `at + n` does not exceed the table, by the two minima, and `batch` has room
            // for `n` entries.
            unsafe {
                let first = self.start.as_ptr().add(at);
                bindings::pte_read_batch(first, batch.as_mut_ptr().cast(), n as u32);
            }
            for (i, entry) in batch.iter().take(n).enumerate() {
                // SAFETY: The call above wrote the first `n` entries.
                if !f(at + i, Pte(unsafe { entry.assume_init() })) {
                    return false;
                }
            }
            at += n;
        }
        true
    }
}

impl Drop for PteTable<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the table is mapped; this is the one unmap.
        unsafe { bindings::pte_unmap(self.start.as_ptr()) };
    }
}

/// A held spinlock of a page table, the one of the PTE table or of the pmd table.
///
/// # Invariants
///
/// The lock, if there is one, is held by this task and released on drop.
#[doc(alias = "ptl")]
pub(super) struct PtlGuard(Option<NonNull<bindings::spinlock_t>>);

impl PtlGuard {
    /// Takes a lock over.
    ///
    /// # Safety
    ///
    /// `lock` is null (nothing to release) or held by the caller, who hands it over and keeps the
    /// page that contains it alive.
    pub(super) unsafe fn from_held(lock: *mut bindings::spinlock_t) -> Self {
        // INVARIANT: By this function's contract.
        Self(NonNull::new(lock))
    }

    /// Returns whether there is a lock to release.
    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

impl Drop for PtlGuard {
    fn drop(&mut self) {
        if let Some(lock) = self.0 {
            // SAFETY: By the type invariant it is held.
            unsafe { bindings::spin_unlock(lock.as_ptr()) };
        }
    }
}

/// Pages that were found mapped at their places in a table.
pub(crate) struct FoundPages(bindings::shmem_collapse_pte_pages);

impl FoundPages {
    /// Returns no pages.
    pub(super) fn none() -> Self {
        // SAFETY: A structure of integers, for which zeroes are valid.
        Self(unsafe { MaybeUninit::zeroed().assume_init() })
    }

    /// Adds a page by its index in the table.
    pub(super) fn add(&mut self, index: PteIndex) {
        let (word, bit) = (index.get() / RUN_LEN, index.get() % RUN_LEN);
        // A table has no index without a bit.
        if let Some(word) = self.0.mapped.get_mut(word) {
            *word |= 1 << bit;
            self.0.nr += 1;
        }
    }

    /// Returns the number of pages.
    pub(crate) fn count(&self) -> usize {
        self.0.nr as usize
    }

    /// Returns a bit for each entry of the table.
    pub(super) fn bits(&self) -> *const u64 {
        self.0.mapped.as_ptr()
    }

    /// Returns young, dirty and soft-dirty, each set if any entry has it. Without a lock, hardware
    /// may have set the first two since.
    pub(super) fn flags(&self) -> u32 {
        self.0.flags
    }

    /// Iterates over runs of [`RUN_LEN`] entries that map a page: the index of the first entry of
    /// the run, and a bit for each page.
    pub(super) fn runs(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        let runs = (0..).step_by(RUN_LEN).zip(self.0.mapped);
        runs.filter(|(_, mapped)| *mapped != 0)
    }
}
