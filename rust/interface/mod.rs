// SPDX-License-Identifier: GPL-2.0

//! What user space sees of the module.

#![deny(unsafe_code)]

mod answer;
pub(crate) mod device;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
pub(crate) mod failpoints;
mod grammar;
#[cfg(CONFIG_HUGETLB_PAGE)]
mod hugetlb;
mod knobs;
mod stats;
pub(crate) mod sysfs;
