// SPDX-License-Identifier: GPL-2.0

//! Space accounting for pages that are about to exist.

use super::{
    backing::Mapping,
    extent::Extent, //
};
use crate::{
    bindings,
    pgtable::pmd_size::pmd_pages,
    support::failpoint::Point, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Pages charged to a file system (size, quota), inode blocks and `nrpages`.
///
/// Dropping it gives them back.
///
/// # Invariants
///
/// `pages` are accounted to the inode of `mapping` and in its `nrpages`.
pub(crate) struct BlockCharge<'b> {
    mapping: Mapping<'b>,
    pages: usize,
}

impl<'b> Extent<'b> {
    /// Charges `pages` new pages to file system and inode. Context: sleeps.
    ///
    /// Returns `ENOSPC` or `EDQUOT` when a limit forbids it, and `EINVAL` if the extent has fewer
    /// pages.
    pub(crate) fn charge(&self, pages: usize) -> Result<BlockCharge<'b>> {
        let mapping = self.mapping();
        if pages > pmd_pages() {
            return Err(EINVAL);
        }
        if pages > 0 {
            Point::Space.check(ENOSPC)?;
            Point::Quota.check(EDQUOT)?;
            // SAFETY: The mapping keeps its inode.
            to_result(unsafe { bindings::charge_blocks(mapping.inode(), pages as isize) })?;
        }
        // INVARIANT: Charged above.
        Ok(BlockCharge { mapping, pages })
    }
}

impl<'b> BlockCharge<'b> {
    /// Returns the page cache that the pages are for.
    pub(super) fn mapping(&self) -> Mapping<'b> {
        self.mapping
    }

    /// Returns the number of pages that are charged.
    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    /// Keeps the charge for pages that exist now; returns their number.
    ///
    /// # Safety
    ///
    /// The page cache has that many pages more than when they were charged, and nobody else is
    /// charged for them.
    pub(super) unsafe fn keep(mut self) -> usize {
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
