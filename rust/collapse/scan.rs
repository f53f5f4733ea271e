// SPDX-License-Identifier: GPL-2.0

//! Scan: finds the pages of an extent in the page cache, and tests the limits of the request.

use super::{
    extent::{
        Attempt,
        Located, //
    },
    outcome::Outcome, //
};
use crate::mm::sources::{
    state::Referenced,
    Scratch,
    Sources, //
};
use core::ops::ControlFlow;
use kernel::prelude::*;

/// An extent that may be collapsed. Its pages in memory, at least one, are referenced and not
/// locked.
pub(super) struct Scanned<'x, 'b> {
    pub(super) sources: Sources<'x, 'b, Referenced>,
    pub(super) holes: usize,
}

impl<'b> Located<'b> {
    /// Examines the extent.
    ///
    /// For an extent that cannot be collapsed nothing is locked or allocated, and at most one page
    /// is read from swap.
    pub(super) fn scan<'x>(
        self,
        scratch: &'x mut Scratch,
        attempt: &mut Attempt<'_>,
    ) -> Result<Scanned<'x, 'b>, Outcome> {
        if !self.extent.is_huge_allowed() {
            return Err(Outcome::ThpDisabled);
        }
        if self.extent.mapping().is_frozen() {
            return Err(Outcome::Frozen);
        }
        let (mut sources, found) = Sources::find(scratch, self.extent)?;
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
        if found.present == 0 && found.absent == found.swapped {
            // It tells the owner and the node of the extent. The others are read when there is a
            // huge page for them.
            bring_in(&mut sources, 1, attempt)?;
        }
        Ok(Scanned {
            sources,
            holes: found.holes,
        })
    }

    /// Returns whether a userfaultfd waits for a missing page.
    ///
    /// Only the same test at commit is reliable. Tested here, it leaves everything mapped.
    fn is_watched(&self) -> bool {
        self.extent
            .reverse_map()
            .for_each(|vma| {
                if vma.has_uffd_missing() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            })
            .is_break()
    }
}

/// Reads or zeroes up to `most` of the folios that are in swap or were never written.
pub(super) fn bring_in(
    sources: &mut Sources<'_, '_, Referenced>,
    most: usize,
    attempt: &mut Attempt<'_>,
) -> Result<(), Outcome> {
    // A restart would read the same pages again, so only the end of the request interrupts it.
    let over = || attempt.stay.is_final();
    let brought = sources.bring_in(most, &over).map_err(failed)??;
    attempt.cost.pages_swapped_in += brought as u64;
    Ok(())
}

/// Returns the outcome for an error of [`Sources::bring_in`].
fn failed(error: Error) -> Outcome {
    match error {
        ENOMEM => Outcome::NoMemory,
        EIO => Outcome::Poisoned,
        EBUSY => Outcome::Locked,
        error if Some(error) == Outcome::Poisoned.errno() => Outcome::Poisoned,
        // For instance a page that was truncated: the next attempt examines the extent again.
        _ => Outcome::Raced,
    }
}
