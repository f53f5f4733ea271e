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
        pte_map::PteMap, //
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
        Self::map(len, true)
    }

    /// Maps private anonymous memory.
    pub(super) fn private(len: usize) -> Result<Self> {
        Self::map(len, false)
    }

    fn map(len: usize, shared: bool) -> Result<Self> {
        // SAFETY: Runs as a KUnit test, which gets an mm of its own.
        let start = unsafe { bindings::scratch_map(len, shared) };
        if start == 0 {
            return Err(ENOMEM);
        }
        Ok(Self { start })
    }

    /// The address of a page.
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
        // SAFETY: As above.
        unsafe { bindings::scratch_read(self.page(index)) }
    }

    /// Makes the first PMD-sized range one huge page.
    pub(super) fn collapse(self) -> Result {
        // SAFETY: The test's task has an mm.
        kernel::error::to_result(unsafe { bindings::scratch_collapse(self.start) })
    }

    /// Makes the file that is mapped allow memory below 4 GiB only, or all; false
    /// where the machine has no other.
    pub(crate) fn forbid_high_memory(self, forbid: bool) -> bool {
        // SAFETY: The test's task has an mm; something is mapped there.
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
pub(super) struct Watch(());

impl Watch {
    /// Context: not under the mmap lock.
    pub(super) fn begin(addr: usize) -> Result<Self> {
        // SAFETY: Runs as a KUnit test, which gets an mm of its own.
        kernel::error::to_result(unsafe { bindings::watch_begin(addr) })?;
        Ok(Self(()))
    }

    /// What it was told since the last call, see `watch_note()`.
    pub(super) fn told(&self, expected: &CStr) -> bool {
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

/// The PMD-sized range that starts at `addr`.
pub(super) fn extent(addr: usize) -> core::ops::Range<usize> {
    addr..addr + pmd_size()
}

/// The index of the entry of a page.
pub(super) fn at(page: usize) -> PteIndex {
    PteIndex::of(page * PAGE_SIZE)
}

/// RCU read sections that the task is in.
pub(super) fn rcu_depth() -> i32 {
    // SAFETY: Looks at the current task only.
    unsafe { bindings::rcu_depth() }
}

/// Whether this kernel counts them.
pub(super) fn rcu_is_counted() -> bool {
    // SAFETY: No precondition.
    unsafe { bindings::rcu_is_counted() }
}

/// The page frame of each entry, or one that no page has.
pub(super) fn frames_of(table: &PteMap<'_>) -> Result<KVec<usize>> {
    let mut frames = KVec::from_elem(usize::MAX, pmd_pages(), GFP_ATOMIC)?;
    table.all(0..pmd_pages(), |index, pte| {
        if let Some(frame) = pte.page() {
            frames[index] = frame;
        }
        true
    });
    Ok(frames)
}

/// Pages of a VMA, mapped by one table only.
pub(super) struct Known {
    pub(super) frames: KVec<usize>,
    pub(super) settled: usize,
    vma: *mut bindings::vm_area_struct,
}

impl Known {
    pub(super) fn new(frames: KVec<usize>, vma: &VmaRef) -> Self {
        Self {
            frames,
            settled: 0,
            vma: vma.as_ptr(),
        }
    }
}

impl MappedPages for Known {
    fn frames(&self) -> &[usize] {
        &self.frames
    }

    fn settle(&mut self, run: ClearedRun) {
        for frame in run.into_stretches().flat_map(|at| &self.frames[at]) {
            self.settled += 1;
            // SAFETY: The entry is out of the tree and both locks are held; the
            // reference and the rmap were its own.
            unsafe { bindings::scratch_forget(self.vma, *frame) };
        }
    }
}
