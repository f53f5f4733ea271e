// SPDX-License-Identifier: GPL-2.0

//! Gather: everything that is slow or may fail, before a page table changes.

use super::{
    config::Config,
    extent::{
        unaccounted,
        Attempt, //
    },
    outcome::Outcome,
    scan::{
        bring_in,
        Scanned, //
    },
};
use crate::mm::{
    block_charge::BlockCharge,
    huge_folio::{
        HugeFolio,
        Payer,
        Unavailable, //
    },
    lru::lru_add_drain,
    nodes::Nodes,
    sources::{
        state::Locked,
        Sources,
        Surplus, //
    },
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
    /// Allocates, charges, reads what is in swap, reserves, then locks and looks
    /// for references that would make the rest pointless.
    pub(super) fn gather(mut self, attempt: &mut Attempt<'_>) -> Result<Gathered<'x, 'b>, Outcome> {
        let config = attempt.config;
        let mapping = self.sources.mapping();
        let huge = self.huge_folio(config)?;
        let charge = mapping.charge(self.holes).map_err(no_room)?;
        bring_in(&mut self.sources, usize::MAX, attempt)?;
        if self.sources.had_surplus() {
            // Most often it is a batch of this CPU. The count under the locks
            // tells.
            lru_add_drain();
        }
        self.sources
            .reserve_nodes()
            .map_err(|_| Outcome::NoMemory)?;
        let sources = self.sources.lock()?;
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

    /// The huge page comes from where the pages are. Who asks for his own memory
    /// pays for it, as with `MADV_COLLAPSE`, and learns nothing about others.
    fn huge_folio(&mut self, config: &Config) -> Result<HugeFolio<'b>, Outcome> {
        let (mapping, index) = (self.sources.mapping(), self.sources.index());
        let nodes = match config.target_node {
            Some(node) => Nodes::only(node),
            None => self.sources.nodes(),
        };
        let payer = if config.own {
            Payer::Caller
        } else {
            Payer::Owner(self.sources.owner().ok_or(Outcome::Raced)?)
        };
        let reclaim = config.direct_reclaim;
        Ok(HugeFolio::new(mapping, index, &nodes, payer, reclaim)?)
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
