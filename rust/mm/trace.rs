// SPDX-License-Identifier: GPL-2.0

//! The tracepoint `shmem_collapse:shmem_collapse_extent`.

use super::extent::Extent;
use crate::{
    bindings,
    pgtable::pmd_size::pmd_pages, //
};

/// An extent, as traces name it.
#[derive(Clone, Copy, Default)]
pub(crate) struct ExtentName {
    dev: u32,
    ino: usize,
    index: usize,
}

impl ExtentName {
    /// Returns device and inode of the file, and the index of the first page.
    pub(crate) fn of(extent: Extent<'_>) -> Self {
        let mapping = extent.mapping().as_ptr();
        // SAFETY: The mapping keeps its inode, and that its superblock.
        unsafe {
            Self {
                dev: bindings::mapping_dev(mapping),
                ino: bindings::mapping_ino(mapping),
                index: extent.first(),
            }
        }
    }

    /// Returns the name of the extent that is `extents` further on in the same file, if the file is
    /// known.
    fn behind(self, extents: usize) -> Self {
        let index = match self.ino {
            0 => 0,
            _ => self.index.wrapping_add(extents.wrapping_mul(pmd_pages())),
        };
        Self { index, ..self }
    }
}

/// Numbers of one extent, in the order of the tracepoint's fields.
#[derive(Clone, Copy, Default)]
pub(crate) struct ExtentReport {
    pub(crate) extent: ExtentName,
    pub(crate) pid: i32,
    pub(crate) holes: u32,
    pub(crate) swapped: u32,
    pub(crate) vmas: u32,
    pub(crate) pmds_mapped: u32,
    pub(crate) page_tables_freed: u32,
    pub(crate) gather_ns: u64,
    pub(crate) unmap_ns: u64,
    pub(crate) copy_ns: u64,
    pub(crate) commit_ns: u64,
    pub(crate) map_ns: u64,
}

impl ExtentReport {
    /// Returns a report of the extent that is `extents` further on, with nothing else in it.
    pub(crate) fn behind(&self, extents: usize) -> Self {
        Self {
            extent: self.extent.behind(extents),
            pid: self.pid,
            ..Self::default()
        }
    }
}

/// Hits the tracepoint once, for an extent or for a stretch of them. Costs a call and a branch
/// while the tracepoint is off.
pub(crate) fn trace_extents(outcome: &str, report: &ExtentReport, extents: usize) {
    let raw = bindings::shmem_collapse_report {
        ino: report.extent.ino,
        index: report.extent.index,
        outcome: outcome.as_ptr().cast(),
        outcome_len: outcome.len() as u32,
        dev: report.extent.dev,
        pid: report.pid,
        holes: report.holes,
        swapped: report.swapped,
        vmas: report.vmas,
        pmds_mapped: report.pmds_mapped,
        page_tables_freed: report.page_tables_freed,
        gather_ns: report.gather_ns,
        unmap_ns: report.unmap_ns,
        copy_ns: report.copy_ns,
        commit_ns: report.commit_ns,
        map_ns: report.map_ns,
        extents: extents as u64,
    };
    // SAFETY: The report and the text it points to are read during the call.
    unsafe { bindings::trace_extent(&raw) };
}
