// SPDX-License-Identifier: GPL-2.0

//! Take: the quick way for a VMA, which exchanges its whole page table.

use crate::{
    mm::reverse_map::CoveringVma,
    pgtable::{
        cleared::MappedPages,
        entry::Pmd,
        migration::MigrationTarget,
        pmd_size::pmd_migration_supported,
        pmd_table::CheckedTable, //
    },
    support::failpoint::{
        Delay,
        Point, //
    },
};

/// Exchanges the table that maps the extent for a migration entry that names `target`, if VMA and
/// contents allow it, and counts it in `freed`. Returns whether the VMA no longer maps any page of
/// the extent.
pub(super) fn take_table(
    vma: &CoveringVma<'_>,
    pages: &mut impl MappedPages,
    target: &impl MigrationTarget,
    freed: &mut u32,
) -> bool {
    // Tested again under the locks. Tested here, it avoids the MMU notifiers.
    if !vma.vma().may_lose_table() || Point::Table.fails() {
        return false;
    }
    let Some(pmd) = vma.find_pmd() else {
        return true;
    };
    // The pages are locked, so no fault maps one where none is mapped now.
    if pmd.read_lockless() != Pmd::Table {
        return true;
    }
    Delay::Taking.wait();
    let mut section = pmd.invalidate();
    let Some(table) = section.lock_pmd().lock_table() else {
        return true;
    };
    let detached = match table.check(pages) {
        CheckedTable::Kept => return false,
        CheckedTable::Empty(table) => table.remove(),
        CheckedTable::Mapped(table) if pmd_migration_supported() => match table.replace(target) {
            Ok(detached) => detached,
            // These are not the pages that the target is for.
            Err(_) => return false,
        },
        // Entries of single pages keep the soft-dirty bit, which an empty pmd would lose.
        CheckedTable::Mapped(table) if table.is_tracked_dirty() => return false,
        CheckedTable::Mapped(table) => table.remove(),
    };
    pages.keep(detached);
    *freed += 1;
    true
}
