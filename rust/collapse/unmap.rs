// SPDX-License-Identifier: GPL-2.0

//! Unmap: one ordered pass over the mappers, and the way back.

use super::{
    extent::{
        unaccounted,
        Attempt, //
    },
    gather::Gathered,
    outcome::Outcome,
    sweep::sweep,
    take::take_table, //
};
use crate::{
    mm::{
        reverse_map::{
            MappedVma,
            ReverseMap, //
        },
        sources::{
            state::Locked,
            Sources, //
        },
    },
    pgtable::{
        migration::MigrationTarget,
        pmd_size::pmd_pages, //
    },
    support::{
        failpoint::Delay,
        task::cond_resched, //
    },
};
use core::ops::ControlFlow;
use kernel::prelude::*;

/// Pages copied between two offers to reschedule.
const COPY_BATCH: usize = 32;

/// An extent that no process maps any more: where a page or a table of pages was
/// mapped there is a migration entry.
///
/// Dropping it rolls back. The entries become empty, never the old tables again:
/// what mprotect or userfaultfd did meanwhile is not in those.
pub(super) struct Unmapped<'x, 'b> {
    /// [`None`] once the extent is committed.
    pub(super) held: Option<Gathered<'x, 'b>>,
}

impl<'x, 'b> Gathered<'x, 'b> {
    /// Takes the sources out of every page table.
    ///
    /// `i_mmap_rwsem` is held throughout, and each VMA is finished when it is
    /// met: fork and mremap rely on the order of the walk.
    pub(super) fn unmap(mut self, attempt: &mut Attempt<'_>) -> Result<Unmapped<'x, 'b>, Outcome> {
        let index = self.sources.index();
        let report = &mut attempt.cost.report;
        report.vmas = 0;
        {
            let reverse_map = self.sources.mapping().reverse_map();
            let (sources, huge) = (&mut self.sources, &self.huge);
            let _: ControlFlow<()> = reverse_map.for_each(index, |vma| {
                unmap_from(vma, index, sources, huge, &mut report.page_tables_freed);
                report.vmas += 1;
                Delay::Unmapping.wait();
                ControlFlow::Continue(())
            });
            sources.settle();
        }
        let unmapped = Unmapped { held: Some(self) };
        Delay::Unmapped.wait();
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
    freed: &mut u32,
) {
    if !take_table(vma, index, sources, huge, freed) {
        sweep(vma, index, sources, huge);
    }
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
    ///
    /// A page that is pinned, written and let go between its copy and the commit
    /// loses what was written, so nothing is waited for in between: where the
    /// commit needs the reverse map, that is locked here.
    pub(super) fn copy(mut self) -> Result<Copied<'x, 'b>, Outcome> {
        let watched = self.held.as_ref().filter(|held| held.charge.pages() > 0);
        let reverse_map = watched.map(|held| held.sources.mapping().reverse_map());
        if let Some(held) = &mut self.held {
            for at in (0..pmd_pages()).step_by(COPY_BATCH) {
                let pages = at..pmd_pages().min(at + COPY_BATCH);
                held.sources.copy_pages(pages, &mut held.huge)?;
                cond_resched();
            }
        }
        Ok(Copied {
            reverse_map,
            unmapped: self,
        })
    }
}

impl Drop for Unmapped<'_, '_> {
    fn drop(&mut self) {
        if let Some(held) = &mut self.held {
            Delay::RollingBack.wait();
            held.huge.clear_entries();
            held.sources.keep_dirty();
        }
    }
}

/// An extent whose new folio has the contents of the old ones.
///
/// Dropped in the order of the fields: the roll back locks the reverse map anew.
pub(super) struct Copied<'x, 'b> {
    /// Held where there are holes, of which somebody may wait for an event.
    pub(super) reverse_map: Option<ReverseMap<'b>>,
    pub(super) unmapped: Unmapped<'x, 'b>,
}
