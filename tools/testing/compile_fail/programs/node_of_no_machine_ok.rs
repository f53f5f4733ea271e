// SPDX-License-Identifier: GPL-2.0
// The right way of node_of_no_machine.rs.

use crate::{
    mm::{
        extent::Extent,
        huge_folio::{
            HugeFolio,
            Payer, //
        },
        nodes::Nodes, //
    },
    support::machine::MemoryNode, //
};

fn allocates(extent: Extent<'_>) -> bool {
    let Some(node) = MemoryNode::new(1 << 20) else {
        return false;
    };
    HugeFolio::new(extent, &Nodes::only(node), Payer::Caller, false).is_ok()
}
