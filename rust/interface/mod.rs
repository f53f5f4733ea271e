// SPDX-License-Identifier: GPL-2.0

//! What user space sees of the module.

#![deny(unsafe_code)]

mod grammar;
#[cfg(CONFIG_HUGETLB_PAGE)]
mod hugetlb;
mod knobs;
mod stats;
mod sysfs;

pub(crate) use sysfs::Sysfs;
