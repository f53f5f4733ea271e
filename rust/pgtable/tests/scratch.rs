// SPDX-License-Identifier: GPL-2.0

//! A scratch address space, which belongs to one test.

use crate::{
    bindings,
    pgtable::{
        cleared::{
            ClearedRun,
            MappedPages, //
        },
        pmd_size::{
            pmd_pages,
            pmd_size, //
        },
        pte_index::PteIndex,
        pte_table::PteTable, //
    },
};
use kernel::{
    mm::virt::VmaRef,
    page::PAGE_SIZE,
    prelude::*, //
};

/// Memory of the scratch address space, at a PMD-aligned address.
#[derive(Clone, Copy)]
pub(crate) struct Scratch {
    start: usize,
}

impl Scratch {
    /// Maps shared anonymous memory: shmem.
    pub(crate) fn shared(len: usize) -> Result<Self> {
        Self::map(0, len, true)
    }

    /// Maps shared anonymous memory of another file, `page` pages behind the address that
    /// [`shared`](Self::shared) uses.
    pub(super) fn shared_at(page: usize, len: usize) -> Result<Self> {
        Self::map(page * PAGE_SIZE, len, true)
    }

    /// Maps private anonymous memory.
    pub(super) fn private(len: usize) -> Result<Self> {
        Self::map(0, len, false)
    }

    /// Maps a shmem file privately.
    pub(crate) fn private_file(len: usize) -> Result<Self> {
        // SAFETY: FFI call without safety requirements.
        Self::at(unsafe { bindings::scratch_map_private(len) })
    }

    fn map(at: usize, len: usize, shared: bool) -> Result<Self> {
        // SAFETY: FFI call without safety requirements.
        Self::at(unsafe { bindings::scratch_map(at, len, shared) })
    }

    fn at(start: usize) -> Result<Self> {
        match start {
            0 => Err(ENOMEM),
            start => Ok(Self { start }),
        }
    }

    /// Returns the address of a page.
    pub(crate) fn page(self, index: usize) -> usize {
        self.start + index * PAGE_SIZE
    }

    /// Writes to a page.
    pub(crate) fn write(self, index: usize) -> Result {
        // SAFETY: User accesses fail where nothing is mapped.
        let done = unsafe { bindings::scratch_write(self.page(index)) };
        done.then_some(()).ok_or(EFAULT)
    }

    /// Reads a page; returns whether that was possible.
    pub(super) fn read(self, index: usize) -> bool {
        // SAFETY: User accesses fail where nothing is mapped.
        unsafe { bindings::scratch_read(self.page(index)) }
    }

    /// Makes the first PMD-sized range one huge page.
    pub(super) fn collapse(self) -> Result {
        // SAFETY: FFI call without safety requirements.
        kernel::error::to_result(unsafe { bindings::scratch_collapse(self.start) })
    }

    /// Makes the file that is mapped allow memory below 4 GiB only, or all; false
    /// where the machine has no other.
    pub(crate) fn forbid_high_memory(self, forbid: bool) -> bool {
        // SAFETY: FFI call without safety requirements.
        unsafe { bindings::scratch_forbid_high_memory(self.start, forbid) }
    }

    /// Looks at the VMA with the mmap lock held.
    pub(crate) fn look<R>(self, look: impl FnOnce(&VmaRef) -> Result<R>) -> Result<R> {
        match current!().mm() {
            None => Err(EINVAL),
            Some(mm) => {
                let guard = mm.mmap_read_lock();
                look(guard.vma_lookup(self.start).ok_or(EFAULT)?)
            }
        }
    }
}

/// A secondary MMU of the test's own mm, which notes what it is told about a page.
pub(crate) struct Watch(());

impl Watch {
    /// Begins to watch a page. Context: not under the mmap lock.
    pub(crate) fn begin(addr: usize) -> Result<Self> {
        // SAFETY: FFI call without safety requirements.
        kernel::error::to_result(unsafe { bindings::watch_begin(addr) })?;
        Ok(Self(()))
    }

    /// Returns whether it was told what is expected since the last call, see `watch_note()`.
    pub(crate) fn told(&self, expected: &CStr) -> bool {
        // SAFETY: A string that ends, and nobody else writes it.
        unsafe {
            let told = CStr::from_char_ptr(bindings::watch_log()) == expected;
            if !told {
                bindings::watch_print();
            }
            bindings::watch_forget();
            told
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // SAFETY: Registered by `begin()`.
        unsafe { bindings::watch_end() };
    }
}

/// Returns the PMD-sized range that starts at `addr`.
pub(super) fn extent(addr: usize) -> core::ops::Range<usize> {
    addr..addr + pmd_size()
}

/// Returns the index of the entry of a page.
pub(super) fn at(page: usize) -> PteIndex {
    PteIndex::of(page * PAGE_SIZE)
}

/// Returns the number of RCU read sections that the task is in.
pub(super) fn rcu_depth() -> i32 {
    // SAFETY: Looks at the current task only.
    unsafe { bindings::rcu_depth() }
}

/// Returns whether this kernel counts them.
pub(super) fn rcu_is_counted() -> bool {
    // SAFETY: No precondition.
    unsafe { bindings::rcu_is_counted() }
}

/// Returns the page frame of each entry, or one that no page has.
pub(crate) fn frames_of(table: &PteTable<'_>) -> Result<KVec<usize>> {
    let mut frames = KVec::from_elem(usize::MAX, pmd_pages(), GFP_ATOMIC)?;
    table.all(0..pmd_pages(), |index, pte| {
        if let Some(frame) = pte.page() {
            frames[index] = frame;
        }
        true
    });
    Ok(frames)
}

/// Pages that pay for their entries at once.
pub(crate) struct Known {
    pub(super) frames: KVec<usize>,
    pub(crate) settled: usize,
}

impl Known {
    pub(crate) fn new(frames: KVec<usize>) -> Self {
        Self { frames, settled: 0 }
    }
}

// SAFETY: Nobody else has the file of a test. Each page of a run is settled, its content is not
// used.
unsafe impl MappedPages for Known {
    fn frames(&self) -> &[usize] {
        &self.frames
    }

    fn settle(&mut self, run: ClearedRun<'_, Self>) {
        let vma = run.vma().as_ptr();
        for frame in run.into_stretches().flat_map(|at| &self.frames[at]) {
            self.settled += 1;
            // SAFETY: The run proves that an entry of the VMA which mapped this page is gone, and
            // the lock is held; the reference and the rmap were its own.
            unsafe { bindings::scratch_forget(vma, *frame) };
        }
    }
}
