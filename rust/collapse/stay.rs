// SPDX-License-Identifier: GPL-2.0

//! How long a request stays in the kernel when its caller has a signal.
//!
//! A fatal signal and the removal of the module end a request. A signal that has a handler ends it
//! after an extent. For the freezer, a stop, a debugger or task work the caller leaves the kernel
//! as well, but the system call is restarted. It begins anew and skips extents that are huge.
//!
//! A storm of such events must not prevent a request from finishing. Each call therefore does a
//! certain amount of work first: one attempt at an extent that is not huge, and twice as much as
//! the previous call if that one made nothing huge. This also gets it past extents that fail. The
//! amount is limited, since a program must not delay the freezer arbitrarily.

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
    /// The work to be done before the caller leaves the kernel for a restart.
    allowance: usize,
    spent: Atomic<usize>,
    collapsed: Atomic<bool>,
    restarts: Atomic<bool>,
    ended: Atomic<bool>,
}

impl<'e> Stay<'e> {
    /// Begins the stay of the current task. `known` has the calls that are being restarted.
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

    /// Notes that an extent, or a stretch of extents, was tried.
    pub(super) fn note(&self, outcome: Outcome) {
        if outcome == Outcome::Collapsed {
            self.collapsed.store(true, Relaxed);
        }
        self.spend(match outcome {
            Outcome::AlreadyHuge => 1,
            _ => ATTEMPT,
        });
    }

    /// Notes as little work as the test of a huge extent.
    pub(super) fn note_step(&self) {
        self.spend(1);
    }

    /// Notes such work, reschedules if needed, and returns whether to continue, as
    /// [`Self::check()`] does. Context: may sleep.
    pub(super) fn step(&self) -> Result {
        self.note_step();
        cond_resched();
        self.check()
    }

    /// Notes a pause between two attempts. It counts like an attempt, so that a caller with a
    /// signal leaves soon.
    pub(super) fn note_pause(&self) {
        self.spend(ATTEMPT);
    }

    fn spend(&self, work: usize) {
        self.spent.add(work, Relaxed);
    }

    /// Returns an error if the request has to end before the next extent.
    ///
    /// On return to user space `ERESTARTNOHAND` becomes `EINTR` if a handler runs, and a restart of
    /// the system call otherwise.
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

    /// Returns whether a wait has to be given up. The attempt then fails; [`Self::check()`] decides
    /// whether the request continues.
    pub(super) fn is_over(&self) -> bool {
        self.is_final() || self.caller.signal_pending()
    }

    /// Returns whether the request ends for good, without a restart of the call.
    pub(super) fn is_final(&self) -> bool {
        self.is_ended() || self.engine.is_stopping() || self.caller.fatal_signal_pending()
    }

    /// Ends the stay of all workers of the request.
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
