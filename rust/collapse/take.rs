// SPDX-License-Identifier: GPL-2.0

//! Taking a whole page table out of the way: the quick way of a VMA.

use crate::{
    mm::{
        extent_pages::ExtentPages,
        reverse_map::MappedVma, //
    },
    pgtable::{
        cleared::{
            ClearedRun,
            MappedPages, //
        },
        entry::Pmd,
        migration::MigrationTarget,
        pmd_lock::CheckedTable,
        pmd_size::{
            pmd_migration_supported,
            pmd_size, //
        },
        walk::PmdSlot, //
    },
    support::failpoint::{
        Delay,
        Point, //
    },
};

/// Exchanges the table that maps the extent for a migration entry that names
/// `huge`, if VMA and contents allow it, and counts it in `freed`; returns
/// whether nothing of the extent is left there.
pub(super) fn take_table(
    vma: &MappedVma<'_>,
    index: usize,
    pages: &mut impl ExtentPages,
    huge: &impl MigrationTarget,
    freed: &mut u32,
) -> bool {
    let Some(addr) = vma.pmd_address(index) else {
        return false;
    };
    // Asked again under the locks; here it saves telling the MMU notifiers.
    if !vma.may_lose_table() || Point::Table.fails() {
        return false;
    }
    let Some(mut slot) = PmdSlot::find(vma, addr) else {
        return true;
    };
    // The pages are locked, so no fault maps one where none is mapped now.
    if slot.read_lockless() != Pmd::Table {
        return true;
    }
    Delay::Taking.wait();
    let mut section = slot.invalidate(addr..addr + pmd_size());
    let Some(table) = section.lock_pmd().lock_table() else {
        return true;
    };
    let mut pages = PagesOf {
        pages,
        vma,
        mlocked: vma.is_locked(),
    };
    let detached = match table.check(&mut pages) {
        CheckedTable::Kept => return false,
        CheckedTable::Empty(table) => table.remove(),
        CheckedTable::Mapped(table) if pmd_migration_supported() => table.replace(huge),
        // Entries of single pages can tell what an empty pmd could not.
        CheckedTable::Mapped(table) if table.is_tracked_dirty() => return false,
        CheckedTable::Mapped(table) => table.remove(),
    };
    detached.free_deferred();
    *freed += 1;
    true
}

/// The pages that a table of `vma` maps.
struct PagesOf<'a, 'v, P> {
    pages: &'a mut P,
    vma: &'a MappedVma<'v>,
    mlocked: bool,
}

impl<P: ExtentPages> MappedPages for PagesOf<'_, '_, P> {
    fn frames(&self) -> &[usize] {
        self.pages.frames()
    }

    fn settle(&mut self, run: ClearedRun) {
        self.pages.note_unmapped(run, self.vma, self.mlocked);
    }
}
