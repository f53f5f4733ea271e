// SPDX-License-Identifier: GPL-2.0

//! Runs a job in several workers at once, on behalf of the calling task.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

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

/// An unbound workqueue.
///
/// Dropping it waits until no worker runs code of the module any more.
///
/// # Invariants
///
/// `queue` is a workqueue that only this value may destroy.
pub(crate) struct Workers {
    queue: NonNull<bindings::workqueue_struct>,
}

// SAFETY: A workqueue may be used and destroyed by any task.
unsafe impl Send for Workers {}
// SAFETY: A workqueue may be used by several tasks at once.
unsafe impl Sync for Workers {}

/// Set in [`Running::state`] when no helper may begin any more.
const CLOSED: usize = 1 << (usize::BITS - 1);

/// Counts the helpers that run.
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
// SAFETY: A completion may be used by several tasks at once.
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

    /// Registers a helper; returns `false` once closed.
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
            // SAFETY: The type invariant.
            unsafe { bindings::complete_all(self.none.get()) };
        }
    }

    /// Prevents further helpers from beginning and waits for those that have begun.
    fn close(&self) {
        if self.state.fetch_add(CLOSED, Full) != 0 {
            // SAFETY: The type invariant.
            unsafe { bindings::wait_for(self.none.get()) };
        }
    }
}

/// The credentials of the calling task, for workers that act on its behalf.
///
/// A worker has every capability. Without these credentials, a request of a task that lacks
/// `CAP_SYS_RESOURCE` could exceed a hard quota.
///
/// # Invariants
///
/// `cred` is valid for as long as the task that created this value does not return from its system
/// call.
#[derive(Clone, Copy)]
struct CallerCredentials(*const bindings::cred);

// SAFETY: Credentials do not change once a task has them.
unsafe impl Send for CallerCredentials {}
// SAFETY: Credentials do not change once a task has them.
unsafe impl Sync for CallerCredentials {}

impl CallerCredentials {
    fn new() -> Self {
        // INVARIANT: A task keeps its credentials until it changes them itself, in another system
        // call.
        // SAFETY: FFI call without safety requirements.
        Self(unsafe { bindings::current_cred() })
    }

    /// Runs `job` in the current task with these credentials.
    ///
    /// # Safety
    ///
    /// The task that created `self` must wait until this returns.
    unsafe fn lend(self, job: impl FnOnce()) {
        // SAFETY: The credentials are valid, as their task waits in its system call.
        let own = unsafe { bindings::override_creds(self.0) };
        job();
        // SAFETY: These were the credentials of the current task.
        unsafe { bindings::revert_creds(own) };
    }
}

/// Calls the closure that C was handed.
///
/// # Safety
///
/// `closure` points to an `F` that nothing else uses during the call.
unsafe extern "C" fn call<F: FnMut()>(closure: *mut c_void) {
    // SAFETY: The requirements of this function.
    unsafe { (*closure.cast::<F>())() }
}

/// A job that is borrowed by another task.
///
/// # Invariants
///
/// The job is `Sync`, and is valid between a successful [`Running::enter`] and the
/// [`Running::leave`] that follows.
struct Job(*const (dyn Fn() + Sync));

// SAFETY: What it points to is `Sync`.
unsafe impl Send for Job {}

impl Workers {
    /// Creates the workqueue. Context: sleeps.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: FFI call without safety requirements.
        let queue = unsafe { bindings::alloc_unbound_queue() };
        // INVARIANT: Created above.
        Ok(Self {
            queue: NonNull::new(queue).ok_or(ENOMEM)?,
        })
    }

    /// Runs `own` in the current task and `job` in up to `helpers` workers at the same time.
    ///
    /// Returns when `own` and all helpers that have begun are done. Fewer helpers run when memory
    /// is short. They have the credentials of the current task, but not its signals: `job` must
    /// look at these itself, since a signal does not wake the current task while it waits.
    ///
    /// Context: sleeps.
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
        let credentials = CallerCredentials::new();
        // SAFETY: The type invariant: the queue is valid for as long as `self`.
        let queue = unsafe { Queue::from_raw(self.queue.as_ptr()) };
        for _ in 0..helpers {
            if Point::Helper.fails() {
                break;
            }
            let theirs = running.clone();
            // SAFETY: Only the lifetime changes. The job is used between `enter()` and `leave()`,
            // which `close()` below waits for.
            let job: &'static (dyn Fn() + Sync) = unsafe { core::mem::transmute(job) };
            // INVARIANT: As above.
            let job = Job(job);
            let spawned = queue.try_spawn(GFP_KERNEL, move || {
                let job = job;
                if theirs.enter() {
                    // SAFETY: The caller waits in `close()` until `leave()`, so the job is valid.
                    unsafe { credentials.lend(|| (*job.0)()) };
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

    /// Runs `job` once, in a task that may use the memory of every node, and waits for it.
    ///
    /// This is the current task unless its cpuset excludes a node. Otherwise it is a worker, with
    /// the credentials of the current task but not its signals, see [`run`](Self::run).
    ///
    /// Context: sleeps.
    pub(crate) fn on_all_nodes<R: Send>(&self, mut job: impl FnMut() -> R + Send) -> R {
        let mut result = None;
        // SAFETY: FFI call without safety requirements.
        if !unsafe { bindings::all_nodes_allowed() } {
            let credentials = CallerCredentials::new();
            self.call(&mut || {
                // SAFETY: `call()` waits until this returns.
                unsafe { credentials.lend(|| result = Some(job())) };
            });
        }
        result.unwrap_or_else(job)
    }

    /// Runs `job` in a worker, once, and waits for it.
    fn call<F: FnMut() + Send>(&self, job: &mut F) {
        let queue = self.queue.as_ptr();
        let job = core::ptr::from_mut(job).cast();
        // SAFETY: The type invariant: the queue is valid for as long as `self`. The job may run in
        // another task, and is done when this returns.
        unsafe { bindings::call_in_worker(queue, Some(call::<F>), job) };
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // SAFETY: The type invariant. This waits for running work.
        unsafe { bindings::destroy_workqueue(self.queue.as_ptr()) };
    }
}
