// SPDX-License-Identifier: GPL-2.0

//! How the module reaches functions that the kernel does not export.

use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*, //
};

/// How the module was linked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linked {
    /// The kernel exports all of it to this module.
    ByExports,
    /// Livepatch resolved the names.
    ByLivepatch,
    /// `module-link load` resolved the names through `/proc/kallsyms`.
    AtLoad,
}

impl Linked {
    /// Finds out how the module was linked. Returns `ESTALE` if that was with the addresses of
    /// another boot or build, and then no function may be called that is not exported.
    pub(crate) fn check() -> Result<Self> {
        // SAFETY: FFI call without safety requirements.
        let linked = unsafe { bindings::linked() };
        to_result(linked.min(0))?;
        match linked.unsigned_abs() {
            bindings::LINKED_BY_EXPORTS => Ok(Self::ByExports),
            bindings::LINKED_BY_LIVEPATCH => Ok(Self::ByLivepatch),
            bindings::LINKED_AT_LOAD => Ok(Self::AtLoad),
            _ => Err(EINVAL),
        }
    }

    /// Returns the word for it in sysfs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ByExports => "exports",
            Self::ByLivepatch => "livepatch",
            Self::AtLoad => "load",
        }
    }

    /// Returns what the log says of it.
    pub(crate) fn description(self) -> &'static str {
        match self {
            Self::ByExports => "linked with what the kernel exports to it",
            Self::ByLivepatch => "linked by livepatch",
            Self::AtLoad => "linked at load, with the addresses in /proc/kallsyms",
        }
    }
}
