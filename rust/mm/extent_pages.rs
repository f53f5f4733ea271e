// SPDX-License-Identifier: GPL-2.0

//! Pages that a page table is cleared of.

use super::reverse_map::MappedVma;
use crate::pgtable::cleared::ClearedRun;

/// The pages of one extent, by their place in it.
pub(crate) trait ExtentPages {
    /// The page frame of each; one that no page has where there is a hole.
    fn frames(&self) -> &[usize];

    /// Takes over the debt of entries that mapped these pages, each its own, in
    /// a table of `vma` that is gone. Context: under the PTE lock.
    ///
    /// `mlocked` says whether the VMA is, so that it need not be asked again
    /// for each run.
    fn note_unmapped(&mut self, run: ClearedRun, vma: &MappedVma<'_>, mlocked: bool);
}
