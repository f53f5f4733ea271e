// SPDX-License-Identifier: GPL-2.0

//! What requests share.

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
    /// An engine that accepts requests.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            stats: Stats::new(),
            stopping: Atomic::new(false),
            workers: Workers::new()?,
            restarts <- Restarts::new(),
            extents <- ExtentLocks::new(),
        })
    }

    /// The counters.
    pub(crate) fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Who helps with large requests.
    pub(super) fn workers(&self) -> &Workers {
        &self.workers
    }

    /// Calls by sysfs that are about to come back.
    pub(crate) fn restarts(&self) -> &Restarts {
        &self.restarts
    }

    /// Makes running requests end after the extent they are at.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Relaxed);
    }

    /// Whether requests shall end.
    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Relaxed)
    }

    /// Keeps other requests off an extent. Two that worked on the same folios
    /// would each find the other's references and fail.
    ///
    /// Returns [`None`] when `is_over` says so while it waits: the holder of the lock may be
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
