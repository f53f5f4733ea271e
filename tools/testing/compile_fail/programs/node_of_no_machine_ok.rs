// SPDX-License-Identifier: GPL-2.0
// The right way of node_of_no_machine.rs.

use crate::mm::{machine::MemoryNode, HugeFolio, Mapping, Payer, Referenced, Sources};

fn allocates<'b>(mapping: Mapping<'b>, sources: &mut Sources<'_, 'b, Referenced>) -> bool {
    let node = MemoryNode::new(1 << 20);
    HugeFolio::new(mapping, sources, node, false, Payer::Owner).is_ok()
}
