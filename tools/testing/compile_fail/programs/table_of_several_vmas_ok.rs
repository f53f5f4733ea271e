// SPDX-License-Identifier: GPL-2.0
// The right way of table_of_several_vmas.rs.

use crate::pgtable::{
    invalidation::{
        Invalidation,
        Table, //
    },
    walk::PmdSlot,
    witness::Witness, //
};

fn begin<'s, W: Witness>(slot: &'s mut PmdSlot<'_, W>) -> Option<Invalidation<'s, W, Table>> {
    // `None`: the VMA covers only a part of the range.
    Some(slot.whole()?.invalidate())
}
