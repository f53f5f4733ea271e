// SPDX-License-Identifier: GPL-2.0
// The right way of h5_range_of_table_section.rs.

use crate::pgtable::{
    walk::PmdSlot,
    witness::Witness, //
};

fn all<W: Witness>(slot: &mut PmdSlot<'_, W>) -> Option<usize> {
    let section = slot.whole()?.invalidate();
    Some(section.range().end)
}
