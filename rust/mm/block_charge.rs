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
            let (inode, pages) = (mapping.inode(), pages as isize);
            // SAFETY: The mapping keeps its inode.
            to_result(unsafe { bindings::shmem_inode_acct_blocks(inode, pages) })?;
            // As `shmem_charge()`, which does not tell `ENOSPC` from `EDQUOT`. `nrpages` grows
            // before the inode is recalculated, or else a concurrent recalculation takes these
            // pages for freed ones.
            //
            // SAFETY: As above.
            unsafe {
                bindings::mapping_add_pages(mapping.as_ptr(), pages);
                bindings::shmem_recalc_inode(inode, pages, 0);
            }
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
            let pages = self.pages as isize;
            // SAFETY: The type invariant: the pages are accounted, to an inode that the mapping
            // keeps.
            unsafe {
                bindings::mapping_add_pages(self.mapping.as_ptr(), -pages);
                bindings::shmem_uncharge(self.mapping.inode(), pages);
            }
        }
    }
}
