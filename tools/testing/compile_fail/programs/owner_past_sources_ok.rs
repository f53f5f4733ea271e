// SPDX-License-Identifier: GPL-2.0
// The right way of owner_past_sources.rs.

use crate::mm::{
    huge_folio::{
        HugeFolio,
        Payer, //
    },
    nodes::Nodes,
    sources::{
        state::Referenced,
        Sources, //
    },
};

fn pays(mut sources: Sources<'_, '_, Referenced>, nodes: &Nodes) -> bool {
    let extent = sources.extent();
    let Some(owner) = sources.owner() else {
        return false;
    };
    let paid = HugeFolio::new(extent, nodes, Payer::Owner(owner), false).is_ok();
    drop(sources);
    paid
}
