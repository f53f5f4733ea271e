// SPDX-License-Identifier: GPL-2.0
// The right way of table_taken_untested.rs.

use crate::pgtable::{CheckedTable, TableGuard, Witness};

fn take_out<W: Witness>(table: TableGuard<'_, W>) {
    if let CheckedTable::Empty(table) = table.check(&[]) {
        table.remove().free_deferred();
    }
}
