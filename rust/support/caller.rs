// SPDX-License-Identifier: GPL-2.0

//! The task that made a request.

use crate::bindings;
use kernel::task::{
    CurrentTask,
    Pid,
    Task, //
};

/// The task that made a request, for the workers of the request, which check its signals.
///
/// # Invariants
///
/// The task runs kernel code, and has not begun to exit, for as long as `'t`.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'t>(&'t Task);

impl<'t> Caller<'t> {
    /// Returns the current task.
    pub(crate) fn new(current: &'t CurrentTask) -> Self {
        // INVARIANT: Only the task itself has a `CurrentTask`, which does not outlive the scope
        // that it was created in.
        Self(current)
    }

    /// Returns whether the task is being killed.
    pub(crate) fn fatal_signal_pending(self) -> bool {
        // SAFETY: The task is valid.
        unsafe { bindings::fatal_signal_pending(self.0.as_ptr().cast()) }
    }

    /// Returns whether a signal, the freezer, a debugger or task work is pending.
    pub(crate) fn signal_pending(self) -> bool {
        self.0.signal_pending()
    }

    /// Returns whether a pending signal has a handler.
    pub(crate) fn handled_signal_pending(self) -> bool {
        // SAFETY: The type invariant: the task keeps its `sighand`.
        unsafe { bindings::handled_signal_pending(self.0.as_ptr().cast()) }
    }

    /// Returns the pid of the task in the initial pid namespace.
    pub(crate) fn pid(self) -> Pid {
        self.0.pid()
    }
}
