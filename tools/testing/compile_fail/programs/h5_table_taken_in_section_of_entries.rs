// SPDX-License-Identifier: GPL-2.0
// A table is taken out in a section that tells secondary MMUs of some entries, or of none.
// error: E0599
// message: no method named `check` found for struct `PmdTableGuard

use crate::pgtable::{
    cleared::MappedPages,
    pmd_table::CheckedTable,
    walk::PmdSlot,
    witness::Witness, //
};

fn take_out<W: Witness>(slot: &mut PmdSlot<'_, W>, pages: &mut impl MappedPages) -> Option<()> {
    let base = slot.base();
    let mut section = slot.invalidate(base..base);
    if let CheckedTable::Mapped(table) = section.lock_pmd().lock_table()?.check(pages) {
        table.remove().free_deferred();
    }
    Some(())
}
