// SPDX-License-Identifier: GPL-2.0

//! The interfaces to user space: sysfs, the device and, on debug kernels, debugfs.

#![deny(unsafe_code)]

mod answer;
pub(crate) mod device;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
pub(crate) mod failpoints;
mod grammar;
mod knobs;
#[cfg(CONFIG_DEBUG_FS)]
pub(crate) mod page_tables;
pub(crate) mod state;
mod stats;
pub(crate) mod sysfs;
