// SPDX-License-Identifier: GPL-2.0

//! System calls that left the kernel without having made anything huge, and will be restarted.

use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// The work of one attempt at an extent, in units of a test of a huge one.
pub(super) const ATTEMPT: usize = 1024;

/// The maximum work of a call before its caller may leave the kernel.
const MOST: usize = 4096 * ATTEMPT;

/// The number of calls that are remembered between their end and their restart.
const MAX_RESTARTS: usize = 64;

/// A call that left the kernel without having made anything huge.
struct Restart {
    /// The PID of the task. If it is reused, the new task only stays a bit longer.
    pid: i32,
    /// The work that the next call has to do.
    allowance: usize,
}

/// The calls that are about to be restarted.
///
/// Each open file of the device has its own, so that calls of one task do not displace those of
/// others.
#[pin_data]
pub(crate) struct Restarts {
    #[pin]
    calls: Mutex<KVec<Restart>>,
}

impl Restarts {
    /// Creates an empty list.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            calls <- new_mutex!(KVec::new(), "shmem_collapse restarts"),
        })
    }

    /// Removes the call of a task, and returns its allowance.
    pub(super) fn take(&self, pid: i32) -> Option<usize> {
        let mut calls = self.calls.lock();
        let at = calls.iter().position(|call| call.pid == pid)?;
        calls.remove(at).ok().map(|call| call.allowance)
    }

    pub(super) fn note(&self, pid: i32, allowance: usize) {
        let mut calls = self.calls.lock();
        if calls.len() >= MAX_RESTARTS {
            let _ = calls.remove(0);
        }
        // Without memory the allowance of the next call does not grow.
        let allowance = allowance.min(MOST);
        let _ = calls.push(Restart { pid, allowance }, GFP_KERNEL_ACCOUNT);
    }
}

#[kunit_tests(shmem_collapse_restarts)]
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
