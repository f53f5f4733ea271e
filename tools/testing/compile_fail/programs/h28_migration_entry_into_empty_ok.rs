// SPDX-License-Identifier: GPL-2.0
// The right way of migration_entry_into_empty.rs.

use crate::pgtable::{
    cleared::MappedPages,
    migration::MigrationTarget,
    pmd_table::MappedTable,
    witness::Witness, //
};

fn take_out<W: Witness, P: MappedPages>(
    table: MappedTable<'_, '_, W, P>,
    target: &impl MigrationTarget,
) {
    if let Ok(detached) = table.replace(target) {
        detached.free_deferred();
    }
}
