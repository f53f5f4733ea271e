// SPDX-License-Identifier: GPL-2.0
// A table is exchanged for an entry whatever file is mapped there.
// error: E0599
// message: no method named `free_deferred` found for enum `core::result::Result` in the current scope

use crate::pgtable::{
    cleared::MappedPages,
    migration::MigrationTarget,
    pmd_table::MappedTable,
    witness::Witness, //
};

fn exchange<W: Witness, P: MappedPages>(
    table: MappedTable<'_, '_, W, P>,
    target: &impl MigrationTarget,
) {
    table.replace(target).free_deferred();
}
