// SPDX-License-Identifier: GPL-2.0

//! An extent that is huge already, but mapped page by page in some process:
//! after an mprotect() of a part, or because its table had to stay when the
//! extent was collapsed.

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
        reverse_map::MappedVma,
        sources::Scratch, //
    },
    pgtable::{
        entry::Pmd,
        walk::PmdSlot, //
    },
    support::failpoint::Delay, //
};
use core::ops::ControlFlow;

impl Located<'_> {
    /// Maps the huge folio huge where it is mapped page by page.
    ///
    /// Nothing is copied. Who touches the memory meanwhile waits on a migration
    /// entry, as in a collapse. Locked VMAs are left as they are: taking a large
    /// folio out of one in pieces would count its munlock as often.
    pub(super) fn remap(self, scratch: &mut Scratch, attempt: &mut Attempt<'_>) {
        let (mapping, index) = (self.mapping, self.index);
        let worth_it = mapping.reverse_map().for_each(index, |vma| {
            if has_table(vma, index) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if worth_it.is_continue() {
            return;
        }
        let Some(folio) = PublishedFolio::find(mapping, index) else {
            return;
        };
        let before = folio.mapped();
        let mut pages = HugePages::new(&folio, scratch);
        let _: ControlFlow<()> = mapping.reverse_map().for_each(index, |vma| {
            if has_table(vma, index) {
                let freed = &mut attempt.cost.report.page_tables_freed;
                take_table(vma, index, &mut pages, &folio, freed);
            }
            ControlFlow::Continue(())
        });
        Delay::Remapping.wait();
        let after = folio.map_everywhere(None);
        attempt.cost.report.pmds_mapped += after.saturating_sub(before) as u32;
    }
}

/// Whether the VMA could map the extent by one pmd and has a table there.
fn has_table(vma: &MappedVma<'_>, index: usize) -> bool {
    if vma.is_locked() || !vma.may_lose_table() {
        return false;
    }
    vma.pmd_address(index)
        .and_then(|addr| PmdSlot::find(vma, addr))
        .is_some_and(|slot| slot.read_lockless() == Pmd::Table)
}
