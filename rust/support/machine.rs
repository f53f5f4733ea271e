// SPDX-License-Identifier: GPL-2.0

//! Facts about the machine, and the capability of the caller.

use crate::bindings;

/// Returns the number of CPUs that are online.
pub(crate) fn online_cpus() -> i32 {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::online_cpus() }
}

/// A node that memory can be allocated from.
///
/// [`NumaNode`](kernel::alloc::NumaNode) is not enough to ask the page allocator for a node: it is
/// any number below `MAX_NUMNODES`, and the allocator follows a pointer that only nodes of this
/// machine have.
///
/// # Invariants
///
/// The node had memory when this value was made. Its memory may go; its `pg_data_t` stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MemoryNode(i32);

impl MemoryNode {
    /// Checks a number; returns [`None`] if no node with memory has it.
    pub(crate) fn new(node: i32) -> Option<Self> {
        // SAFETY: Takes any number.
        let usable = unsafe { bindings::node_has_memory(node) };
        // INVARIANT: Checked above.
        usable.then_some(Self(node))
    }

    /// Returns the number.
    pub(crate) fn id(self) -> i32 {
        self.0
    }
}

/// Returns whether the current task has `CAP_SYS_ADMIN` in the initial user namespace.
pub(crate) fn capable_sys_admin() -> bool {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as i32) }
}

/// Returns whether the kernel is locked down, so that nothing of it may be shown.
#[cfg(CONFIG_DEBUG_FS)]
pub(crate) fn locked_down() -> bool {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::locked_down() }
}
