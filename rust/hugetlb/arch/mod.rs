// SPDX-License-Identifier: GPL-2.0

//! One geometry for each architecture.
//!
//! [`Native`] is the one that this kernel has. The others are compiled for the
//! KUnit tests only, which run the walker over all of them.
//!
//! ia64 has left Linux, and Rust for Linux cannot build for parisc, sh and
//! sparc: their geometries are data for those tests and nothing else.

#[cfg(any(CONFIG_ARM64, CONFIG_KUNIT = "y"))]
mod arm64;
#[cfg(CONFIG_KUNIT = "y")]
mod elsewhere;
#[cfg(any(not(any(CONFIG_ARM64, CONFIG_RISCV, CONFIG_PPC)), CONFIG_KUNIT = "y"))]
mod leaf;
#[cfg(any(CONFIG_PPC, CONFIG_KUNIT = "y"))]
mod powerpc;
#[cfg(any(CONFIG_RISCV, CONFIG_KUNIT = "y"))]
mod riscv;

#[cfg(any(CONFIG_ARM64, CONFIG_KUNIT = "y"))]
pub(crate) use arm64::Arm64;
#[cfg(CONFIG_KUNIT = "y")]
pub(crate) use elsewhere::{
    Ia64,
    Parisc,
    Sh,
    Sparc, //
};
#[cfg(any(not(any(CONFIG_ARM64, CONFIG_RISCV, CONFIG_PPC)), CONFIG_KUNIT = "y"))]
pub(crate) use leaf::Leaf;
#[cfg(any(CONFIG_PPC, CONFIG_KUNIT = "y"))]
pub(crate) use powerpc::Powerpc;
#[cfg(any(CONFIG_RISCV, CONFIG_KUNIT = "y"))]
pub(crate) use riscv::Riscv;

#[cfg(CONFIG_ARM64)]
pub(crate) use Arm64 as Native;
#[cfg(not(any(CONFIG_ARM64, CONFIG_RISCV, CONFIG_PPC)))]
pub(crate) use Leaf as Native;
#[cfg(CONFIG_PPC)]
pub(crate) use Powerpc as Native;
#[cfg(CONFIG_RISCV)]
pub(crate) use Riscv as Native;
