// SPDX-License-Identifier: GPL-2.0
// The right way of h5_table_taken_in_section_of_entries.rs.

use crate::pgtable::{
    cleared::MappedPages,
    pmd_table::CheckedTable,
    walk::PmdSlot,
    witness::Witness, //
};

fn take_out<W: Witness>(slot: &mut PmdSlot<'_, W>, pages: &mut impl MappedPages) -> Option<()> {
    let mut section = slot.whole()?.invalidate();
    if let CheckedTable::Mapped(table) = section.lock_pmd().lock_table()?.check(pages) {
        table.remove().free_deferred();
    }
    Some(())
}
