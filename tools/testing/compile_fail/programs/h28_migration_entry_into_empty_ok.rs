// SPDX-License-Identifier: GPL-2.0
// The right way of migration_entry_into_empty.rs.

use crate::pgtable::{MappedTable, MigrationTarget, Witness};

fn take_out<W: Witness>(table: MappedTable<'_, W>, target: &impl MigrationTarget) {
    table.replace(target, |_, _| ()).free_deferred();
}
