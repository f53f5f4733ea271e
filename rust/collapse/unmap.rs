// SPDX-License-Identifier: GPL-2.0

//! Unmap: which way a table of each mapper goes.

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
    /// Takes the sources out of every page table, the quick way where that is possible, or rolls
    /// back.
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

/// Finishes one VMA.
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
