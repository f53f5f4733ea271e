// SPDX-License-Identifier: GPL-2.0

//! Sets of NUMA nodes.

use crate::{
    bindings,
    support::machine::MemoryNode, //
};

/// Bits of a word of the mask.
const BITS: usize = usize::BITS as usize;

/// A set of NUMA nodes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Nodes(bindings::nodemask_t);

impl Nodes {
    /// Returns the set of one node.
    pub(crate) fn only(node: MemoryNode) -> Self {
        let mut nodes = Self::default();
        nodes.add(node.id());
        nodes
    }

    /// Adds `node`, if there can be such a node.
    pub(super) fn add(&mut self, node: i32) {
        let node = node as usize;
        if let Some(word) = self.0.bits.get_mut(node / BITS) {
            *word |= 1 << (node % BITS);
        }
    }

    pub(super) fn as_ptr(&self) -> *const bindings::nodemask_t {
        &self.0
    }
}
