// SPDX-License-Identifier: GPL-2.0

//! What user space sees of the module.

#![deny(unsafe_code)]

mod answer;
mod device;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
mod fault;
mod grammar;
#[cfg(CONFIG_HUGETLB_PAGE)]
mod hugetlb;
mod knobs;
mod stats;
mod sysfs;

pub(crate) use device::Device;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
pub(crate) use fault::FaultFiles;
pub(crate) use sysfs::Sysfs;
