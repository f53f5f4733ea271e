// SPDX-License-Identifier: GPL-2.0

//! The engine: one extent of a shmem file becomes one huge folio.
//!
//! An extent is a PMD-sized, PMD-aligned piece of the *file*. The steps of a collapse are types.
//! Each step consumes the previous one, and dropping any of them rolls back what was done:
//!
//! ```text
//! Located -> Scanned -> Gathered -> Unmapped -> Copied -> Committed -> mapped
//! ```
//!
//! From `Unmapped` on, a thread that touches the memory finds a migration entry that names the new,
//! locked folio, and waits for its lock without holding a reference.
//!
//! # Locks, outermost first
//!
//! ```text
//! file or inode reference, extent lock (one request at a time for an extent)
//!   folio locks: tried, in index order
//!     i_mmap_rwsem (read)                no allocation that may reclaim below
//!       MMU notifier section             (may sleep to begin)
//!         pmd lock -> PTE lock
//!       i_pages (interrupts off)         from the holes to the store
//! ```
//!
//! VMA locks are only ever tried, with none of the above held, except to map a huge page in the
//! process that a request names. The mmap lock is never taken.

#![deny(unsafe_code)]

mod commit;
pub(crate) mod config;
pub(crate) mod engine;
mod extent;
mod extent_lock;
mod gather;
mod keys;
mod locate;
mod mapped;
pub(crate) mod outcome;
pub(crate) mod own;
mod passes;
#[cfg(CONFIG_KUNIT = "y")]
mod passes_tests;
mod patience;
pub(crate) mod reap;
mod remap;
pub(crate) mod request;
pub(crate) mod restarts;
mod scan;
pub(crate) mod stats;
pub(crate) mod stay;
mod sweep;
mod take;
mod turn;
mod unmap;
mod walk;
#[cfg(CONFIG_KUNIT = "y")]
mod zone_tests;
