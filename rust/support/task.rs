// SPDX-License-Identifier: GPL-2.0

//! The current task.

use crate::bindings;
use kernel::time::Delta;

/// Reschedules if needed (`cond_resched()`). Context: may sleep.
pub(crate) fn cond_resched() {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::cond_resched() };
}

/// Sleeps for some time, which no signal shortens. Context: sleeps.
///
/// It takes no part in the load average, and is no hung task.
pub(crate) fn nap(time: Delta) {
    // SAFETY: Process context.
    unsafe { bindings::nap(time.as_micros_ceil() as usize) };
}
