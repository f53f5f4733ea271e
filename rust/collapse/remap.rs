// SPDX-License-Identifier: GPL-2.0

//! Remap: extents that are huge already, but mapped page by page in some process, after an
//! `mprotect()` of a part, or because a table had to stay when the extent was collapsed.

use super::{
    extent::{
        Attempt,
        Located, //
    },
    take::take_table, //
};
use crate::{
    mm::{
        huge_folio::{
            HugePages,
            PublishedFolio, //
        },
        reverse_map::{
            CoveringVma,
            MappedVma, //
        },
        sources::Scratch, //
    },
    pgtable::entry::Pmd,
    support::failpoint::Delay, //
};
use core::ops::ControlFlow;
use kernel::prelude::*;

impl Located<'_> {
    /// Maps the huge folio huge where it is mapped page by page.
    ///
    /// Nothing is copied. A thread that touches the memory meanwhile waits on a migration entry, as
    /// in a collapse. Locked VMAs are left as they are: to unmap a large folio there page by page
    /// would count its munlock as often. Fails if the folio cannot be locked at once.
    pub(super) fn remap(self, scratch: &mut Scratch, attempt: &mut Attempt<'_>) -> Result {
        let worth_it = self.extent.reverse_map().for_each(|vma| {
            if with_table(vma).is_some() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if worth_it.is_continue() {
            return Ok(());
        }
        let folio = PublishedFolio::find(self.extent).ok_or(EBUSY)?;
        let before = folio.mapped();
        let mut pages = HugePages::new(&folio, scratch);
        let _: ControlFlow<()> = self.extent.reverse_map().for_each(|vma| {
            if let Some(vma) = with_table(vma) {
                let freed = &mut attempt.cost.report.page_tables_freed;
                take_table(&vma, &mut pages, &folio, freed);
            }
            ControlFlow::Continue(())
        });
        Delay::Remapping.wait();
        let after = folio.map_everywhere();
        attempt.cost.report.pmds_mapped += after.saturating_sub(before) as u32;
        Ok(())
    }
}

/// Returns the VMA if it could map the extent by one pmd and has a table there.
fn with_table<'v>(vma: &'v MappedVma<'_>) -> Option<CoveringVma<'v>> {
    if vma.is_locked() || !vma.may_lose_table() {
        return None;
    }
    let vma = vma.covering()?;
    let table = vma.find_pmd()?.read_lockless() == Pmd::Table;
    table.then_some(vma)
}
