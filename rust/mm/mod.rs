// SPDX-License-Identifier: GPL-2.0

//! Memory-management objects that the `kernel` crate does not have yet.
//!
//! Each type holds something: a reference, a lock, a charge. Dropping it gives that back.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backing;
mod block_charge;
mod cache_section;
mod caller;
mod extent_pages;
pub(crate) mod fault;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
pub(crate) mod fault_armed;
mod folio_wait;
mod huge_folio;
pub(crate) mod kobject;
pub(crate) mod machine;
pub(crate) mod misc_device;
mod nodes;
mod process;
mod reverse_map;
mod source_find;
mod source_home;
mod source_lock;
mod source_retire;
mod source_state;
mod source_surplus;
mod source_unmap;
mod sources;
mod tally;
mod trace;
mod workers;

pub(crate) use self::{
    backing::{
        Backing,
        Mapping, //
    },
    block_charge::BlockCharge,
    cache_section::{
        CacheSection,
        Replaced, //
    },
    caller::Caller,
    extent_pages::ExtentPages,
    huge_folio::{
        HugeFolio,
        HugePages,
        Payer,
        PublishedFolio,
        Unavailable, //
    },
    nodes::Nodes,
    process::{
        Process,
        ShmemVma, //
    },
    reverse_map::{
        MappedVma,
        ReverseMap, //
    },
    source_home::Owner,
    source_state::{
        Frozen,
        Locked,
        Referenced, //
    },
    sources::{
        Found,
        Obstacle,
        Scratch,
        Sources,
        Surplus, //
    },
    trace::{
        trace_extents,
        ExtentReport,
        FileName, //
    },
    workers::Workers,
};

use crate::bindings;

/// Reschedules if needed (`cond_resched()`). Context: may sleep.
pub(crate) fn cond_resched() {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::cond_resched() };
}

/// Removes the bits of a user address that the hardware ignores (`untagged_addr()`).
pub(crate) fn untagged_addr(addr: usize) -> usize {
    // SAFETY: Takes any number.
    unsafe { bindings::untagged_addr(addr) }
}

/// Returns whether the machine has PMD-sized pages for the page cache.
pub(crate) fn huge_pages_supported() -> bool {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::huge_pages_supported() }
}

/// Empties this CPU's batches of folios on their way to LRU lists (`lru_add_drain()`). Context: no
/// lock is held that nests inside the LRU lock.
pub(crate) fn lru_add_drain() {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::lru_add_drain() };
}

/// Empties these batches on every CPU (`lru_add_drain_all()`). Context: sleeps; no folio lock is
/// held.
pub(crate) fn lru_add_drain_all() {
    // SAFETY: FFI call without safety requirements.
    unsafe { bindings::lru_add_drain_all() };
}
