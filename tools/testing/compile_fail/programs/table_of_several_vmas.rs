// SPDX-License-Identifier: GPL-2.0
// A table is taken for that of one VMA, which may have a single page in it.
// error: E0423
// message: cannot initialize a tuple struct which contains private fields

use crate::pgtable::{
    invalidation::{
        Invalidation,
        Table, //
    },
    walk::PmdSlot,
    whole_pmd::WholePmd,
    witness::Witness, //
};

fn begin<W: Witness>(slot: PmdSlot<'_, W>) -> Option<Invalidation<'_, W, Table>> {
    Some(WholePmd(slot).invalidate())
}
