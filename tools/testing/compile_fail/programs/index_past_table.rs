// SPDX-License-Identifier: GPL-2.0
// Rule 07: an entry behind the end of a table is read.
// error: E0308
// message: mismatched types

use crate::pgtable::{
    entry::Pte,
    pmd_size::pmd_pages,
    walk::PmdSlot,
    witness::Witness, //
};

fn last<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<Pte> {
    Some(slot.map()?.read(pmd_pages()))
}
