// SPDX-License-Identifier: GPL-2.0

//! Copying the small folios.

use super::unmapped::Unmapped;
use crate::{
    mm::{
        reverse_map::ReverseMap,
        sources::Obstacle, //
    },
    pgtable::pmd_size::pmd_pages,
    support::task::cond_resched,
};

/// Pages copied between two offers to reschedule.
const COPY_BATCH: usize = 32;

/// An extent whose huge folio has the contents of the small ones.
///
/// # Invariants
///
/// Every page of the huge folio was written since the sources were unmapped: with what the source
/// has there, or with zeroes for a hole. `reverse_map`, if it is there, is that of the extent; it
/// is there if there are holes.
pub(crate) struct Copied<'x, 'b> {
    // Dropped in this order: the roll back locks the reverse map anew.
    pub(super) reverse_map: Option<ReverseMap<'b>>,
    pub(super) unmapped: Unmapped<'x, 'b>,
}

impl<'x, 'b> Unmapped<'x, 'b> {
    /// Copies the sources into the huge folio; holes become zeroes. Rolls back if a source cannot
    /// be read. Context: sleeps.
    ///
    /// A page that is pinned, written and unpinned between its copy and the store loses what was
    /// written, so nothing waits in between: if there are holes, the reverse map is locked here, in
    /// which the store looks for a userfaultfd.
    pub(crate) fn copy(mut self) -> Result<Copied<'x, 'b>, Obstacle> {
        let held = self.held();
        let reverse_map = (held.charge.pages() > 0).then(|| held.extent().reverse_map());
        let mut copied = Ok(());
        for at in (0..pmd_pages()).step_by(COPY_BATCH) {
            let pages = at..pmd_pages().min(at + COPY_BATCH);
            copied = self.copy_pages(pages);
            if copied.is_err() {
                break;
            }
            cond_resched();
        }
        // INVARIANT: All pages were copied, unless there is an error. The charge is for the holes.
        let this = Copied {
            reverse_map,
            unmapped: self,
        };
        copied.map(|()| this)
    }
}
