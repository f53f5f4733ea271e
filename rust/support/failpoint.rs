// SPDX-License-Identifier: GPL-2.0

//! Places at which a debug kernel can make a request fail, or wait.
//!
//! With `CONFIG_FAULT_INJECTION_DEBUG_FS`, points belong to the kernel's fault
//! injection (`/proc/PID/fail-nth` counts them together with allocations), and
//! tests arm one of them, or a delay, by its name. Without, both are nothing:
//! the answer is a constant. `Documentation/mm/testing.rst` has a table of them.

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
            /// Every one of them.
            pub(crate) const ALL: [Self; [$($name),*].len()] = [$(Self::$place),*];

            /// The name by which a test arms it.
            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$place => $name,)*
                }
            }
        }
    };
}

places! {
    /// A call that may fail. It stands where the call is made, and the code
    /// behind it cannot tell the two apart.
    Point {
        /// The process is gone.
        Process = "process";
        /// There is no such path.
        Path = "path";
        /// Memory for the sources of an extent.
        Scratch = "scratch";
        /// A worker of the request.
        Helper = "helper";
        /// Memory for the list of extents that are tried again.
        Waiting = "waiting";
        /// The lock of the VMA at an address.
        VmaLock = "vma_lock";
        /// The lock that keeps other requests off the extent.
        ExtentLock = "extent_lock";
        /// The mapping is not frozen: asked at scan and at commit.
        Frozen = "frozen";
        /// Reading a page back from swap.
        SwapIn = "swap_in";
        /// Memory for the huge folio.
        HugePage = "huge_page";
        /// The charge to the memory cgroup.
        Memcg = "memcg";
        /// The zone of the huge folio.
        Zone = "zone";
        /// Space in the file system.
        Space = "space";
        /// The quota of the file's owner.
        Quota = "quota";
        /// Nodes of the page cache's array.
        Nodes = "nodes";
        /// The lock of a folio behind the first; counts places, not folios.
        PageLock = "page_lock";
        /// A locked folio is still the page cache's.
        PageChanged = "page_changed";
        /// No reference is left over before folios are unmapped.
        ReferencesMapped = "references_mapped";
        /// A page table may be taken out.
        Table = "table";
        /// A page table that stays can be locked.
        TableLock = "table_lock";
        /// No reference is left over after folios were unmapped.
        ReferencesUnmapped = "references_unmapped";
        /// Copying a batch of pages.
        Copy = "copy";
        /// No folio was poisoned since it was found.
        Poison = "poison";
        /// A retry entry for a hole.
        BlockHoles = "block_holes";
        /// There are as many holes as there were.
        Recount = "recount";
        /// No userfaultfd waits for a missing page at commit.
        UffdMissing = "uffd_missing";
        /// Freezing the reference count of a folio.
        Freeze = "freeze";
        /// The huge folio that is to be mapped huge again.
        HugeFind = "huge_find";
    }
}

places! {
    /// A place between two steps where a request may sleep.
    Delay {
        /// The extent is known and locked, nothing else is held.
        Located = "located";
        /// The small folios are referenced.
        Scanned = "scanned";
        /// They are locked, the huge folio is there; all is mapped.
        Gathered = "gathered";
        /// A page table is about to be taken out: its VMA was looked at without
        /// the locks of the table. `i_mmap_rwsem` is held.
        Taking = "taking";
        /// One VMA is done, others may follow. `i_mmap_rwsem` is held.
        Unmapping = "unmapping";
        /// No process maps the folios; references are not yet counted.
        Unmapped = "unmapped";
        /// They are counted; nothing is copied.
        Checked = "checked";
        /// All is copied, the page cache has the small folios. With holes,
        /// `i_mmap_rwsem` is held.
        Copied = "copied";
        /// The page cache has the huge folio; processes wait for it. With holes,
        /// `i_mmap_rwsem` is held.
        Committed = "committed";
        /// The huge folio is mapped and unlocked, the small ones are not freed.
        Mapped = "mapped";
        /// The attempt failed; migration entries are still there.
        RollingBack = "rolling_back";
        /// Tables that mapped a huge folio in small pieces were taken out.
        Remapping = "remapping";
    }
}

impl Point {
    /// Fails with `error` if the call shall fail.
    #[inline]
    pub(crate) fn check<E>(self, error: E) -> Result<(), E> {
        if self.fails() {
            Err(error)
        } else {
            Ok(())
        }
    }

    /// As [`fails`](Self::fails), for one of many calls in a loop: the first and
    /// some later ones, ever further apart.
    #[inline]
    pub(crate) fn fails_at(self, nr: usize) -> bool {
        cfg!(CONFIG_FAULT_INJECTION_DEBUG_FS) && nr & nr.wrapping_sub(1) == 0 && self.fails()
    }

    /// The same for a call that does all of `places`: the first at which it
    /// fails, else the end.
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
    /// Whether the call shall fail. Context: any.
    #[inline(always)]
    pub(crate) fn fails(self) -> bool {
        false
    }
}

#[cfg(not(CONFIG_FAULT_INJECTION_DEBUG_FS))]
impl Delay {
    /// Sleeps while a test wants it. Context: sleeps.
    #[inline(always)]
    pub(crate) fn wait(self) {}
}
