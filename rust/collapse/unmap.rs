// SPDX-License-Identifier: GPL-2.0

//! Unmap: takes or sweeps the tables of each mapper.

use super::{
    extent::{
        unaccounted,
        Attempt, //
    },
    outcome::Outcome,
    sweep::sweep,
    take::take_table, //
};
use crate::{
    mm::{
        exchange::{
            gathered::Gathered,
            unmapped::{
                Unmapped,
                Unmapping, //
            },
        },
        reverse_map::MappedVma, //
    },
    support::failpoint::Delay, //
};

impl<'x, 'b> Gathered<'x, 'b> {
    /// Removes the sources from every page table, the quick way where that is possible. Rolls back
    /// if there are unaccounted references.
    pub(super) fn unmap_tables(
        self,
        attempt: &mut Attempt<'_>,
    ) -> Result<Unmapped<'x, 'b>, Outcome> {
        let report = &mut attempt.cost.report;
        report.vmas = 0;
        let unmapped = self.unmap(|vma, pages| {
            unmap_from(vma, pages, &mut report.page_tables_freed);
            report.vmas += 1;
            Delay::Unmapping.wait();
        });
        unmapped.map_err(unaccounted)
    }
}

/// Removes the sources from the tables of one VMA.
fn unmap_from(vma: &MappedVma<'_>, pages: &mut Unmapping<'_, '_, '_>, freed: &mut u32) {
    let target = pages.target();
    let taken = match vma.covering() {
        Some(vma) => take_table(&vma, pages, target, freed),
        None => false,
    };
    if !taken {
        sweep(vma, pages);
    }
}
