// SPDX-License-Identifier: GPL-2.0

//! The process that a request names, and its mapping of a huge page.

use super::{
    extent::Extent,
    huge_folio::PublishedFolio,
    process::{
        Process,
        ShmemVma, //
    },
};
use crate::{
    pgtable::{
        entry::Pmd,
        whole_pmd::WholePmd, //
    },
    support::failpoint::Point, //
};

/// What came of an attempt to map a huge page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Installed {
    /// It is mapped now.
    Now,
    /// It is mapped already, or cannot be, or shall not be.
    Not,
    /// Somebody has a lock that is only tried.
    Busy,
}

impl Process {
    /// Maps the huge page of an extent by one pmd at `addr`, where nothing is mapped.
    ///
    /// The locks of VMA and folio are tried, in this order, and the mmap lock is not taken. The
    /// process was found by its number, so that it is not in the middle of a `fork()` and has
    /// users. Context: sleeps.
    pub(crate) fn map_huge(&self, addr: usize, extent: Extent<'_>) -> Installed {
        self.look(addr, |vma| install(vma, addr, extent))
            .unwrap_or(Installed::Busy)
    }
}

fn install(vma: &ShmemVma<'_>, addr: usize, extent: Extent<'_>) -> Installed {
    let found = WholePmd::find(vma.vma(), addr).map(|pmd| pmd.read_lockless());
    // Faults of the same process are as good.
    if !matches!(found, None | Some(Pmd::None)) || !vma.may_map_huge() {
        return Installed::Not;
    }
    // Before the folio is locked: reclaim may want that.
    let Ok(Some(pmd)) = WholePmd::alloc(vma.vma(), addr) else {
        return Installed::Not;
    };
    let Some(folio) = PublishedFolio::find(extent) else {
        return Installed::Busy;
    };
    if Point::Install.fails() {
        return Installed::Busy;
    }
    match pmd.install(&folio) {
        true => Installed::Now,
        false => Installed::Not,
    }
}
