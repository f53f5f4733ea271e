// SPDX-License-Identifier: GPL-2.0

//! Memory-management objects that the `kernel` crate does not have yet.
//!
//! Each type holds something: a reference, a lock, a charge. Dropping it gives that back.

#![deny(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

pub(crate) mod backing;
pub(crate) mod block_charge;
pub(crate) mod cache_section;
pub(crate) mod exchange;
pub(crate) mod extent;
pub(crate) mod huge_folio;
#[cfg(CONFIG_KUNIT = "y")]
mod huge_folio_tests;
pub(crate) mod lru;
pub(crate) mod named;
pub(crate) mod next_mapped;
pub(crate) mod nodes;
pub(crate) mod process;
pub(crate) mod reverse_map;
pub(crate) mod sources;
pub(crate) mod tally;
pub(crate) mod trace;
