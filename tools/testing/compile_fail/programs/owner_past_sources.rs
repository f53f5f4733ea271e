// SPDX-License-Identifier: GPL-2.0
// The group that owns most pages is used when its pages are no longer referenced.
// error: E0505
// message: cannot move out of `sources` because it is borrowed

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
    drop(sources);
    HugeFolio::new(extent, nodes, Payer::Owner(owner), false).is_ok()
}
