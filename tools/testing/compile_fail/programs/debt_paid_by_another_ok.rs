// SPDX-License-Identifier: GPL-2.0
// The right way of debt_paid_by_another.rs.

use crate::{
    mm::{
        huge_folio::{
            HugePages,
            PublishedFolio, //
        },
        sources::Scratch,
    },
    pgtable::{
        invalidation::Table,
        pmd_table::{
            CheckedTable,
            PmdTableGuard, //
        },
        witness::Witness, //
    },
};

fn take_out<W: Witness>(
    table: PmdTableGuard<'_, W, Table>,
    folio: &PublishedFolio<'_>,
    scratch: &mut Scratch,
) {
    let mut pages = HugePages::new(folio, scratch);
    if let CheckedTable::Mapped(table) = table.check(&mut pages) {
        table.remove().free_deferred();
    }
}
