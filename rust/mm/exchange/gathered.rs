// SPDX-License-Identifier: GPL-2.0

//! Everything that an exchange needs.

use crate::mm::{
    block_charge::BlockCharge,
    extent::Extent,
    huge_folio::HugeFolio,
    sources::{
        state::Locked,
        Obstacle,
        Sources, //
    },
};

/// An extent whose small folios are locked, with the huge folio that is to take their place and
/// the space for its holes.
///
/// Dropped in the order of the fields: the space is given back, the small folios are unlocked, the
/// huge folio is freed.
///
/// # Invariants
///
/// All three are for the same extent. `charge` covers the holes of `sources` exactly.
pub(crate) struct Gathered<'x, 'b> {
    pub(super) charge: BlockCharge<'b>,
    pub(super) sources: Sources<'x, 'b, Locked>,
    pub(super) huge: HugeFolio<'b>,
}

impl<'x, 'b> Gathered<'x, 'b> {
    /// Puts together what belongs together.
    ///
    /// Returns [`Obstacle::Raced`] if it does not: if the huge folio or the space is meant for
    /// another extent, or if the number of holes is not the one that was charged any more.
    pub(crate) fn new(
        sources: Sources<'x, 'b, Locked>,
        huge: HugeFolio<'b>,
        charge: BlockCharge<'b>,
    ) -> Result<Self, Obstacle> {
        let extent = sources.extent();
        let same = huge.extent() == extent && charge.mapping() == extent.mapping();
        if !same || charge.pages() != sources.holes() {
            return Err(Obstacle::Raced);
        }
        // INVARIANT: Compared above.
        Ok(Self {
            charge,
            sources,
            huge,
        })
    }

    /// Returns the extent.
    pub(crate) fn extent(&self) -> Extent<'b> {
        self.sources.extent()
    }
}
