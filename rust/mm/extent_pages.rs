// SPDX-License-Identifier: GPL-2.0

//! Pages that a page table is cleared of.

use super::MappedVma;
use crate::pgtable::Cleared;

/// The pages of one extent, by their place in it.
pub(crate) trait ExtentPages {
    /// Whether page `at` of the extent has this page frame.
    fn is_page(&self, at: usize, pfn: usize) -> bool;

    /// Takes over the debt of an entry that mapped page `at` in a table of `vma`
    /// that is gone. Context: under the PTE lock.
    ///
    /// `mlocked` says whether the VMA is, so that it need not be asked again
    /// for each page.
    fn note_unmapped(&mut self, at: usize, cleared: Cleared, vma: &MappedVma<'_>, mlocked: bool);
}
