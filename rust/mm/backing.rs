// SPDX-License-Identifier: GPL-2.0

//! References to shmem files, and their page caches.

use crate::{
    bindings,
    support::failpoint::Point, //
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    fs::File,
    mm::virt::VmaRef,
    prelude::*,
    sync::aref::ARef, //
};

/// A reference to a regular shmem file (tmpfs, memfd, System V, anonymous).
///
/// Held until the request is over: a last reference put in the middle would evict the inode whose
/// folios are locked.
///
/// # Invariants
///
/// The file is a regular one of shmem.
pub(crate) struct Backing(Reference);

/// What keeps the inode.
enum Reference {
    /// From a mapping of a process.
    File(ARef<File>),
    /// From a name; the file is not opened.
    Path(PathRef),
}

/// # Invariants
///
/// Holds the references of a `struct path` that `kern_path()` filled in.
struct PathRef(bindings::path);

// SAFETY: A path is two references, which are counted and may be put by any task.
unsafe impl Send for PathRef {}
// SAFETY: Nothing is changed through a shared reference.
unsafe impl Sync for PathRef {}

impl Drop for PathRef {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the references are held.
        unsafe { bindings::path_put(&self.0) };
    }
}

impl Backing {
    /// Looks a path up in the caller's namespace, following links.
    ///
    /// `/proc/PID/fd/N` names files that have no other name. Returns the errors of the lookup
    /// (`ENOENT` and others), and `EOPNOTSUPP` for a file that is not a regular shmem file.
    /// Context: sleeps.
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
        // SAFETY: The successful call filled it in.
        let path = PathRef(unsafe { raw.assume_init() });
        // SAFETY: The path's references keep its inode.
        let shmem = unsafe { bindings::mapping_is_shmem(bindings::path_mapping(&path.0)) };
        if shmem {
            // INVARIANT: Tested above.
            Ok(Self(Reference::Path(path)))
        } else {
            Err(EOPNOTSUPP)
        }
    }

    /// Takes a reference to the file that is mapped; [`None`] if it is not a regular shmem file.
    pub(super) fn of_vma(vma: &VmaRef) -> Option<Self> {
        // SAFETY: A `VmaRef` is locked, so the VMA keeps its file.
        let file = NonNull::new(unsafe { bindings::vma_get_shmem_file(vma.as_ptr()) })?;
        // SAFETY: The call took a reference, which the value takes over. The mapping has one of its
        // own, so `fdget_pos()` takes `f_pos_lock`. A call that did without began before the file
        // was mapped, in the only task that had the file, and is over.
        let file = unsafe { ARef::from_raw(file.cast()) };
        // INVARIANT: The call returns no other file.
        Some(Self(Reference::File(file)))
    }

    /// Returns the page cache of the file.
    pub(crate) fn mapping(&self) -> Mapping<'_> {
        let raw = match &self.0 {
            // SAFETY: The reference keeps the file.
            Reference::File(file) => unsafe { bindings::file_mapping(file.as_ptr()) },
            // SAFETY: The path's references keep its inode.
            Reference::Path(path) => unsafe { bindings::path_mapping(&path.0) },
        };
        // INVARIANT: By the type invariant it is shmem's.
        Mapping {
            // SAFETY: A regular file has a mapping.
            raw: unsafe { NonNull::new_unchecked(raw) },
            _backing: PhantomData,
        }
    }
}

#[cfg(CONFIG_KUNIT = "y")]
impl Backing {
    /// Makes a file for a KUnit test.
    pub(super) fn of_test() -> Result<Self> {
        // SAFETY: FFI call without safety requirements.
        let file = NonNull::new(unsafe { bindings::scratch_file() }).ok_or(ENOMEM)?;
        // SAFETY: The call returned the only reference, which the value takes over.
        let file = unsafe { ARef::from_raw(file.cast()) };
        // INVARIANT: It makes shmem files.
        Ok(Self(Reference::File(file)))
    }
}

/// The page cache of a shmem file.
///
/// # Invariants
///
/// `raw` is the `address_space` of a regular shmem inode that `'b` keeps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mapping<'b> {
    raw: NonNull<bindings::address_space>,
    _backing: PhantomData<&'b Backing>,
}

// SAFETY: A page cache may be worked on from any task; its own locks and those of its folios order
// them. The `Backing` that it borrows is `Sync`.
unsafe impl Send for Mapping<'_> {}
// SAFETY: See `Send`: what is reached through a shared reference has locks of its own.
unsafe impl Sync for Mapping<'_> {}

impl<'b> Mapping<'b> {
    pub(super) fn as_ptr(&self) -> *mut bindings::address_space {
        self.raw.as_ptr()
    }

    pub(super) fn inode(&self) -> *mut bindings::inode {
        // SAFETY: By the type invariant the mapping has its inode.
        unsafe { bindings::mapping_host(self.as_ptr()) }
    }

    /// Returns the number of pages that the file's size covers, the last one perhaps in part.
    pub(crate) fn pages(&self) -> usize {
        // SAFETY: By the type invariant.
        unsafe { bindings::inode_pages(self.inode()) }
    }

    /// Returns the index of the first page, in memory or in swap, from `index` on.
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

    /// Returns a number that differs between mappings while they live.
    pub(crate) fn id(&self) -> usize {
        self.raw.as_ptr() as usize
    }

    /// Returns whether a live update has frozen the mapping and recorded its pages.
    pub(crate) fn is_frozen(&self) -> bool {
        // SAFETY: By the type invariant it is a shmem mapping.
        let frozen = unsafe { bindings::mapping_frozen(self.as_ptr()) };
        frozen || Point::Frozen.fails()
    }
}
