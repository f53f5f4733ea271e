// SPDX-License-Identifier: GPL-2.0

//! Failpoints: places at which a debug kernel can make a request fail, or wait.
//!
//! With `CONFIG_FAULT_INJECTION_DEBUG_FS`, failpoints are part of the kernel's fault injection
//! (`/proc/PID/fail-nth` counts them together with allocations), and tests arm a failpoint or a
//! delay by its name. Without it, they compile to nothing. `Documentation/mm/testing.rst` lists
//! them.

use core::ops::Range;

macro_rules! places {
    (
        $(#[$type_doc:meta])*
        $places:ident {
            $($(#[$doc:meta])* $place:ident = $name:literal;)*
        }
    ) => {
        $(#[$type_doc])*
        #[derive(Clone, Copy)]
        pub(crate) enum $places {
            $($(#[$doc])* $place,)*
        }

        #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
        impl $places {
            /// All of them.
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$place),*];

            /// Returns the name by which a test arms it.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$place => $name,)*
                }
            }
        }
    };
}

places! {
    /// A call that can fail. The point is placed at the call, so that the code which follows
    /// cannot tell an injected failure from a real one.
    Point {
        /// Opening the process.
        Process = "process";
        /// Looking up the path.
        Path = "path";
        /// Allocating memory for the sources of an extent.
        Scratch = "scratch";
        /// Starting a worker.
        Helper = "helper";
        /// Allocating memory for the list of extents that are retried.
        Waiting = "waiting";
        /// Locking the VMA at an address.
        VmaLock = "vma_lock";
        /// Locking the extent against other requests.
        ExtentLock = "extent_lock";
        /// Testing that the mapping is not frozen, at scan and at commit.
        Frozen = "frozen";
        /// Reading a page back from swap.
        SwapIn = "swap_in";
        /// Allocating the huge folio.
        HugePage = "huge_page";
        /// Charging the memory cgroup.
        Memcg = "memcg";
        /// Testing the zone of the huge folio.
        Zone = "zone";
        /// Charging space in the file system.
        Space = "space";
        /// Charging the quota of the owner of the file.
        Quota = "quota";
        /// Allocating nodes of the xarray of the page cache.
        Nodes = "nodes";
        /// Allocating room to note page tables in.
        Tables = "tables";
        /// Keeping a page table for a roll back.
        Keep = "keep";
        /// Locking a folio. Counts places, not folios.
        PageLock = "page_lock";
        /// Testing that a locked folio is still in the page cache.
        PageChanged = "page_changed";
        /// Testing for extra references before the folios are unmapped.
        ReferencesMapped = "references_mapped";
        /// Testing that a page table may be taken out.
        Table = "table";
        /// Testing that an empty page table may be freed.
        Reap = "reap";
        /// Locking a page table that stays.
        TableLock = "table_lock";
        /// Testing for extra references after the folios were unmapped.
        ReferencesUnmapped = "references_unmapped";
        /// Copying a batch of pages.
        Copy = "copy";
        /// Testing that no folio was poisoned in the meantime.
        Poison = "poison";
        /// Testing that no page of the huge folio was poisoned in the meantime.
        NewPoison = "new_poison";
        /// Storing a retry entry in a hole.
        BlockHoles = "block_holes";
        /// Testing that the number of holes has not changed.
        Recount = "recount";
        /// Testing that no userfaultfd waits for a missing page, at commit.
        UffdMissing = "uffd_missing";
        /// Freezing the reference count of a folio.
        Freeze = "freeze";
        /// Locking the huge folio that is to be mapped in the process that is named.
        Install = "install";
        /// Finding the huge folio that is to be mapped huge again.
        HugeFind = "huge_find";
    }
}

places! {
    /// A place between two steps at which a request can be delayed.
    Delay {
        /// The extent is locked; nothing else is held.
        Located = "located";
        /// The small folios are referenced.
        Scanned = "scanned";
        /// They are locked, the huge folio is allocated, and all is mapped.
        Gathered = "gathered";
        /// A page table is about to be taken out. Its VMA was tested without the locks of the
        /// table. `i_mmap_rwsem` is held.
        Taking = "taking";
        /// An empty page table is about to be freed. It was tested without its locks. The lock of
        /// its VMA or `i_mmap_rwsem` is held.
        Reaping = "reaping";
        /// One VMA is done, others may follow. `i_mmap_rwsem` is held.
        Unmapping = "unmapping";
        /// No process maps the folios. Their references are not yet compared.
        Unmapped = "unmapped";
        /// References are compared. Nothing is copied.
        Checked = "checked";
        /// All is copied. The page cache has the small folios. With holes, `i_mmap_rwsem` is held.
        Copied = "copied";
        /// The page cache has the huge folio, and threads wait for it. With holes, `i_mmap_rwsem`
        /// is held.
        Committed = "committed";
        /// The huge folio is mapped and unlocked. The small ones are not yet freed.
        Mapped = "mapped";
        /// The attempt failed. Migration entries are still present.
        RollingBack = "rolling_back";
        /// Tables that mapped a huge folio by small entries were taken out.
        Remapping = "remapping";
    }
}

impl Point {
    /// Returns `error` if the call shall fail.
    #[inline]
    pub(crate) fn check<E>(self, error: E) -> Result<(), E> {
        if self.fails() {
            Err(error)
        } else {
            Ok(())
        }
    }

    /// Returns whether call `nr` in a loop shall fail. Only powers of two, and zero, can.
    #[inline]
    pub(crate) fn fails_at(self, nr: usize) -> bool {
        cfg!(CONFIG_FAULT_INJECTION_DEBUG_FS) && nr & nr.wrapping_sub(1) == 0 && self.fails()
    }

    /// Returns the first of `places` at which a call for all of them shall fail, or the end.
    #[inline]
    pub(crate) fn cut(self, mut places: Range<usize>) -> usize {
        let end = places.end;
        if !cfg!(CONFIG_FAULT_INJECTION_DEBUG_FS) {
            return end;
        }
        places.find(|nr| self.fails_at(*nr)).unwrap_or(end)
    }
}

#[cfg(not(CONFIG_FAULT_INJECTION_DEBUG_FS))]
impl Point {
    /// Returns whether the call shall fail. Context: any.
    #[inline(always)]
    pub(crate) fn fails(self) -> bool {
        false
    }
}

#[cfg(not(CONFIG_FAULT_INJECTION_DEBUG_FS))]
impl Delay {
    /// Sleeps while a test has armed the delay. Context: sleeps.
    #[inline(always)]
    pub(crate) fn wait(self) {}
}
