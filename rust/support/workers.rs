// SPDX-License-Identifier: GPL-2.0

//! Doing one thing on several CPUs at once.

use super::failpoint::Point;
use crate::bindings;
use core::{
    ffi::c_void,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            Atomic,
            Full,
            Relaxed, //
        },
        Arc, //
    },
    types::Opaque,
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

/// Set in [`Running::state`] when no helper may begin any more.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// How many helpers are at work, and whether another may begin.
///
/// # Invariants
///
/// `none` is initialised.
#[pin_data]
struct Running {
    state: Atomic<usize>,
    #[pin]
    none: Opaque<bindings::completion>,
}

// SAFETY: A completion may be used by any task.
unsafe impl Send for Running {}
// SAFETY: As above, by several at once.
unsafe impl Sync for Running {}

impl Running {
    fn new() -> impl PinInit<Self> {
        // INVARIANT: Initialised by the call.
        pin_init!(Self {
            state: Atomic::new(0),
            none <- Opaque::ffi_init(|slot| {
                // SAFETY: `slot` is valid for writing.
                unsafe { bindings::init_completion(slot) };
            }),
        })
    }

    /// Counts a helper in; false if it comes too late.
    fn enter(&self) -> bool {
        let mut seen = self.state.load(Relaxed);
        while seen & CLOSED == 0 {
            match self.state.cmpxchg(seen, seen + 1, Full) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    fn leave(&self) {
        if self.state.fetch_sub(1usize, Full) == CLOSED + 1 {
            // SAFETY: By the type invariant.
            unsafe { bindings::complete_all(self.none.get()) };
        }
    }

    /// Lets no more helpers begin and waits for those that have.
    fn close(&self) {
        if self.state.fetch_add(CLOSED, Full) != 0 {
            // SAFETY: By the type invariant.
            unsafe { bindings::wait_for(self.none.get()) };
        }
    }
}

/// Calls the closure that C was handed.
///
/// # Safety
///
/// `closure` points to an `F` that nothing else uses during the call.
unsafe extern "C" fn call<F: FnMut()>(closure: *mut c_void) {
    // SAFETY: By this function's contract.
    unsafe { (*closure.cast::<F>())() }
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
    /// returns when `own` and the helpers that had begun by then are done.
    ///
    /// Fewer helpers come when memory is short. What waits for the caller does not
    /// wake it meanwhile: the jobs look at its signals. Context: sleeps.
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
        let running = Arc::pin_init(Running::new(), GFP_KERNEL)?;
        // SAFETY: By the type invariant the queue is there as long as `self`.
        let queue = unsafe { Queue::from_raw(self.queue.as_ptr()) };
        for _ in 0..helpers {
            if Point::Helper.fails() {
                break;
            }
            let theirs = running.clone();
            // SAFETY: Only the lifetime changes. The job is used between
            // `enter()` and `leave()`, which `close()` below waits for.
            let job: &'static (dyn Fn() + Sync) = unsafe { core::mem::transmute(job) };
            let job = Job(job);
            let spawned = queue.try_spawn(GFP_KERNEL, move || {
                let job = job;
                if theirs.enter() {
                    // SAFETY: Alive until `leave()`, see above.
                    unsafe { (*job.0)() };
                    theirs.leave();
                }
            });
            if spawned.is_err() {
                break;
            }
        }
        own();
        running.close();
        Ok(())
    }

    /// Runs `job` once, as a task that may use the memory of every node: here, or in a worker if
    /// the caller's cpuset leaves a node out. It looks at the signals of the caller, as by
    /// [`run`](Self::run).
    ///
    /// Context: sleeps.
    pub(crate) fn on_all_nodes<R: Send>(&self, mut job: impl FnMut() -> R + Send) -> R {
        let mut result = None;
        // SAFETY: FFI call without safety requirements.
        if !unsafe { bindings::all_nodes_allowed() } {
            self.call(&mut || result = Some(job()));
        }
        result.unwrap_or_else(job)
    }

    /// Runs `job` in a worker, once, and waits for it.
    fn call<F: FnMut() + Send>(&self, job: &mut F) {
        let queue = self.queue.as_ptr();
        let job = core::ptr::from_mut(job).cast();
        // SAFETY: By the type invariant the queue is there as long as `self`. The
        // job may be run by another task, and is done when this returns.
        unsafe { bindings::call_in_worker(queue, Some(call::<F>), job) };
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; this waits for running work.
        unsafe { bindings::destroy_workqueue(self.queue.as_ptr()) };
    }
}
