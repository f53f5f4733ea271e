// SPDX-License-Identifier: GPL-2.0

//! How long a request stays in the kernel when its caller is wanted elsewhere.
//!
//! A fatal signal and the end of the module end a request. So does a signal
//! that has a handler, after an extent. For the freezer, a stop, a debugger or
//! task work the caller leaves the kernel as well, but only to come back: the
//! system call is restarted. It begins anew and skips what is huge.
//!
//! So that a storm of such events does not keep a request from its end, each
//! call does a certain amount of work first: one attempt at an extent that is
//! not huge, and twice as much as the call before when that one made nothing
//! huge. Thus it gets past extents that fail, too.

use super::{
    engine::Engine,
    outcome::Outcome, //
};
use crate::mm::{
    current_pid,
    fatal_signal_pending,
    handled_signal_pending,
    signal_pending, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
};

/// Work of one attempt at an extent, in looks at one that is huge.
const ATTEMPT: usize = 1024;

/// Calls that are remembered between their end and their restart.
const MAX_RESTARTS: usize = 64;

/// A call that left without having made anything huge.
struct Restart {
    /// The task, as a number only: that of another costs it some latency.
    pid: i32,
    /// Work to be done by the next call.
    allowance: usize,
}

/// The calls that are about to be restarted.
#[pin_data]
pub(super) struct Restarts {
    #[pin]
    calls: Mutex<KVec<Restart>>,
}

impl Restarts {
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            calls <- new_mutex!(KVec::new(), "shmem_collapse restarts"),
        })
    }

    /// Forgets what is known of a task, and returns it.
    fn take(&self, pid: i32) -> Option<usize> {
        let mut calls = self.calls.lock();
        let at = calls.iter().position(|call| call.pid == pid)?;
        calls.remove(at).ok().map(|call| call.allowance)
    }

    fn note(&self, pid: i32, allowance: usize) {
        let mut calls = self.calls.lock();
        if calls.len() >= MAX_RESTARTS {
            let _ = calls.remove(0);
        }
        // Without memory the next call has no more to do than this one.
        let _ = calls.push(Restart { pid, allowance }, GFP_KERNEL);
    }
}

/// The stay of one call.
pub(super) struct Stay<'e> {
    engine: &'e Engine,
    /// Work to be done before the caller leaves for a restart.
    allowance: usize,
    spent: Atomic<usize>,
    collapsed: Atomic<bool>,
    restarts: Atomic<bool>,
    wanted: Atomic<bool>,
    ended: Atomic<bool>,
}

impl<'e> Stay<'e> {
    /// Begins the stay of the current task.
    pub(super) fn begin(engine: &'e Engine) -> Self {
        Self {
            engine,
            allowance: engine.restarts().take(current_pid()).unwrap_or(ATTEMPT),
            spent: Atomic::new(0),
            collapsed: Atomic::new(false),
            restarts: Atomic::new(false),
            wanted: Atomic::new(false),
            ended: Atomic::new(false),
        }
    }

    pub(super) fn engine(&self) -> &'e Engine {
        self.engine
    }

    /// Notes an extent, or a stretch of them, that was dealt with.
    pub(super) fn note(&self, outcome: Outcome) {
        if outcome == Outcome::Collapsed {
            self.collapsed.store(true, Relaxed);
        }
        self.spend(match outcome {
            Outcome::AlreadyHuge => 1,
            _ => ATTEMPT,
        });
    }

    /// Notes work that is as little as a look at a huge extent.
    pub(super) fn note_step(&self) {
        self.spend(1);
    }

    fn spend(&self, work: usize) {
        self.spent.add(work, Relaxed);
    }

    /// Whether the request shall end before the next extent, and with what error.
    ///
    /// `ERESTARTNOHAND` is for the system call's way out: it becomes `EINTR` if a
    /// handler runs, and a restart otherwise.
    pub(super) fn check(&self) -> Result {
        if self.is_final() {
            return Err(EINTR);
        }
        let spent = self.spent.load(Relaxed);
        if spent == 0 || !signal_pending() {
            return Ok(());
        }
        if handled_signal_pending() {
            return Err(ERESTARTNOHAND);
        }
        if spent < self.allowance {
            return Ok(());
        }
        self.restarts.store(true, Relaxed);
        Err(ERESTARTNOHAND)
    }

    /// Whether a wait is to be given up. What it was for fails; whether more is
    /// tried is for [`Self::check()`] to say.
    pub(super) fn is_over(&self) -> bool {
        self.is_final() || self.wanted.load(Relaxed) || signal_pending()
    }

    /// Whether no other call will go on with what this one began.
    pub(super) fn is_final(&self) -> bool {
        self.is_ended() || self.engine.is_stopping() || fatal_signal_pending()
    }

    /// Tells all who work on the request that the caller, which waits for them,
    /// has a signal: they see none of it.
    pub(super) fn note_signal(&self) {
        self.wanted.store(true, Relaxed);
        if fatal_signal_pending() {
            self.end();
        }
    }

    /// Ends the stay of all who work on the request.
    pub(super) fn end(&self) {
        self.ended.store(true, Relaxed);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Relaxed)
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        if self.restarts.load(Relaxed) && !self.collapsed.load(Relaxed) {
            let allowance = self.allowance.saturating_mul(2);
            self.engine.restarts().note(current_pid(), allowance);
        }
    }
}
