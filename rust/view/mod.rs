// SPDX-License-Identifier: GPL-2.0

//! What page tables hold: those of a process, mapping by mapping, and the kernel's own.
//!
//! Nothing is changed, and no lock is held for longer than one table takes: that of a VMA, which is
//! only tried, that of a PTE table, and for the kernel's tables `init_mm`'s mmap lock.

#![deny(unsafe_code)]

mod counts;
pub(crate) mod kernel_memory;
pub(crate) mod process;
pub(crate) mod report;
