// SPDX-License-Identifier: GPL-2.0

//! What the machine has and the caller may do.

use crate::bindings;

/// Number of CPUs that are online.
pub(crate) fn online_cpus() -> i32 {
    // SAFETY: Always safe to call.
    unsafe { bindings::online_cpus() }
}

/// Is there such a node, and does it have memory?
pub(crate) fn node_has_memory(node: i32) -> bool {
    // SAFETY: Takes any number.
    unsafe { bindings::node_has_memory(node) }
}

/// Has the current task `CAP_SYS_ADMIN` in the initial user namespace?
pub(crate) fn capable_sys_admin() -> bool {
    // SAFETY: Always safe to call in a task.
    unsafe { bindings::capable(bindings::CAP_SYS_ADMIN as i32) }
}
