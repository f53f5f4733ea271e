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
    exchange::gathered::Gathered,
    huge_folio::{
        HugeFolio,
        Payer,
        Unavailable, //
    },
    lru::lru_add_drain,
    nodes::Nodes,
    sources::Surplus, //
};
use kernel::prelude::*;

impl<'x, 'b> Scanned<'x, 'b> {
    /// Allocates and charges the huge page, reads pages from swap and reserves memory. Then locks
    /// the folios and looks for references that prevent the collapse.
    pub(super) fn gather(mut self, attempt: &mut Attempt<'_>) -> Result<Gathered<'x, 'b>, Outcome> {
        let config = attempt.config;
        let extent = self.sources.extent();
        let huge = self.huge_folio(config)?;
        let charge = extent.charge(self.holes).map_err(no_room)?;
        bring_in(&mut self.sources, usize::MAX, attempt)?;
        if self.sources.had_surplus() {
            // Most often it is that of a batch of this CPU. The count under the locks decides.
            lru_add_drain();
        }
        extent
            .reserve_nodes()
            .and_then(|()| self.sources.reserve_tables())
            .map_err(|_| Outcome::NoMemory)?;
        let sources = self.sources.lock()?;
        let mut surplus = sources.surplus_mapped();
        if surplus == Some(Surplus::Passing) {
            // The allocation of the huge page may have put folios back into the batch.
            lru_add_drain();
            surplus = sources.surplus_mapped();
        }
        if let Some(surplus) = surplus {
            return Err(unaccounted(surplus));
        }
        Ok(Gathered::new(sources, huge, charge)?)
    }

    /// Allocates the huge page on the nodes of the pages.
    ///
    /// A caller that asks for its own memory pays for it, as with `MADV_COLLAPSE`, and learns
    /// nothing about other groups.
    fn huge_folio(&mut self, config: &Config) -> Result<HugeFolio<'b>, Outcome> {
        let extent = self.sources.extent();
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
        Ok(HugeFolio::new(extent, &nodes, payer, reclaim)?)
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
