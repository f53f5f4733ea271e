// SPDX-License-Identifier: GPL-2.0

//! What keeps a shmem file alive during a request, and its page cache.

use super::{
    fault::Point,
    BlockCharge,
    ReverseMap, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    fs::LocalFile,
    prelude::*,
    sync::aref::ARef, //
};

/// A reference to a regular shmem file (tmpfs, memfd, System V, anonymous).
///
/// Held until the request is over: a last reference put in the middle would
/// evict the inode whose folios are locked.
pub(crate) enum Backing {
    /// From a mapping of a process.
    File(ARef<LocalFile>),
    /// From a name; the file is not opened.
    Path(PathRef),
}

/// # Invariants
///
/// Holds the references of a `struct path` that `kern_path()` filled in.
pub(crate) struct PathRef(bindings::path);

impl Drop for PathRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the references are held.
        unsafe { bindings::path_put(&self.0) };
    }
}

impl Backing {
    /// Looks a path up in the caller's namespace, following links.
    ///
    /// `/proc/PID/fd/N` names files that have no other name. Answers `ENOENT`
    /// and its like from the lookup, `EOPNOTSUPP` when the file is not a
    /// regular shmem file. Context: sleeps.
    pub(crate) fn from_path(path: &CStr) -> Result<Self> {
        Point::Path.check(ENOENT)?;
        let mut raw = MaybeUninit::<bindings::path>::zeroed();
        // SAFETY: `path` is NUL-terminated, `raw` is valid for writing.
        to_result(unsafe {
            bindings::kern_path(
                path.as_char_ptr(),
                bindings::LOOKUP_FOLLOW,
                raw.as_mut_ptr(),
            )
        })?;
        // INVARIANT: Filled in by the successful call.
        // SAFETY: As above.
        let path = PathRef(unsafe { raw.assume_init() });
        // SAFETY: The path's references keep its inode.
        let shmem = unsafe { bindings::mapping_is_shmem(bindings::path_mapping(&path.0)) };
        if shmem {
            Ok(Self::Path(path))
        } else {
            Err(EOPNOTSUPP)
        }
    }

    /// The page cache of the file.
    pub(crate) fn mapping(&self) -> Mapping<'_> {
        let raw = match self {
            // SAFETY: The reference keeps the file.
            Self::File(file) => unsafe { bindings::file_mapping(file.as_ptr()) },
            // SAFETY: The path's references keep its inode.
            Self::Path(path) => unsafe { bindings::path_mapping(&path.0) },
        };
        // INVARIANT: Both constructors have tested that it is shmem's.
        Mapping {
            // SAFETY: A regular file has a mapping.
            raw: unsafe { NonNull::new_unchecked(raw) },
            _backing: PhantomData,
        }
    }
}

/// The page cache of a shmem file.
///
/// # Invariants
///
/// `raw` is the `address_space` of a regular shmem inode that `'b` keeps.
#[derive(Clone, Copy)]
pub(crate) struct Mapping<'b> {
    raw: NonNull<bindings::address_space>,
    _backing: PhantomData<&'b Backing>,
}

// SAFETY: A page cache may be worked on from any task; its own locks and those
// of its folios order them. What keeps the inode, a file or path reference, may
// be looked at from any task, too.
unsafe impl Send for Mapping<'_> {}
// SAFETY: As above.
unsafe impl Sync for Mapping<'_> {}

impl<'b> Mapping<'b> {
    pub(super) fn as_ptr(&self) -> *mut bindings::address_space {
        self.raw.as_ptr()
    }

    pub(super) fn inode(&self) -> *mut bindings::inode {
        // SAFETY: By the type invariant the mapping has its inode.
        unsafe { bindings::mapping_host(self.as_ptr()) }
    }

    /// Pages that the file's size covers, the last one perhaps in part.
    pub(crate) fn pages(&self) -> usize {
        // SAFETY: By the type invariant.
        unsafe { bindings::inode_pages(self.inode()) }
    }

    /// The first page, in memory or in swap, from `index` on.
    pub(crate) fn next_page(&self, index: usize) -> Option<usize> {
        let mut found = index;
        // SAFETY: By the type invariant; the call takes RCU for itself.
        let entry = unsafe {
            bindings::xa_find(
                &raw mut (*self.as_ptr()).i_pages,
                &mut found,
                usize::MAX,
                bindings::XA_PRESENT,
            )
        };
        // A folio that began before `index` is found by its first page.
        (!entry.is_null()).then_some(found.max(index))
    }

    /// A number that tells mappings apart while they live.
    pub(crate) fn id(&self) -> usize {
        self.raw.as_ptr() as usize
    }

    /// Whether policy allows a PMD-sized folio at `index`
    /// (`shmem_allowable_huge_orders()`, forced): not with `shmem_enabled=deny`.
    pub(crate) fn huge_allowed(&self, index: usize) -> bool {
        // SAFETY: By the type invariant.
        unsafe { bindings::huge_allowed(self.inode(), index) }
    }

    /// Whether a live update has frozen the mapping and recorded its pages.
    pub(crate) fn is_frozen(&self) -> bool {
        // SAFETY: By the type invariant it is a shmem mapping.
        let frozen = unsafe { bindings::mapping_frozen(self.as_ptr()) };
        frozen || Point::Frozen.fails()
    }

    /// Accounts `pages` new pages to file system and inode. Context: sleeps.
    ///
    /// `ENOSPC` or `EDQUOT` when a limit forbids it.
    pub(crate) fn charge(&self, pages: usize) -> Result<BlockCharge<'b>> {
        BlockCharge::new(*self, pages)
    }

    /// Locks the reverse map for reading (`i_mmap_rwsem`). Context: sleeps.
    pub(crate) fn reverse_map(&self) -> ReverseMap<'b> {
        ReverseMap::lock(*self)
    }
}
