// SPDX-License-Identifier: GPL-2.0

//! One geometry for each architecture.
//!
//! [`Native`] is that of this kernel. The others are compiled for KUnit tests only, which run the
//! walker over all of them. ia64 has left Linux, and Rust for Linux cannot build for parisc, sh and
//! sparc: their geometries are data for those tests and nothing else.

#[cfg(any(CONFIG_ARM64, all(all_accessors, CONFIG_64BIT)))]
mod arm64;
#[cfg(all(all_accessors, CONFIG_64BIT))]
mod elsewhere;
#[cfg(any(
    not(any(CONFIG_ARM64, CONFIG_RISCV, CONFIG_PPC)),
    all(all_accessors, CONFIG_64BIT)
))]
mod leaf;
#[cfg(any(CONFIG_PPC, all(all_accessors, CONFIG_64BIT)))]
mod powerpc;
#[cfg(any(CONFIG_RISCV, all(all_accessors, CONFIG_64BIT)))]
mod riscv;

#[cfg(any(CONFIG_ARM64, all(all_accessors, CONFIG_64BIT)))]
pub(crate) use arm64::Arm64;
#[cfg(all(all_accessors, CONFIG_64BIT))]
pub(crate) use elsewhere::{
    Ia64,
    Parisc,
    Sh,
    Sparc, //
};
#[cfg(any(
    not(any(CONFIG_ARM64, CONFIG_RISCV, CONFIG_PPC)),
    all(all_accessors, CONFIG_64BIT)
))]
pub(crate) use leaf::Leaf;
#[cfg(any(CONFIG_PPC, all(all_accessors, CONFIG_64BIT)))]
pub(crate) use powerpc::Powerpc;
#[cfg(any(CONFIG_RISCV, all(all_accessors, CONFIG_64BIT)))]
pub(crate) use riscv::Riscv;

#[cfg(CONFIG_ARM64)]
pub(crate) use Arm64 as Native;
#[cfg(not(any(CONFIG_ARM64, CONFIG_RISCV, CONFIG_PPC)))]
pub(crate) use Leaf as Native;
#[cfg(CONFIG_PPC)]
pub(crate) use Powerpc as Native;
#[cfg(CONFIG_RISCV)]
pub(crate) use Riscv as Native;
