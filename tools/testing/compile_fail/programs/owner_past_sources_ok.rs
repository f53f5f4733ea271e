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
    let (mapping, index) = (sources.mapping(), sources.index());
    let Some(owner) = sources.owner() else {
        return false;
    };
    let paid = HugeFolio::new(mapping, index, nodes, Payer::Owner(owner), false).is_ok();
    drop(sources);
    paid
}
