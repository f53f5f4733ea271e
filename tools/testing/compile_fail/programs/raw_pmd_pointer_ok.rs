// SPDX-License-Identifier: GPL-2.0
// The right way of raw_pmd_pointer.rs.

use crate::pgtable::{
    entry::Pmd,
    walk::PmdSlot,
    witness::Witness, //
};

fn entry<W: Witness>(slot: &PmdSlot<'_, W>) -> Pmd {
    slot.read_lockless()
}
