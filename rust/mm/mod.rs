// SPDX-License-Identifier: GPL-2.0

//! Memory-management objects that the `kernel` crate does not have yet.
//!
//! Each type stands for something held: a reference, a lock, a charge. Dropping
//! it gives that back.

mod backing;
mod block_charge;
mod cache_section;
mod extent_pages;
pub(crate) mod fault;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
pub(crate) mod fault_armed;
mod folio_wait;
mod huge_folio;
pub(crate) mod kobject;
pub(crate) mod machine;
pub(crate) mod misc_device;
mod process;
mod reverse_map;
mod source_find;
mod source_lock;
mod source_retire;
mod source_state;
mod source_surplus;
mod source_unmap;
mod sources;
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
    extent_pages::ExtentPages,
    huge_folio::{
        HugeFolio,
        HugePages,
        Payer,
        PublishedFolio,
        Unavailable, //
    },
    process::{
        Process,
        ShmemVma, //
    },
    reverse_map::{
        MappedVma,
        ReverseMap, //
    },
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

/// Gives the processor away if somebody waits for it. Context: may sleep.
pub(crate) fn cond_resched() {
    // SAFETY: Called from process context without locks that forbid sleeping.
    unsafe { bindings::cond_resched() };
}

/// Whether the current task is being killed.
pub(crate) fn fatal_signal_pending() -> bool {
    // SAFETY: Looks at `current` only.
    unsafe { bindings::fatal_signal_pending() }
}

/// Whether the current task is wanted elsewhere: a signal, the freezer, a
/// debugger, task work.
pub(crate) fn signal_pending() -> bool {
    // SAFETY: Looks at `current` only.
    unsafe { bindings::signal_pending() }
}

/// Whether one of the signals has a handler.
pub(crate) fn handled_signal_pending() -> bool {
    // SAFETY: Process context; looks at `current` only.
    unsafe { bindings::handled_signal_pending() }
}

/// The number of the current task, the same in every namespace.
pub(crate) fn current_pid() -> i32 {
    // SAFETY: Looks at `current` only.
    unsafe { bindings::current_pid() }
}

/// An address as the current task wrote it, without what the hardware ignores.
pub(crate) fn untagged_addr(addr: usize) -> usize {
    // SAFETY: Takes any address; looks at `current` only.
    unsafe { bindings::untagged_addr(addr) }
}

/// Whether the machine has PMD-sized pages for the page cache.
pub(crate) fn huge_pages_supported() -> bool {
    // SAFETY: No precondition.
    unsafe { bindings::huge_pages_supported() }
}

/// Empties this CPU's batches of folios on their way to LRU lists.
pub(crate) fn lru_add_drain() {
    // SAFETY: Process context, no lock held that the LRU lock nests outside of.
    unsafe { bindings::lru_add_drain() };
}

/// Empties such batches on every CPU (`lru_add_drain_all()`). Context: sleeps;
/// no folio lock may be held.
pub(crate) fn lru_add_drain_all() {
    // SAFETY: Process context; the engine calls it between two attempts only.
    unsafe { bindings::lru_add_drain_all() };
}
