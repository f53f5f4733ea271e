// SPDX-License-Identifier: GPL-2.0

//! The reverse map of an extent: the interval tree of the VMAs of its file.

use super::extent::Extent;
use crate::{
    bindings,
    pgtable::{
        pmd_size::{
            pmd_pages,
            pmd_size, //
        },
        removable::vma_table_removable,
        whole_pmd::WholePmd,
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

/// The reverse map of an extent, locked for reading (`i_mmap_rwsem` of its file).
///
/// No allocation that may reclaim while it is held: reclaim takes it, too.
///
/// # Invariants
///
/// The lock of the extent's file is held for reading by this task.
pub(crate) struct ReverseMap<'b> {
    extent: Extent<'b>,
    _nts: NotThreadSafe,
}

impl<'b> Extent<'b> {
    /// Locks the reverse map for reading. Context: sleeps.
    pub(crate) fn reverse_map(&self) -> ReverseMap<'b> {
        // SAFETY: The mapping lives for 'b.
        unsafe { bindings::i_mmap_lock_read(self.mapping().as_ptr()) };
        // INVARIANT: Locked on the line above.
        ReverseMap {
            extent: *self,
            _nts: NotThreadSafe,
        }
    }
}

impl<'b> ReverseMap<'b> {
    /// Returns the extent.
    pub(super) fn extent(&self) -> Extent<'b> {
        self.extent
    }

    /// Visits every VMA that maps a page of the extent, in the order of the interval tree, until
    /// `visit` breaks. Reschedules between VMAs.
    ///
    /// Fork and mremap rely on that order (`mm/mremap.c`, `move_ptes()`): what is done to a VMA is
    /// finished before the next one is visited.
    pub(crate) fn for_each<B>(
        &self,
        mut visit: impl FnMut(&MappedVma<'_>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.walk(|vma| {
            cond_resched();
            visit(vma)
        })
    }

    /// Returns whether `test` holds for any VMA that maps a page of the extent. Unlike
    /// [`for_each`](Self::for_each) it does not reschedule, and may be called under a spinlock.
    pub(crate) fn any(&self, test: impl Fn(&MappedVma<'_>) -> bool) -> bool {
        self.walk(|vma| {
            if test(vma) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        })
        .is_break()
    }

    fn walk<B>(&self, mut visit: impl FnMut(&MappedVma<'_>) -> ControlFlow<B>) -> ControlFlow<B> {
        let (first, last) = (self.extent.first(), self.extent.last());
        let mapping = self.extent.mapping().as_ptr();
        // SAFETY: By the type invariant the tree is locked.
        let mut raw = unsafe { bindings::mapping_rmap_tree_iter_first(mapping, first, last) };

        while let Some(vma) = NonNull::new(raw) {
            // INVARIANT: Found in the locked tree, by a page of the extent.
            visit(&MappedVma { vma, map: self })?;
            // SAFETY: The lock kept the VMA in the tree.
            raw = unsafe { bindings::mapping_rmap_tree_iter_next(vma.as_ptr(), first, last) };
        }
        ControlFlow::Continue(())
    }
}

impl Drop for ReverseMap<'_> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the lock is held.
        unsafe { bindings::i_mmap_unlock_read(self.extent.mapping().as_ptr()) };
    }
}

/// A VMA that maps a page of an extent, found through the locked reverse map.
///
/// It is good for taking things out of its page table, not for putting things in: its process may
/// be past its last zap, so that nobody would take them out again. The types of `pgtable` allow no
/// installing through any witness but the exchange of a table that still maps a page, or of an
/// entry that does.
///
/// # Invariants
///
/// `vma` is in the interval tree that `map` holds locked, and maps a page of its extent.
pub(crate) struct MappedVma<'r> {
    vma: NonNull<bindings::vm_area_struct>,
    map: &'r ReverseMap<'r>,
}

