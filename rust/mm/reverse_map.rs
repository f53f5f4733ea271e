// SPDX-License-Identifier: GPL-2.0

//! Who maps a file: the interval tree of its VMAs.

use super::backing::Mapping;
use crate::{
    bindings,
    pgtable::{
        pmd_size::{
            pmd_pages,
            pmd_size, //
        },
        witness::Witness, //
    },
    support::task::cond_resched, //
};
use core::{
    ops::{
        ControlFlow,
        Range, //
    },
    ptr::NonNull, //
};
use kernel::{
    page::PAGE_SIZE,
    types::NotThreadSafe, //
};

/// `i_mmap_rwsem` of a file, held for reading.
///
/// No allocation that may reclaim while it is held: reclaim takes it too.
///
/// # Invariants
///
/// The lock of `mapping` is held for reading by this task.
pub(crate) struct ReverseMap<'b> {
    mapping: Mapping<'b>,
    _nts: NotThreadSafe,
}

impl<'b> Mapping<'b> {
    /// Locks the reverse map for reading (`i_mmap_rwsem`). Context: sleeps.
    pub(crate) fn reverse_map(&self) -> ReverseMap<'b> {
        ReverseMap::lock(*self)
    }
}

impl<'b> ReverseMap<'b> {
    fn lock(mapping: Mapping<'b>) -> Self {
        // SAFETY: The mapping lives for 'b.
        unsafe { bindings::i_mmap_lock_read(mapping.as_ptr()) };
        // INVARIANT: Locked on the line above.
        Self {
            mapping,
            _nts: NotThreadSafe,
        }
    }

    /// Visits every VMA that maps a page of the extent at `index`, in the order
    /// of the interval tree, until `visit` breaks. Reschedules between VMAs.
    ///
    /// Fork and mremap rely on that order (`mm/mremap.c`, `move_ptes()`): what
    /// is done to a VMA is finished before the next one is visited.
    pub(crate) fn for_each<B>(
        &self,
        index: usize,
        mut visit: impl FnMut(&MappedVma<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.walk(index, |vma| {
            cond_resched();
            visit(vma)
        })
    }

    /// Whether `test` holds for any VMA that maps a page of the extent. For use
    /// under a spinlock: does not reschedule.
    pub(crate) fn any(&self, index: usize, test: impl Fn(&MappedVma<'_>) -> bool) -> bool {
        self.walk(index, |vma| {
            if test(vma) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .is_break()
    }

    fn walk<B>(
        &self,
        index: usize,
        mut visit: impl FnMut(&MappedVma<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let last = index + pmd_pages() - 1;
        let mapping = self.mapping.as_ptr();
        // SAFETY: By the type invariant the tree is locked.
        let mut raw = unsafe { bindings::mapping_rmap_tree_iter_first(mapping, index, last) };

        while let Some(vma) = NonNull::new(raw) {
            // INVARIANT: Found in the locked tree.
            visit(&MappedVma { vma, _map: self })?;
            // SAFETY: The lock kept the VMA in the tree.
            raw = unsafe { bindings::mapping_rmap_tree_iter_next(vma.as_ptr(), index, last) };
        }
        ControlFlow::Continue(())
    }
}

impl Drop for ReverseMap<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::i_mmap_unlock_read(self.mapping.as_ptr()) };
    }
}

/// A VMA found through the locked reverse map.
///
/// Good for taking things out of its page table, not for putting things in:
/// its process may be past its last zap, so that nobody would take them out
/// again. The types of `pgtable` allow no installing through any witness but
/// the exchange of a table that still maps a page, or of an entry that does.
///
/// # Invariants
///
/// `vma` is in the interval tree that `_map` holds locked.
pub(crate) struct MappedVma<'r> {
    vma: NonNull<bindings::vm_area_struct>,
    _map: &'r ReverseMap<'r>,
}

impl MappedVma<'_> {
    /// Addresses at which the VMA maps pages of the extent at `index`, and the
    /// offset of the first of them in the extent.
    pub(crate) fn part_of(&self, index: usize) -> (Range<usize>, usize) {
        // SAFETY: By the type invariant the VMA is valid.
        let pgoff = unsafe { bindings::vma_pgoff(self.vma.as_ptr()) };
        let vma = self.addresses();
        let last = pgoff + (vma.end - vma.start) / PAGE_SIZE;
        let from = index.max(pgoff);
        let to = (index + pmd_pages()).min(last);

        (
            vma.start + (from - pgoff) * PAGE_SIZE..vma.start + (to - pgoff) * PAGE_SIZE,
            from - index,
        )
    }

    /// The same page table by page table: the addresses that belong to one, and
    /// the offset of the first of them in the extent.
    pub(crate) fn pieces_of(&self, index: usize) -> impl Iterator<Item = (Range<usize>, usize)> {
        let (mut rest, mut at) = self.part_of(index);
        core::iter::from_fn(move || {
            let base = rest.start & !(pmd_size() - 1);
            let piece = rest.start..rest.end.min(base + pmd_size());
            let first = at;
            rest.start = piece.end;
            at += (piece.end - piece.start) / PAGE_SIZE;
            (!piece.is_empty()).then_some((piece, first))
        })
    }

    /// The address of the extent, if the VMA maps all of it and aligned, so
    /// that one pmd entry can translate it.
    pub(crate) fn pmd_address(&self, index: usize) -> Option<usize> {
        let (part, _) = self.part_of(index);
        let aligned = part.start & (pmd_size() - 1) == 0;
        (aligned && part.end - part.start == pmd_size()).then_some(part.start)
    }

    /// Whether a userfaultfd waits for missing pages here.
    pub(crate) fn has_uffd_missing(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_uffd_missing(self.vma.as_ptr()) }
    }

    /// Whether a userfaultfd waits here for pages that are not mapped, though the
    /// file has them.
    pub(crate) fn has_uffd_minor(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_uffd_minor(self.vma.as_ptr()) }
    }

    /// Whether a userfaultfd waits here for anything.
    pub(crate) fn is_uffd_armed(&self) -> bool {
        // SAFETY: By the type invariant.
        self.has_uffd_missing() || unsafe { bindings::vma_uffd_armed(self.vma.as_ptr()) }
    }

    /// Whether nothing about the VMA speaks against taking out its page tables,
    /// as far as can be said without their locks.
    pub(crate) fn may_lose_table(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_table_removable(self.vma.as_ptr()) }
    }

    /// Whether the VMA is mlocked.
    pub(crate) fn is_locked(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_locked(self.vma.as_ptr()) }
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::vm_area_struct {
        self.vma.as_ptr()
    }
}

// SAFETY: A VMA is unlinked from the tree, under the lock that is held, before
// its tables are freed (`free_pgtables()`) and before its bounds change
// (`vma_prepare()`).
unsafe impl Witness for MappedVma<'_> {
    #[inline]
    fn vma(&self) -> NonNull<bindings::vm_area_struct> {
        self.vma
    }
}
