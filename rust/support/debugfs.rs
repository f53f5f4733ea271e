// SPDX-License-Identifier: GPL-2.0

//! Files of debugfs for requests and answers: a write is a request, and a read from the same open
//! file returns the answer.
//!
//! Files of the kernel crate's directories have no state for each open file.

use super::misc_device::Opener;
use crate::{
    bindings,
    LocalModule, //
};
use core::marker::PhantomData;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    debugfs::Dir,
    error::from_result,
    ffi::{
        c_char,
        c_int, //
    },
    prelude::*,
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader,
        UserSliceWriter, //
    },
    ModuleMetadata, //
};

/// The name of the module's directory.
const NAME: &CStr = c"shmem_collapse";

/// Operations of an open file. Several tasks may call them concurrently.
pub(crate) trait Conversation: Sized + Send + Sync + 'static {
    /// Creates the state of a new open file.
    fn open() -> impl PinInit<Self, Error>;

    /// Handles a write of the current task: takes all of `text` or fails.
    fn write(&self, opener: Opener<'_>, text: UserSliceReader) -> Result;

    /// Handles a read of the current task from `position`, and advances it by what was read.
    fn read(&self, position: &mut i64, room: UserSliceWriter) -> Result<usize>;
}

/// The module's directory in debugfs, for as long as this value lives.
pub(crate) struct Directory(Dir);

impl Directory {
    /// Makes the directory. Where debugfs is switched off there is none, and no file in it.
    pub(crate) fn new() -> Self {
        Self(Dir::new(NAME))
    }

    /// Returns the directory as the kernel crate knows it.
    #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
    pub(crate) fn dir(&self) -> &Dir {
        &self.0
    }

    /// Makes a file of the directory. It may be opened before this returns.
    pub(crate) fn file<C: Conversation>(&self, name: &CStr, mode: u16) -> File<C> {
        // SAFETY: Both names are valid. A directory that was found is referenced until the second
        // call; the operations are static and those of a `C`. Without a directory there is no file.
        let dentry = unsafe {
            let parent = bindings::debugfs_lookup(NAME.as_char_ptr(), core::ptr::null_mut());
            if parent.is_null() {
                core::ptr::null_mut()
            } else {
                let file = bindings::debugfs_create_file_full(
                    name.as_char_ptr(),
                    mode,
                    parent,
                    core::ptr::null_mut(),
                    core::ptr::null(),
                    File::<C>::OPERATIONS,
                );
                bindings::dput(parent);
                file
            }
        };
        // INVARIANT: As the calls return it.
        File {
            dentry,
            _directory: self.0.clone(),
            _conversation: PhantomData,
        }
    }
}

/// A file of the directory, which is removed when this is dropped.
///
/// # Invariants
///
/// `dentry` is null, an error, or a file whose operations are those of `C`.
pub(crate) struct File<C: Conversation> {
    dentry: *mut bindings::dentry,
    /// Removed after the file.
    _directory: Dir,
    _conversation: PhantomData<C>,
}

// SAFETY: debugfs removes an entry from any task.
unsafe impl<C: Conversation> Send for File<C> {}
// SAFETY: There is nothing to do with a shared one.
unsafe impl<C: Conversation> Sync for File<C> {}

impl<C: Conversation> Drop for File<C> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant; null and errors are ignored.
        unsafe { bindings::debugfs_remove(self.dentry) };
    }
}

impl<C: Conversation> File<C> {
    /// An open file holds a reference on the module.
    const OPERATIONS: &'static bindings::file_operations = &bindings::file_operations {
        owner: LocalModule::THIS_MODULE.as_ptr(),
        open: Some(Self::open),
        release: Some(Self::release),
        write: Some(Self::write),
        read: Some(Self::read),
        llseek: Some(bindings::default_llseek),
        ..pin_init::zeroed()
    };

    /// # Safety
    ///
    /// `file` is being opened.
    unsafe extern "C" fn open(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        from_result(|| {
            let opened = KBox::pin_init(C::open(), GFP_KERNEL_ACCOUNT)?;
            // SAFETY: Nobody else has the file yet.
            unsafe { (*file).private_data = opened.into_foreign() };
            Ok(0)
        })
    }

    /// # Safety
    ///
    /// `file` was opened by [`Self::open`], and is used by nobody any more.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: By this function's contract.
        drop(unsafe { Pin::<KBox<C>>::from_foreign((*file).private_data) });
        0
    }

    /// # Safety
    ///
    /// `file` was opened by [`Self::open`], and is in use.
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        text: *const c_char,
        len: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: By this function's contract.
        let (opened, opener) = unsafe {
            (
                Pin::<KBox<C>>::borrow((*file).private_data),
                Opener::from_raw(file),
            )
        };
        let text = UserSlice::new(UserPtr::from_ptr(text.cast_mut().cast()), len);
        from_result(|| opened.write(opener, text.reader()).map(|()| len as isize))
    }

    /// # Safety
    ///
    /// `file` was opened by [`Self::open`], and is in use; `position` is valid.
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        room: *mut c_char,
        len: usize,
        position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: By this function's contract.
        let (opened, position) =
            unsafe { (Pin::<KBox<C>>::borrow((*file).private_data), &mut *position) };
        let room = UserSlice::new(UserPtr::from_ptr(room.cast()), len);
        from_result(|| {
            opened
                .read(position, room.writer())
                .map(|read| read as isize)
        })
    }
}
