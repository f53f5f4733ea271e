// SPDX-License-Identifier: GPL-2.0

//! Abstractions that the `kernel` crate lacks and that are not memory management.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(crate) mod caller;
#[cfg(CONFIG_DEBUG_FS)]
pub(crate) mod debugfs;
pub(crate) mod failpoint;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
pub(crate) mod failpoint_armed;
pub(crate) mod kobject;
pub(crate) mod linked;
pub(crate) mod machine;
pub(crate) mod misc_device;
pub(crate) mod task;
pub(crate) mod workers;
