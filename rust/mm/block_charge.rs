// SPDX-License-Identifier: GPL-2.0

//! Space accounting for pages that are about to exist.

use super::backing::Mapping;
use crate::{
    bindings,
    support::failpoint::Point, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Pages charged to a file system (size, quota), inode blocks and `nrpages`; uncharged on drop, or
/// kept by [`keep`](BlockCharge::keep).
///
/// # Invariants
///
/// `pages` are accounted to the inode of `mapping` and in its `nrpages`.
pub(crate) struct BlockCharge<'b> {
    mapping: Mapping<'b>,
    pages: usize,
}

impl<'b> Mapping<'b> {
    /// Charges `pages` new pages to file system and inode. Context: sleeps.
    ///
    /// Returns `ENOSPC` or `EDQUOT` when a limit forbids it.
    pub(crate) fn charge(&self, pages: usize) -> Result<BlockCharge<'b>> {
        BlockCharge::new(*self, pages)
    }
}

impl<'b> BlockCharge<'b> {
    fn new(mapping: Mapping<'b>, pages: usize) -> Result<Self> {
        if pages > 0 {
            Point::Space.check(ENOSPC)?;
            Point::Quota.check(EDQUOT)?;
            // SAFETY: The mapping keeps its inode.
            to_result(unsafe { bindings::charge_blocks(mapping.inode(), pages as isize) })?;
        }
        // INVARIANT: Charged above.
        Ok(Self { mapping, pages })
    }

    /// Returns the number of pages that are charged.
    pub(crate) fn pages(&self) -> usize {
        self.pages
    }

    /// Keeps the charge for pages that exist now; returns their number.
    pub(crate) fn keep(mut self) -> usize {
        // INVARIANT: Nothing is left to give back.
        core::mem::take(&mut self.pages)
    }
}

impl Drop for BlockCharge<'_> {
    fn drop(&mut self) {
        if self.pages > 0 {
            // SAFETY: By the type invariant they are accounted.
            unsafe { bindings::uncharge_blocks(self.mapping.inode(), self.pages as isize) };
        }
    }
}
