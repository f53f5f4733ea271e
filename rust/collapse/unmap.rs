// SPDX-License-Identifier: GPL-2.0

//! Unmap: one ordered pass over the mappers, and the way back.

use super::{
    extent::{
        unaccounted,
        Attempt, //
    },
    gather::Gathered,
    outcome::Outcome,
    sweep::sweep, //
};
use crate::{
    mm::{
        cond_resched,
        Locked,
        MappedVma,
        Sources, //
    },
    pgtable::{
        pmd_migration_supported,
        pmd_pages,
        pmd_size,
        CheckedTable,
        Cleared,
        MigrationTarget,
        Pmd,
        PmdSlot, //
    },
};
use core::ops::ControlFlow;
use kernel::{
    prelude::*,
    time::{
        Instant,
        Monotonic, //
    },
};

/// Pages copied between two offers to reschedule.
const COPY_BATCH: usize = 32;

/// An extent that no process maps any more: where a page table stood there is a
/// migration entry, or nothing.
///
/// Dropping it rolls back. The entries become empty pmds, never the old tables
/// again: what mprotect or userfaultfd did meanwhile is not in those.
pub(super) struct Unmapped<'x, 'b> {
    /// [`None`] once the extent is committed.
    pub(super) held: Option<Gathered<'x, 'b>>,
}

impl<'x, 'b> Gathered<'x, 'b> {
    /// Takes the sources out of every page table.
    ///
    /// `i_mmap_rwsem` is held throughout, and each VMA is finished when it is
    /// met: fork and mremap rely on the order of the walk.
    pub(super) fn unmap(mut self) -> Result<Unmapped<'x, 'b>, Outcome> {
        let index = self.sources.index();
        {
            let reverse_map = self.sources.mapping().reverse_map();
            let (sources, huge) = (&mut self.sources, &self.huge);
            let _: ControlFlow<()> = reverse_map.for_each(index, |vma| {
                unmap_from(vma, index, sources, huge);
                ControlFlow::Continue(())
            });
            sources.settle();
        }
        let unmapped = Unmapped { held: Some(self) };
        // A surplus now is a reader, or a fault in a VMA that kept its table.
        unaccounted(unmapped.sources().surplus_unmapped())?;
        Ok(unmapped)
    }
}

/// Finishes one VMA.
fn unmap_from(
    vma: &MappedVma<'_>,
    index: usize,
    sources: &mut Sources<'_, '_, Locked>,
    huge: &impl MigrationTarget,
) {
    let taken = vma
        .pmd_address(index)
        .is_some_and(|addr| take_table(vma, addr, sources, huge));
    if !taken {
        sweep(vma, index, sources);
    }
}

/// Takes the whole table out, if VMA and contents allow it; returns whether
/// nothing of the extent is left there.
fn take_table(
    vma: &MappedVma<'_>,
    addr: usize,
    sources: &mut Sources<'_, '_, Locked>,
    huge: &impl MigrationTarget,
) -> bool {
    let Some(mut slot) = PmdSlot::find(vma, addr) else {
        return true;
    };
    // The sources are locked, so no fault maps one where none is mapped now.
    if slot.read_lockless() != Pmd::Table {
        return true;
    }
    let section = slot.invalidate(addr..addr + pmd_size());
    let Some(table) = section.lock_pmd().lock_table() else {
        return true;
    };
    let detached = match table.check(|at, pfn| sources.is_page(at, pfn)) {
        CheckedTable::Kept => return false,
        CheckedTable::Empty(table) => table.remove(),
        CheckedTable::Mapped(table) => {
            let mlocked = vma.is_locked();
            let visit = |at: usize, cleared: Cleared| {
                sources.note_unmapped(at, cleared, vma, mlocked);
            };
            if pmd_migration_supported() {
                table.replace(huge, visit)
            } else {
                table.remove(visit)
            }
        }
    };
    detached.free_deferred();
    true
}

impl<'x, 'b> Unmapped<'x, 'b> {
    fn sources(&self) -> &Sources<'x, 'b, Locked> {
        match &self.held {
            Some(held) => &held.sources,
            None => unreachable!(),
        }
    }

    /// Copies the sources into the new folio; holes become zeroes. Reschedules
    /// now and then.
    pub(super) fn copy(mut self, attempt: &mut Attempt<'_>) -> Result<Copied<'x, 'b>, Outcome> {
        let start = Instant::<Monotonic>::now();
        if let Some(held) = &mut self.held {
            for at in 0..pmd_pages() {
                held.sources.copy_page(at, &mut held.huge)?;
                if at % COPY_BATCH == 0 {
                    cond_resched();
                }
            }
        }
        attempt.cost.copy_ns += start.elapsed().as_nanos() as u64;
        Ok(Copied(self))
    }
}

impl Drop for Unmapped<'_, '_> {
    fn drop(&mut self) {
        if let Some(held) = &mut self.held {
            held.huge.clear_entries();
            held.sources.keep_dirty();
        }
    }
}

/// An extent whose new folio has the contents of the old ones.
pub(super) struct Copied<'x, 'b>(pub(super) Unmapped<'x, 'b>);
