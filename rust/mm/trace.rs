// SPDX-License-Identifier: GPL-2.0

//! The tracepoint `shmem_collapse:shmem_collapse_extent`.

use super::backing::Mapping;
use crate::{
    bindings,
    pgtable::pmd_size::pmd_pages, //
};

/// A file, as traces name it.
#[derive(Clone, Copy, Default)]
pub(crate) struct FileName {
    dev: u32,
    ino: usize,
}

impl FileName {
    /// Device and inode of the file that the page cache belongs to.
    pub(crate) fn of(mapping: Mapping<'_>) -> Self {
        // SAFETY: The mapping keeps its inode, and that its superblock.
        unsafe {
            Self {
                dev: bindings::mapping_dev(mapping.as_ptr()),
                ino: bindings::mapping_ino(mapping.as_ptr()),
            }
        }
    }
}

/// Numbers of one extent, in the order of the tracepoint's fields.
#[derive(Clone, Copy, Default)]
pub(crate) struct ExtentReport {
    pub(crate) file: FileName,
    pub(crate) index: usize,
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
    /// That of an extent so many behind, in the same file if there is one, of which
    /// nothing else is known.
    pub(crate) fn behind(&self, extents: usize) -> Self {
        let index = match self.file.ino {
            0 => 0,
            _ => self.index + extents * pmd_pages(),
        };
        Self {
            file: self.file,
            index,
            pid: self.pid,
            ..Self::default()
        }
    }
}

/// Hits the tracepoint for an extent, or once for a stretch of so many. Costs a
/// call and a branch while nobody listens.
pub(crate) fn trace_extents(outcome: &str, report: &ExtentReport, extents: usize) {
    let raw = bindings::shmem_collapse_report {
        ino: report.file.ino,
        index: report.index,
        outcome: outcome.as_ptr().cast(),
        outcome_len: outcome.len() as u32,
        dev: report.file.dev,
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
