// SPDX-License-Identifier: GPL-2.0
// Refinement: a table that was taken out is dropped on the floor.
// error: unused_must_use
// message: unused `DetachedTable` that must be used

use crate::pgtable::{
    pmd_table::EmptyTable,
    witness::Witness, //
};

fn take_out<W: Witness>(table: EmptyTable<'_, W>) {
    table.remove();
}
