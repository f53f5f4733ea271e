// SPDX-License-Identifier: GPL-2.0

//! What this module calls in the kernel beyond the `kernel` crate's bindings.
//!
//! Types are those of [`kernel::bindings`]; the functions are generated from
//! `bindings_helper.h`. Only `pgtable` and `mm` may call them. Numbers and
//! structures of the uapi header are for everybody.

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

// SAFETY: Integers without padding between them, for which every bit pattern
// is valid.
unsafe impl kernel::transmute::FromBytes for shmem_collapse_range {}
