// SPDX-License-Identifier: GPL-2.0

//! The current task.

use crate::bindings;

/// Reschedules if needed (`cond_resched()`). Context: may sleep.
pub(crate) fn cond_resched() {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::cond_resched() };
}
