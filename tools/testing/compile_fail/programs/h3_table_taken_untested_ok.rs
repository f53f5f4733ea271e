// SPDX-License-Identifier: GPL-2.0
// The right way of table_taken_untested.rs.

use crate::pgtable::{
    cleared::MappedPages,
    invalidation::Table,
    pmd_table::{
        CheckedTable,
        PmdTableGuard, //
    },
    witness::Witness, //
};

fn take_out<W: Witness>(table: PmdTableGuard<'_, W, Table>, pages: &mut impl MappedPages) {
    if let CheckedTable::Empty(table) = table.check(pages) {
        table.remove().free_deferred();
    }
}
