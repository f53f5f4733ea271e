// SPDX-License-Identifier: GPL-2.0

//! Removing the small folios from every page table, and the roll back.

use super::gathered::Gathered;
use crate::{
    mm::{
        huge_folio::HugeFolio,
        reverse_map::MappedVma,
        sources::{
            state::Locked,
            Obstacle,
            Sources,
            Surplus, //
        },
    },
    pgtable::{
        cleared::{
            ClearedRun,
            MappedPages, //
        },
        detached::DetachedTable,
        witness::Witness, //
    },
    support::failpoint::Delay,
};
use core::{
    mem::ManuallyDrop,
    ops::{
        ControlFlow,
        Range, //
    },
};

/// The small folios of an extent while they are taken out of page tables: the pages that a table
/// may map, and the huge folio that the entries name instead.
pub(crate) struct Unmapping<'u, 'x, 'b> {
    sources: &'u mut Sources<'x, 'b, Locked>,
    huge: &'u HugeFolio<'b>,
}

impl<'u, 'b> Unmapping<'u, '_, 'b> {
    /// Returns the folio that migration entries name.
    pub(crate) fn target(&self) -> &'u HugeFolio<'b> {
        self.huge
    }
}

// SAFETY: Sources in this state are pages of the extent, and locked. They note what is unmapped.
// The folio that takes their place is dirty, and so are they after a roll back.
unsafe impl MappedPages for Unmapping<'_, '_, '_> {
    fn frames(&self) -> &[usize] {
        self.sources.frames()
    }

    fn settle(&mut self, run: ClearedRun<'_, Self>) {
        // SAFETY: By its invariant the run is of pages that `frames()` above has.
        unsafe { self.sources.note_unmapped(run) };
    }

    /// Keeps the table for a roll back.
    fn keep<W: Witness>(&mut self, table: DetachedTable<'_, W>) {
        self.sources.keep_table(table);
    }
}

/// An extent that no process maps any more: a migration entry has replaced each page or table of
/// pages that was mapped.
///
/// Dropping it rolls back: the small folios are mapped again in the places of the entries, and
/// tables that were taken out are put back. Changes by `mprotect()` and others are in the VMA and
/// in the migration entries, from which the new ones are made.
///
/// # Invariants
///
/// When this was made, only this value and the page cache had references to the sources, so that no
/// one could write to them. They have been locked since.
pub(crate) struct Unmapped<'x, 'b>(ManuallyDrop<Gathered<'x, 'b>>);

impl<'x, 'b> Gathered<'x, 'b> {
    /// Takes the sources out of every page table: calls `unmap` for each VMA that maps a page of
    /// the extent. Rolls back and returns the kind of reference if one is left after that: of a
    /// reader, or a fault in a VMA that kept its table.
    ///
    /// The lock of the reverse map is held throughout, and each VMA has to be finished when
    /// `unmap` returns: fork and mremap rely on the order of the walk. Context: sleeps.
    pub(crate) fn unmap(
        mut self,
        mut unmap: impl FnMut(&MappedVma<'_>, &mut Unmapping<'_, 'x, 'b>),
    ) -> Result<Unmapped<'x, 'b>, Surplus> {
        let reverse_map = self.extent().reverse_map();
        let mut unmapping = Unmapping {
            sources: &mut self.sources,
            huge: &self.huge,
        };
        let _: ControlFlow<()> = reverse_map.for_each(|vma| {
            unmap(vma, &mut unmapping);
            ControlFlow::Continue(())
        });
        self.sources.settle();
        drop(reverse_map);
        // INVARIANT: Not shown to anybody before the count.
        let unmapped = Unmapped(ManuallyDrop::new(self));
        Delay::Unmapped.wait();
        match unmapped.0.sources.surplus_unmapped() {
            None => Ok(unmapped),
            Some(surplus) => Err(surplus),
        }
    }
}

impl<'x, 'b> Unmapped<'x, 'b> {
    pub(super) fn held(&self) -> &Gathered<'x, 'b> {
        &self.0
    }

    /// Copies these pages of the sources into the huge folio; holes become zeroes.
    pub(super) fn copy_pages(&mut self, pages: Range<usize>) -> Result<(), Obstacle> {
        let held = &mut *self.0;
        held.sources.copy_pages(pages, &mut held.huge)
    }

    /// Takes everything out, so that nothing is rolled back when it is dropped.
    ///
    /// # Safety
    ///
    /// The huge folio takes the place of the sources, or the parts come back by
    /// [`from_held`](Self::from_held).
    pub(super) unsafe fn into_held(self) -> Gathered<'x, 'b> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: `this` is not used again, nor dropped.
        unsafe { ManuallyDrop::take(&mut this.0) }
    }

    /// Undoes [`into_held`](Self::into_held), for an exchange that failed after all.
    ///
    /// # Safety
    ///
    /// `held` comes from there, and its sources are locked since.
    pub(super) unsafe fn from_held(held: Gathered<'x, 'b>) -> Self {
        // INVARIANT: By this function's contract.
        Self(ManuallyDrop::new(held))
    }
}

impl Drop for Unmapped<'_, '_> {
    fn drop(&mut self) {
        Delay::RollingBack.wait();
        let held = &mut *self.0;
        held.huge.map_back(&mut held.sources);
        self.0.sources.keep_dirty();
        // SAFETY: Dropped here, once.
        unsafe { ManuallyDrop::drop(&mut self.0) };
    }
}
