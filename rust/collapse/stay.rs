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
//! huge. Thus it gets past extents that fail, too. There is a limit to that: the
//! freezer must not wait for as long as a program likes.

use super::{
    engine::Engine,
    outcome::Outcome,
    restarts::{
        Restarts,
        ATTEMPT, //
    }, //
};
use crate::support::{
    caller::Caller,
    task::cond_resched, //
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
    task::CurrentTask, //
};

/// The stay of one call.
pub(crate) struct Stay<'e> {
    engine: &'e Engine,
    known: &'e Restarts,
    caller: Caller<'e>,
    /// Work to be done before the caller leaves for a restart.
    allowance: usize,
    spent: Atomic<usize>,
    collapsed: Atomic<bool>,
    restarts: Atomic<bool>,
    ended: Atomic<bool>,
}

impl<'e> Stay<'e> {
    /// Begins the stay of the current task, whose calls `known` remembers.
    pub(crate) fn begin(engine: &'e Engine, known: &'e Restarts, current: &'e CurrentTask) -> Self {
        let caller = Caller::new(current);
        Self {
            engine,
            known,
            caller,
            allowance: known.take(caller.pid()).unwrap_or(ATTEMPT),
            spent: Atomic::new(0),
            collapsed: Atomic::new(false),
            restarts: Atomic::new(false),
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

    /// Notes such work, offers to reschedule, and tells whether to go on, as [`Self::check()`]
    /// does. Context: may sleep.
    pub(super) fn step(&self) -> Result {
        self.note_step();
        cond_resched();
        self.check()
    }

    /// Notes a pause between two attempts. It counts like one: a caller who is wanted elsewhere
    /// does not wait for long.
    pub(super) fn note_pause(&self) {
        self.spend(ATTEMPT);
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
        if spent == 0 || !self.caller.signal_pending() {
            return Ok(());
        }
        if self.caller.handled_signal_pending() {
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
        self.is_final() || self.caller.signal_pending()
    }

    /// Whether no other call will go on with what this one began.
    pub(super) fn is_final(&self) -> bool {
        self.is_ended() || self.engine.is_stopping() || self.caller.fatal_signal_pending()
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
            self.known.note(self.caller.pid(), allowance);
        }
    }
}
