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
    outcome::Outcome, //
};
use crate::support::caller::Caller;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        Mutex, //
    },
    task::CurrentTask, //
};

/// Work of one attempt at an extent, in looks at one that is huge.
const ATTEMPT: usize = 1024;

/// The most work of a call before its caller may leave.
const MOST: usize = 4096 * ATTEMPT;

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
///
/// There is one for each open file of the device, so that nobody's calls take the
/// place of those of others.
#[pin_data]
pub(crate) struct Restarts {
    #[pin]
    calls: Mutex<KVec<Restart>>,
}

impl Restarts {
    /// None yet.
    pub(crate) fn new() -> impl PinInit<Self> {
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
        let allowance = allowance.min(MOST);
        let _ = calls.push(Restart { pid, allowance }, GFP_KERNEL_ACCOUNT);
    }
}

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

#[kunit_tests(shmem_collapse_stay)]
mod tests {
    use super::*;

    fn restarts() -> Result<Pin<KBox<Restarts>>> {
        KBox::pin_init(Restarts::new(), GFP_KERNEL)
    }

    #[test]
    fn a_call_is_remembered_once() -> Result {
        let restarts = restarts()?;
        restarts.note(7, 2 * ATTEMPT);
        assert_eq!(restarts.take(8), None);
        assert_eq!(restarts.take(7), Some(2 * ATTEMPT));
        assert_eq!(restarts.take(7), None);
        Ok(())
    }

    #[test]
    fn no_call_stays_for_as_long_as_it_likes() -> Result {
        let restarts = restarts()?;
        let mut allowance = ATTEMPT;
        for _ in 0..100 {
            restarts.note(7, allowance.saturating_mul(2));
            allowance = restarts.take(7).unwrap_or(0);
            assert!((ATTEMPT..=MOST).contains(&allowance));
        }
        assert_eq!(allowance, MOST);
        Ok(())
    }

    #[test]
    fn calls_of_one_file_are_not_those_of_another() -> Result {
        let (mine, others) = (restarts()?, restarts()?);
        mine.note(7, 2 * ATTEMPT);
        for pid in 0..2 * MAX_RESTARTS as i32 {
            others.note(pid, ATTEMPT);
        }
        assert_eq!(mine.take(7), Some(2 * ATTEMPT));
        assert_eq!(others.take(0), None);
        Ok(())
    }
}
