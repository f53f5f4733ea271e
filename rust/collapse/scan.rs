// SPDX-License-Identifier: GPL-2.0

//! Scan: what the page cache has, and whether the request's limits allow it.

use super::{
    extent::{
        Attempt,
        Located, //
    },
    outcome::Outcome, //
};
use crate::mm::{
    lru_add_drain,
    Referenced,
    Scratch,
    Sources, //
};
use core::ops::ControlFlow;
use kernel::prelude::*;

/// An extent whose pages are all in memory, each referenced, none locked.
pub(super) struct Scanned<'x, 'b> {
    pub(super) sources: Sources<'x, 'b, Referenced>,
    pub(super) holes: usize,
}

impl<'b> Located<'b> {
    /// Looks at the extent and brings in what is swapped out.
    ///
    /// Nothing is locked or allocated for an extent that cannot be collapsed.
    pub(super) fn scan<'x>(
        self,
        scratch: &'x mut Scratch,
        attempt: &mut Attempt<'_>,
    ) -> Result<Scanned<'x, 'b>, Outcome> {
        if !self.mapping.huge_allowed(self.index) {
            return Err(Outcome::ThpDisabled);
        }
        if self.mapping.is_frozen() {
            return Err(Outcome::Frozen);
        }
        let (mut sources, found) = Sources::find(scratch, self.mapping, self.index)?;
        attempt.cost.report.holes = found.holes as u32;
        attempt.cost.report.swapped = found.swapped as u32;
        if found.present + found.absent == 0 {
            return Err(Outcome::Empty);
        }
        if found.holes > attempt.config.max_ptes_none {
            return Err(Outcome::TooManyHoles);
        }
        if found.swapped > attempt.config.max_ptes_swap {
            return Err(Outcome::TooManySwapped);
        }
        if found.holes > 0 && self.is_watched() {
            return Err(Outcome::UffdMissing);
        }
        if found.absent > 0 {
            let brought = sources.bring_in().map_err(swap_in_failed)??;
            attempt.cost.pages_swapped_in += brought as u64;
        }
        if sources.had_surplus() {
            // Most often it is a batch of this CPU. The count under the locks
            // tells.
            lru_add_drain();
        }
        Ok(Scanned {
            sources,
            holes: found.holes,
        })
    }

    /// Whether a userfaultfd waits for a missing page. Only the same question
    /// at commit is safe; asked here, it leaves everything mapped.
    fn is_watched(&self) -> bool {
        self.mapping
            .reverse_map()
            .for_each(self.index, |vma| {
                if vma.has_uffd_missing() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .is_break()
    }
}

/// What an error of `shmem_get_folio()` says about the extent.
fn swap_in_failed(error: Error) -> Outcome {
    match error {
        ENOMEM => Outcome::NoMemory,
        EIO => Outcome::Poisoned,
        // A page beyond the end of the file stays in swap.
        EINVAL => Outcome::Empty,
        error if Some(error) == Outcome::Poisoned.errno() => Outcome::Poisoned,
        _ => Outcome::Raced,
    }
}
