// SPDX-License-Identifier: GPL-2.0

//! Gather: everything that is slow or may fail, before a page table changes.

use super::{
    extent::{
        unaccounted,
        Attempt, //
    },
    outcome::Outcome,
    scan::Scanned, //
};
use crate::{
    mm::{
        lru_add_drain,
        BlockCharge,
        HugeFolio,
        Locked,
        Payer,
        Sources,
        Surplus,
        Unavailable, //
    },
    pgtable::pmd_pages, //
};
use kernel::prelude::*;

/// An extent with its new folio at hand and its old ones locked.
///
/// Dropped in the order of the fields: space given back, sources unlocked, the
/// new folio freed.
pub(super) struct Gathered<'x, 'b> {
    pub(super) charge: BlockCharge<'b>,
    pub(super) sources: Sources<'x, 'b, Locked>,
    pub(super) huge: HugeFolio<'b>,
}

impl<'x, 'b> Scanned<'x, 'b> {
    /// Allocates, charges, reserves, then locks and looks for references that
    /// would make the rest pointless.
    pub(super) fn gather(mut self, attempt: &mut Attempt<'_>) -> Result<Gathered<'x, 'b>, Outcome> {
        let config = attempt.config;
        let mapping = self.sources.mapping();
        let payer = if config.charge_caller && self.holes > pmd_pages() / 2 {
            Payer::Caller
        } else {
            Payer::Owner
        };
        let huge = HugeFolio::new(
            mapping,
            &mut self.sources,
            config.target_node,
            config.direct_reclaim,
            payer,
        )?;
        let charge = mapping.charge(self.holes).map_err(no_room)?;
        self.sources
            .reserve_nodes()
            .map_err(|_| Outcome::NoMemory)?;
        let sources = self.sources.lock(&|| attempt.stay.is_over())?;
        let mut surplus = sources.surplus_mapped();
        if surplus == Surplus::Passing {
            // The search for a huge page may have put folios back on the list.
            lru_add_drain();
            surplus = sources.surplus_mapped();
        }
        unaccounted(surplus)?;
        Ok(Gathered {
            charge,
            sources,
            huge,
        })
    }
}

impl From<Unavailable> for Outcome {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::Memory => Outcome::NoHugePage,
            Unavailable::Cgroup => Outcome::MemcgLimit,
            Unavailable::Zone => Outcome::Zone,
        }
    }
}

fn no_room(error: Error) -> Outcome {
    if Some(error) == Outcome::NoQuota.errno() {
        Outcome::NoQuota
    } else {
        Outcome::NoSpace
    }
}
