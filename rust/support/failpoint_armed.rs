// SPDX-License-Identifier: GPL-2.0

//! State of the failpoints and delays that tests arm.

use super::{
    caller::Caller,
    failpoint::{
        Delay,
        Point, //
    },
};
use crate::bindings;
use kernel::{
    current,
    sync::atomic::{
        Acquire,
        Atomic,
        Full,
        Relaxed, //
    },
    time::{
        delay::fsleep,
        Delta,
        Instant,
        Monotonic, //
    },
};

/// The interval at which a delayed request reads its state again.
const POLL: Delta = Delta::from_millis(1);

struct ArmedPoint {
    /// The number of calls that succeed before one fails.
    skip: Atomic<u32>,
    /// The number of calls that fail then.
    count: Atomic<u32>,
    /// The number of calls that have failed, for whatever reason.
    failed: Atomic<u32>,
}

static POINTS: [ArmedPoint; Point::ALL.len()] = [const {
    ArmedPoint {
        skip: Atomic::new(0),
        count: Atomic::new(0),
        failed: Atomic::new(0),
    }
}; Point::ALL.len()];

impl Point {
    fn state(self) -> &'static ArmedPoint {
        &POINTS[self as usize]
    }

    /// Returns whether the call shall fail. Context: any.
    pub(crate) fn fails(self) -> bool {
        let state = self.state();
        let armed =
            state.count.load(Relaxed) > 0 && !take_one(&state.skip) && take_one(&state.count);
        // SAFETY: May be called in any context.
        let fails = armed || unsafe { bindings::should_fail() };
        if fails {
            state.failed.add(1, Relaxed);
        }
        fails
    }

    /// Makes `count` calls fail, after `skip` calls that succeed.
    pub(crate) fn arm(self, count: u32, skip: u32) {
        self.state().skip.store(skip, Relaxed);
        self.state().count.store(count, Relaxed);
    }

    /// Returns the number of calls that are still to fail.
    pub(crate) fn armed(self) -> u32 {
        self.state().count.load(Relaxed)
    }

    /// Returns the number of calls that have failed since the module was loaded.
    pub(crate) fn failed(self) -> u32 {
        self.state().failed.load(Relaxed)
    }
}

/// Decrements a counter; returns `false` if it is zero.
fn take_one(counter: &Atomic<u32>) -> bool {
    let mut seen = counter.load(Relaxed);
    while seen > 0 {
        match counter.cmpxchg(seen, seen - 1, Full) {
            Ok(_) => return true,
            Err(now) => seen = now,
        }
    }
    false
}

struct ArmedDelay {
    millis: Atomic<u32>,
    waiting: Atomic<u32>,
}

static DELAYS: [ArmedDelay; Delay::ALL.len()] = [const {
    ArmedDelay {
        millis: Atomic::new(0),
        waiting: Atomic::new(0),
    }
}; Delay::ALL.len()];

impl Delay {
    fn state(self) -> &'static ArmedDelay {
        &DELAYS[self as usize]
    }

    /// Sleeps while a test wants it: as long as the delay is armed, at most the
    /// time it is armed with, and not in a task that is being killed.
    ///
    /// Context: sleeps.
    pub(crate) fn wait(self) {
        let state = self.state();
        if state.millis.load(Relaxed) == 0 {
            return;
        }
        let since = Instant::<Monotonic>::now();
        state.waiting.fetch_add(1u32, Full);
        while since.elapsed().as_millis() < i64::from(state.millis.load(Relaxed))
            && !Caller::new(current!()).fatal_signal_pending()
        {
            fsleep(POLL);
        }
        state.waiting.fetch_sub(1u32, Full);
    }

    /// Delays every request here for this time. Zero disarms the delay and ends current waits.
    pub(crate) fn arm(self, millis: u32) {
        self.state().millis.store(millis, Relaxed);
    }

    /// Returns the armed time in milliseconds.
    pub(crate) fn armed(self) -> u32 {
        self.state().millis.load(Relaxed)
    }

    /// Returns the number of tasks that wait here.
    pub(crate) fn waiting(self) -> u32 {
        self.state().waiting.load(Acquire)
    }
}

/// The debugfs directory `fail_shmem_collapse`, with the parameters of the fault attribute.
/// Dropping it removes the directory.
///
/// # Invariants
///
/// The directory, or an error pointer, is from `fault_create_debugfs_attr()`.
pub(crate) struct FaultAttribute(*mut bindings::dentry);

// SAFETY: debugfs removes an entry from any task.
unsafe impl Send for FaultAttribute {}
// SAFETY: There are no methods that take a shared reference.
unsafe impl Sync for FaultAttribute {}

impl FaultAttribute {
    /// Creates the directory. Context: sleeps.
    pub(crate) fn new() -> Self {
        // INVARIANT: Returned by the call.
        // SAFETY: The attribute is static.
        Self(unsafe { bindings::fault_attr_add() })
    }
}

impl Drop for FaultAttribute {
    fn drop(&mut self) {
        // SAFETY: The type invariant. Error pointers are ignored.
        unsafe { bindings::fault_attr_remove(self.0) };
    }
}
