// SPDX-License-Identifier: GPL-2.0
// A number is taken for a node with memory.
// error: E0423
// message: cannot initialize a tuple struct which contains private fields

use crate::support::machine::MemoryNode;

fn node() -> Option<MemoryNode> {
    Some(MemoryNode(1 << 20))
}
