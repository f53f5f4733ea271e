// SPDX-License-Identifier: GPL-2.0
// Small folios and a huge folio are put together without a look at their extents.
// error: E0451
// message: field `charge` of struct `Gathered` is private

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
) -> Gathered<'x, 'b> {
    Gathered {
        charge,
        sources,
        huge,
    }
}
