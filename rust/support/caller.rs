// SPDX-License-Identifier: GPL-2.0

//! The task whose system call a request is.

use crate::bindings;
use kernel::task::{
    CurrentTask,
    Pid,
    Task, //
};

/// The task that made a request. Its workers look at its signals, and see them as
/// soon as it does.
///
/// # Invariants
///
/// The task runs kernel code, and has not begun to exit, for as long as `'t`.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'t>(&'t Task);

impl<'t> Caller<'t> {
    /// Returns the current task for as long as it stays in the caller's scope.
    pub(crate) fn new(current: &'t CurrentTask) -> Self {
        // INVARIANT: Only code of the task itself has a `CurrentTask`, which does
        // not outlive the scope it was made in.
        Self(current)
    }

    /// Returns whether the task is being killed.
    pub(crate) fn fatal_signal_pending(self) -> bool {
        // SAFETY: The task is valid.
        unsafe { bindings::fatal_signal_pending(self.0.as_ptr().cast()) }
    }

    /// Returns whether something waits for the task: a signal, the freezer, a
    /// debugger, task work.
    pub(crate) fn signal_pending(self) -> bool {
        self.0.signal_pending()
    }

    /// Returns whether one of the signals has a handler.
    pub(crate) fn handled_signal_pending(self) -> bool {
        // SAFETY: By the type invariant the task keeps its `sighand`.
        unsafe { bindings::handled_signal_pending(self.0.as_ptr().cast()) }
    }

    /// Returns the number of the task, the same in every namespace.
    pub(crate) fn pid(self) -> Pid {
        self.0.pid()
    }
}
