// SPDX-License-Identifier: GPL-2.0

//! Rmap and references that pages still hold for cleared entries.

#[cfg(all_accessors)]
use super::entry::Pte;
use super::{
    detached::DetachedTable,
    pte_table::FoundPages,
    witness::Witness, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ops::Range,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    types::NotThreadSafe, //
};

/// An entry that mapped a page until it was cleared.
///
/// The page still counts the mapping: the receiver of this value drops rmap and reference, once and
/// under the PTE lock. It therefore cannot be copied, nothing else makes one, and it borrows the
/// guard through which the entry was cleared.
///
/// # Invariants
///
/// The entry was present, mapped an ordinary page, is gone and flushed from the TLB. The lock of
/// its table is held for `'t`.
#[cfg(all_accessors)]
#[must_use = "the page still counts the mapping"]
pub(crate) struct Cleared<'t> {
    gone: Pte,
    _table: PhantomData<&'t ()>,
    _nts: NotThreadSafe,
}

#[cfg(all_accessors)]
impl Cleared<'_> {
    /// Returns [`None`] if the entry mapped no page.
    ///
    /// # Safety
    ///
    /// `gone` is the value of an entry that the caller has cleared and flushed, under the lock of
    /// its table, which stays held for the lifetime of the result.
    pub(super) unsafe fn new(gone: Pte) -> Option<Self> {
        // INVARIANT: By this function's contract.
        gone.page().map(|_| Self {
            gone,
            _table: PhantomData,
            _nts: NotThreadSafe,
        })
    }

    /// Returns whether hardware wrote through the entry.
    pub(crate) fn is_dirty(&self) -> bool {
        self.gone.is_dirty()
    }

    /// Returns the page frame. The caller then drops rmap and reference.
    pub(crate) fn into_page(self) -> usize {
        self.gone.0.pfn
    }
}

/// Adjacent entries that mapped pages of a `P` until they were cleared.
///
/// The pages still count the mappings. The value whose pages were looked for drops rmap and
/// references: only its [`MappedPages::settle`] is ever given a run, and it cannot keep one.
///
/// # Invariants
///
/// For each bit of `pages` that is set, an entry of `vma` was present and mapped what
/// [`MappedPages::frames`] of the receiver has at the index `first` plus the number of the bit. The
/// entry is gone and flushed from the TLB. The lock of its table is held for `'t`. `first` is a
/// multiple of [`RUN_LEN`](super::pte_table::RUN_LEN). `mlocked` says whether `vma` is.
#[must_use = "the pages still count the mappings"]
pub(crate) struct ClearedRun<'t, P: ?Sized> {
    first: usize,
    pages: u64,
    vma: NonNull<bindings::vm_area_struct>,
    mlocked: bool,
    _table: PhantomData<&'t ()>,
    _receiver: PhantomData<fn(&P)>,
    _nts: NotThreadSafe,
}

impl<P: ?Sized> ClearedRun<'_, P> {
    /// Returns the index of the first entry that the run can have.
    pub(crate) fn first(&self) -> usize {
        self.first
    }

    /// Returns whether all entries that a run can have mapped a page.
    pub(crate) fn is_whole(&self) -> bool {
        self.pages == u64::MAX
    }

    /// Returns the VMA that the entries belonged to.
    pub(crate) fn vma(&self) -> NonNull<bindings::vm_area_struct> {
        self.vma
    }

    /// Returns whether that VMA is mlocked.
    pub(crate) fn is_mlocked(&self) -> bool {
        self.mlocked
    }

    /// Returns the indices of the entries, in stretches. The caller then drops rmap and references.
    pub(crate) fn into_stretches(self) -> impl Iterator<Item = Range<usize>> {
        stretches(self.first, self.pages)
    }
}

/// Iterates over stretches of set bits; the lowest bit has the number `first`.
fn stretches(first: usize, mut pages: u64) -> impl Iterator<Item = Range<usize>> {
    core::iter::from_fn(move || {
        (pages != 0).then(|| {
            let start = pages.trailing_zeros();
            let len = (pages >> start).trailing_ones();
            pages &= !(u64::MAX >> (u64::BITS - len) << start);
            first + start as usize..first + (start + len) as usize
        })
    })
}