impl MappedVma<'_> {
    /// Returns the addresses at which the VMA maps pages of the extent, and how many pages of the
    /// extent are before the first of them.
    fn part(&self) -> (Range<usize>, usize) {
        // SAFETY: By the type invariant the VMA is valid.
        let pgoff = unsafe { bindings::vma_pgoff(self.vma.as_ptr()) };
        let (vma, first) = (self.addresses(), self.map.extent.first());
        // By the type invariant each of the two reaches into the other.
        let before = pgoff.saturating_sub(first);
        let start = vma.start + first.saturating_sub(pgoff) * PAGE_SIZE;
        let end = vma.end.min(start + (pmd_pages() - before) * PAGE_SIZE);
        (start..end, before)
    }

    /// Iterates over the addresses at which the VMA maps pages of the extent, page table by page
    /// table, with the number of pages of the extent before the first of them.
    pub(crate) fn pieces(&self) -> impl Iterator<Item = (Range<usize>, usize)> {
        let (mut rest, mut before) = self.part();
        core::iter::from_fn(move || {
            let base = rest.start & !(pmd_size() - 1);
            let piece = rest.start..rest.end.min(base + pmd_size());
            let first = before;
            rest.start = piece.end;
            before += (piece.end - piece.start) / PAGE_SIZE;
            (!piece.is_empty()).then_some((piece, first))
        })
    }

    /// Returns the VMA as one that maps all of the extent, and aligned, so that one pmd entry can
    /// translate it; [`None`] if it does not.
    pub(crate) fn covering(&self) -> Option<CoveringVma<'_>> {
        let (part, _) = self.part();
        let aligned = part.start & (pmd_size() - 1) == 0;
        // INVARIANT: Tested here.
        (aligned && part.end - part.start == pmd_size()).then_some(CoveringVma {
            vma: self,
            start: part.start,
        })
    }

    /// Returns whether a userfaultfd waits for missing pages here.
    pub(crate) fn has_uffd_missing(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_uffd_missing(self.vma.as_ptr()) }
    }

    /// Returns whether a userfaultfd waits here for pages that are not mapped, though the file has
    /// them.
    pub(crate) fn has_uffd_minor(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_uffd_minor(self.vma.as_ptr()) }
    }

    /// Returns whether a userfaultfd waits here for anything.
    pub(crate) fn is_uffd_armed(&self) -> bool {
        // SAFETY: By the type invariant.
        self.has_uffd_missing() || unsafe { bindings::vma_uffd_armed(self.vma.as_ptr()) }
    }

    /// Returns whether nothing about the VMA speaks against taking out its page tables, as far as
    /// can be said without their locks.
    pub(crate) fn may_lose_table(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { vma_table_removable(self.vma.as_ptr()) }
    }

    /// Returns whether the VMA is being changed: its lock is held for writing.
    pub(crate) fn is_write_locked(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_write_locked(self.vma.as_ptr()) }
    }

    /// Returns whether the VMA is mlocked.
    pub(crate) fn is_locked(&self) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::vma_locked(self.vma.as_ptr()) }
    }
}

// SAFETY: A VMA is unlinked from the tree, which takes the lock that is held, before its tables are
// freed (`free_pgtables()`), and its bounds change under that lock (`vma_prepare()`).
unsafe impl Witness for MappedVma<'_> {
    #[inline]
    fn vma(&self) -> NonNull<bindings::vm_area_struct> {
        self.vma
    }
}

/// A VMA that maps a whole extent at an aligned address.
///
/// # Invariants
///
/// `vma` maps the first page of the extent at `start`, a multiple of [`pmd_size()`], and all others
/// behind it.
pub(crate) struct CoveringVma<'v> {
    vma: &'v MappedVma<'v>,
    start: usize,
}

impl<'v> CoveringVma<'v> {
    /// Returns the VMA.
    pub(crate) fn vma(&self) -> &'v MappedVma<'v> {
        self.vma
    }

    /// Finds the pmd entry of the extent; returns [`None`] when there is no table at that level.
    pub(crate) fn find_pmd(&self) -> Option<WholePmd<'v, MappedVma<'v>>> {
        WholePmd::find(self.vma, self.start)
    }
}
