// SPDX-License-Identifier: GPL-2.0

//! Bindings to functions that the `kernel` crate's bindings lack.
//!
//! The functions are generated from `bindings_helper.h`; the types are those of
//! [`kernel::bindings`]. Only `support`, `pgtable`, `hugetlb` and `mm` may call them. Constants and
//! structures of the uapi header may be used everywhere.

#![allow(
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    improper_ctypes,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    unused_imports
)]

use kernel::ffi;

include!(concat!(
    env!("SHMEM_COLLAPSE_OBJ"),
    "/rust/bindings/bindings_generated.rs"
));

pub use kernel::bindings::*;

// SAFETY: Integers without padding between them, so that every bit pattern is valid.
unsafe impl kernel::transmute::FromBytes for shmem_collapse_range {}
