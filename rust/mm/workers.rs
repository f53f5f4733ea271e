// SPDX-License-Identifier: GPL-2.0

//! Doing one thing on several CPUs at once.

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full, //
        },
        Arc,
        Completion, //
    },
    workqueue::Queue, //
};

/// An unbound workqueue of the module's own.
///
/// Dropping it waits until no worker runs code of the module any more.
///
/// # Invariants
///
/// `queue` is a workqueue that only this value may destroy.
pub(crate) struct Workers {
    queue: NonNull<bindings::workqueue_struct>,
}

// SAFETY: A workqueue may be used and destroyed from any task.
unsafe impl Send for Workers {}
// SAFETY: As above.
unsafe impl Sync for Workers {}

/// Counts the helpers that still run.
#[pin_data]
struct Running {
    helpers: Atomic<usize>,
    #[pin]
    none: Completion,
}

impl Running {
    fn leave(&self) {
        if self.helpers.fetch_sub(1usize, Full) == 1 {
            self.none.complete_all();
        }
    }
}

/// A borrowed job on its way to another task.
struct Job(*const (dyn Fn() + Sync));

// SAFETY: What it points to is `Sync`, and `Workers::run` keeps it.
unsafe impl Send for Job {}

impl Workers {
    /// Context: sleeps.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: Process context.
        let queue = unsafe { bindings::alloc_unbound_queue() };
        // INVARIANT: Made on the line above.
        Ok(Self {
            queue: NonNull::new(queue).ok_or(ENOMEM)?,
        })
    }

    /// Runs `own` here and `job` in up to `helpers` workers at the same time;
    /// returns when all of them are done.
    ///
    /// Fewer helpers come when memory is short. Context: sleeps.
    pub(crate) fn run(
        &self,
        helpers: usize,
        job: &(dyn Fn() + Sync),
        own: impl FnOnce(),
    ) -> Result {
        if helpers == 0 {
            own();
            return Ok(());
        }
        // One for this task, so that the count cannot reach zero early.
        let running = Arc::pin_init(
            pin_init!(Running {
                helpers: Atomic::new(1),
                none <- Completion::new(),
            }),
            GFP_KERNEL,
        )?;
        // SAFETY: By the type invariant the queue is there as long as `self`.
        let queue = unsafe { Queue::from_raw(self.queue.as_ptr()) };
        for _ in 0..helpers {
            let theirs = running.clone();
            // SAFETY: Only the lifetime changes. The job is used until `leave()`,
            // which this function waits for.
            let job: &'static (dyn Fn() + Sync) = unsafe { core::mem::transmute(job) };
            let job = Job(job);
            running.helpers.add(1usize, kernel::sync::atomic::Relaxed);
            let spawned = queue.try_spawn(GFP_KERNEL, move || {
                let job = job;
                // SAFETY: Alive until `leave()`, see above.
                unsafe { (*job.0)() };
                theirs.leave();
            });
            if spawned.is_err() {
                running.leave();
                break;
            }
        }
        own();
        running.leave();
        running.none.wait_for_completion();
        Ok(())
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; this waits for running work.
        unsafe { bindings::destroy_workqueue(self.queue.as_ptr()) };
    }
}
