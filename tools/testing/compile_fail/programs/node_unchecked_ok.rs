// SPDX-License-Identifier: GPL-2.0
// The right way of node_unchecked.rs.

use crate::support::machine::MemoryNode;

fn node() -> Option<MemoryNode> {
    MemoryNode::new(1 << 20)
}