/// Pages that a table may map, and whose rmap and references are dropped for cleared entries.
///
/// # Safety
///
/// The pages are those of one shmem file, at adjacent indices, for as long as the value lives:
/// usually they are locked. [`settle`](Self::settle) drops rmap and reference of each page of a
/// run, and makes the page dirty if it may have been written to through the entry.
pub(crate) unsafe trait MappedPages {
    /// Returns the page frames by their index, with a number that no page has where there is none.
    fn frames(&self) -> &[usize];

    /// Drops rmap and references of a run, or notes them to be dropped later. Context: under the
    /// PTE lock.
    fn settle(&mut self, run: ClearedRun<'_, Self>);

    /// Takes over a table that mapped the pages and was taken out.
    fn keep<W: Witness>(&mut self, table: DetachedTable<'_, W>) {
        table.free_deferred();
    }
}

/// Passes cleared entries to the pages that they mapped, which drop rmap and references.
///
/// Drains this CPU's mlock batch if the VMA is mlocked: dropping rmap has left references there.
///
/// # Safety
///
/// `found` are entries of the VMA of `witness` that mapped pages of `pages` at these indices. The
/// caller has cleared them and flushed them from the TLB, and does not drop their rmap and
/// references itself. The lock of their table is held.
pub(super) unsafe fn settle<W: Witness, P: MappedPages>(
    found: &FoundPages,
    pages: &mut P,
    witness: &W,
) {
    let vma = witness.vma();
    // SAFETY: The witness keeps the VMA.
    let mlocked = unsafe { bindings::vma_locked(vma.as_ptr()) };
    for (first, bits) in found.runs() {
        // INVARIANT: By this function's contract; the lock is held until this returns.
        pages.settle(ClearedRun {
            first,
            pages: bits,
            vma,
            mlocked,
            _table: PhantomData,
            _receiver: PhantomData,
            _nts: NotThreadSafe,
        });
    }
    if mlocked {
        // SAFETY: FFI call without safety requirements.
        unsafe { bindings::mlock_drain_local() };
    }
}

#[kunit_tests(shmem_collapse_pgtable_cleared)]
mod tests {
    use super::{
        stretches,
        ClearedRun, //
    };
    use core::{
        marker::PhantomData,
        ptr::NonNull, //
    };
    use kernel::types::NotThreadSafe;

    fn same_bits(first: usize, pages: u64) -> bool {
        let mut seen = 0u64;
        let mut last = None;
        for stretch in stretches(first, pages) {
            // Not empty, in order, and not to be joined with the one before.
            if stretch.is_empty() || last.is_some_and(|end| stretch.start <= end) {
                return false;
            }
            last = Some(stretch.end);
            for at in stretch {
                seen |= 1 << (at - first);
            }
        }
        seen == pages
    }

    #[test]
    fn a_run_is_whole_with_its_last_page() {
        for (pages, whole) in [
            (0, false),
            (u64::MAX - 1, false),
            (u64::MAX >> 1, false),
            (u64::MAX, true),
        ] {
            let run = ClearedRun::<()> {
                first: 0,
                pages,
                vma: NonNull::dangling(),
                mlocked: false,
                _table: PhantomData,
                _receiver: PhantomData,
                _nts: NotThreadSafe,
            };
            assert_eq!(run.is_whole(), whole);
        }
    }

    #[test]
    fn stretches_are_the_pages_of_a_run() {
        for pages in [0, 1, 1 << 63, 1 << 63 | 1, u64::MAX, u64::MAX - 1] {
            assert!(same_bits(64, pages));
        }
        let mut pages = 0x9e37_79b9_7f4a_7c15u64;
        for _ in 0..1000 {
            // xorshift64
            pages ^= pages << 13;
            pages ^= pages >> 7;
            pages ^= pages << 17;
            assert!(same_bits(0, pages));
            assert!(same_bits(448, pages & pages.rotate_left(1)));
        }
    }
}
