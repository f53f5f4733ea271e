// SPDX-License-Identifier: GPL-2.0

//! Scan: what the page cache has, and whether the request's limits allow it.

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

/// An extent that may be collapsed: of its pages those in memory, at least one,
/// are referenced, none is locked.
pub(super) struct Scanned<'x, 'b> {
    pub(super) sources: Sources<'x, 'b, Referenced>,
    pub(super) holes: usize,
}

impl<'b> Located<'b> {
    /// Looks at the extent.
    ///
    /// Nothing is locked or allocated for one that cannot be collapsed, and one
    /// page is read from swap at most.
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
            // It says whose the extent is, and where it lies. The others follow
            // when there is a huge page for them.
            bring_in(&mut sources, 1, attempt)?;
        }
        Ok(Scanned {
            sources,
            holes: found.holes,
        })
    }

    /// Whether a userfaultfd waits for a missing page. Only the same question
    /// at commit is safe; asked here, it leaves everything mapped.
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

/// Brings in `most` of the folios that are not there or not usable yet.
pub(super) fn bring_in(
    sources: &mut Sources<'_, '_, Referenced>,
    most: usize,
    attempt: &mut Attempt<'_>,
) -> Result<(), Outcome> {
    // A restart would read the same again: only an end is worth giving up.
    let over = || attempt.stay.is_final();
    let brought = sources.bring_in(most, &over).map_err(failed)??;
    attempt.cost.pages_swapped_in += brought as u64;
    Ok(())
}

/// What an error of [`Sources::bring_in`] says about the extent.
fn failed(error: Error) -> Outcome {
    match error {
        ENOMEM => Outcome::NoMemory,
        EIO => Outcome::Poisoned,
        EBUSY => Outcome::Locked,
        error if Some(error) == Outcome::Poisoned.errno() => Outcome::Poisoned,
        // Among them a page that was cut off: the next look says what is left.
        _ => Outcome::Raced,
    }
}
