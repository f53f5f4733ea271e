// SPDX-License-Identifier: GPL-2.0

//! The program: how it starts, what becomes of it, and how the wrapper ends as it
//! did.

use super::signals::{Relay, STOPS};
use crate::signal::{self, Signals};
use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{DumpableBehavior, WaitOptions, WaitStatus, set_dumpable_behavior, wait},
};
use std::{ffi::OsString, io, process::Command};

/// Status where a program cannot be started, as env(1) and shells have it.
const CANNOT_RUN: u8 = 126;
const NOT_FOUND: u8 = 127;
/// Status of failures of the wrapper, as env(1) has it.
pub(crate) const OWN_FAILURE: u8 = 125;

/// The signals of this process, as they were when it was started.
pub(super) struct Inherited {
    blocked: Signals,
    child_is_ignored: bool,
}

impl Inherited {
    /// Blocks all signals, so that they can be waited for.
    pub(super) fn take() -> Self {
        // Where SIGCHLD is ignored, a child's status is lost.
        let child_is_ignored = signal::is_ignored(libc::SIGCHLD);
        signal::set_default(libc::SIGCHLD);
        Self {
            blocked: Signals::all().block_only(),
            child_is_ignored,
        }
    }
}

/// Starts the program. It inherits what it would without the wrapper.
pub(super) fn start(command: &[OsString], inherited: &Inherited) -> io::Result<i32> {
    close_again();
    let (name, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(name);
    command.args(arguments);
    signal::start_with(&mut command, inherited.blocked, inherited.child_is_ignored);
    Ok(command.spawn()?.id() as i32)
}

/// Has standard streams that were closed be closed for the program.
fn close_again() {
    let [input, output, error] = signal::closed_at_start();
    if input {
        let _ = fcntl_setfd(io::stdin(), FdFlags::CLOEXEC);
    }
    if output {
        let _ = fcntl_setfd(io::stdout(), FdFlags::CLOEXEC);
    }
    if error {
        let _ = fcntl_setfd(io::stderr(), FdFlags::CLOEXEC);
    }
}

/// The status for a program that cannot be started.
pub(super) fn status_of_failure(error: &io::Error) -> u8 {
    match error.raw_os_error() {
        Some(libc::ENOENT) => NOT_FOUND,
        // There is no process for it.
        Some(libc::EAGAIN | libc::ENOMEM) | None => OWN_FAILURE,
        _ => CANNOT_RUN,
    }
}

/// How the program has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Status(u8),
    Signal(i32),
    /// Somebody else has waited for it, which cannot be.
    Unknown,
}

/// Waits for the program's end. Until then it passes signals on, stops when the
/// program is stopped by its terminal, and reaps what it adopts.
pub(super) fn wait_for_end(program: i32, mut relay: Relay) -> End {
    let all = Signals::all();
    let mut stopped = false;
    loop {
        let signal = all.wait();
        if signal.number == libc::SIGCHLD {
            if let Some(end) = reap(program, &mut stopped) {
                return end;
            }
            continue;
        }
        relay.handle(&signal);
        // The program was stopped before, by somebody else: now its user wants
        // the terminal back.
        if stopped && STOPS.contains(&signal.number) {
            signal::suffer(signal.number);
        }
    }
}

/// Takes the status of every child that has one. Nobody else in this process
/// waits for children, so the program's is not lost.
fn reap(program: i32, stopped: &mut bool) -> Option<End> {
    let options = WaitOptions::NOHANG | WaitOptions::UNTRACED | WaitOptions::CONTINUED;
    let mut end = None;
    loop {
        match wait(options) {
            Ok(Some((pid, status))) if pid.as_raw_pid() == program => {
                end = end.or(end_of(status));
                *stopped = status.stopped();
                if let Some(signal) = status.stopping_signal().filter(|it| STOPS.contains(it)) {
                    // Nothing happens where nobody could let this go on.
                    signal::suffer(signal);
                }
            }
            Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
            Ok(None) => return end,
            // There is no child at all.
            Err(_) => return end.or(Some(End::Unknown)),
        }
    }
}

fn end_of(status: WaitStatus) -> Option<End> {
    let ended = status.exit_status().map(|code| End::Status(code as u8));
    ended.or(status.terminating_signal().map(End::Signal))
}

impl End {
    /// The status of this process, which dies of the signal that has killed the
    /// program.
    pub(super) fn repeat(self) -> u8 {
        match self {
            Self::Status(status) => status,
            Self::Signal(signal) => {
                // The program has left what there is to be left.
                let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
                signal::suffer(signal);
                // The first process of a container survives that.
                128 + signal as u8
            }
            Self::Unknown => OWN_FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_env() {
        for (errno, status) in [
            (libc::ENOENT, 127),
            (libc::EACCES, 126),
            (libc::ENOEXEC, 126),
            (libc::ENOTDIR, 126),
            (libc::E2BIG, 126),
            (libc::EAGAIN, 125),
        ] {
            let error = io::Error::from_raw_os_error(errno);
            assert_eq!(status_of_failure(&error), status, "{error}");
        }
    }
}
