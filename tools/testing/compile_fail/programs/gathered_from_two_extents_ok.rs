// SPDX-License-Identifier: GPL-2.0
// The right way of gathered_from_two_extents.rs.

use crate::mm::{
    block_charge::BlockCharge,
    exchange::gathered::Gathered,
    huge_folio::HugeFolio,
    sources::{
        state::Locked,
        Sources, //
    },
};

fn gather<'x, 'b>(
    sources: Sources<'x, 'b, Locked>,
    huge: HugeFolio<'b>,
    charge: BlockCharge<'b>,
) -> Option<Gathered<'x, 'b>> {
    Gathered::new(sources, huge, charge).ok()
}
