// SPDX-License-Identifier: GPL-2.0

//! What user space sees of the module.

#![deny(unsafe_code)]

mod grammar;
mod knobs;
mod stats;
mod sysfs;

pub(crate) use sysfs::Sysfs;
