// SPDX-License-Identifier: GPL-2.0

//! The engine: the state that all requests share.

use super::{
    extent_lock::{
        ExtentLock,
        ExtentLocks, //
    },
    restarts::Restarts,
    stats::Stats, //
};
use crate::{
    mm::extent::Extent,
    support::{
        failpoint::Point,
        workers::Workers, //
    },
};
use kernel::{
    prelude::*,
    sync::atomic::{
        Atomic,
        Relaxed, //
    },
};

/// The engine of the module.
#[pin_data]
pub(crate) struct Engine {
    stats: Stats,
    stopping: Atomic<bool>,
    workers: Workers,
    #[pin]
    restarts: Restarts,
    #[pin]
    extents: ExtentLocks,
}

impl Engine {
    /// Creates an engine that accepts requests.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            stats: Stats::new(),
            stopping: Atomic::new(false),
            workers: Workers::new()?,
            restarts <- Restarts::new(),
            extents <- ExtentLocks::new(),
        })
    }

    /// Returns the counters.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Returns the workers for large requests.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Returns the calls through sysfs that are about to be restarted.
    pub(crate) fn restarts(&self) -> &Restarts {
        &self.restarts
    }

    /// Makes running requests end after their current extent.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Returns whether requests have to end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Locks an extent against other requests. Two requests for the same folios would find each
    /// other's references and fail.
    ///
    /// Returns [`None`] if `is_over` returns true during the wait: the holder of the lock may be
    /// waiting for a slow swap device. Context: sleeps.
    pub(super) fn lock_extent(
        &self,
        extent: Extent<'_>,
        is_over: impl Fn() -> bool,
    ) -> Option<ExtentLock<'_>> {
        Point::ExtentLock.check(()).ok()?;
        self.extents.lock(extent.id(), is_over)
    }
}
