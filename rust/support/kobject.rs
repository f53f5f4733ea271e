// SPDX-License-Identifier: GPL-2.0

//! Directories of attributes in sysfs.
//!
//! A [`Directory`] owns a kobject and its attributes. Each attribute is part of a [`Node`] that
//! also has the state of its callbacks, so no global variables are needed.
//!
//! The kobject is created by `kobject_create_and_add()`. Its memory and release function belong to
//! the kernel, so it may outlive the module if a reference remains. The nodes belong to the module
//! and are used by callbacks only; `kobject_del()` waits for these.
//!
//! C header: [`include/linux/kobject.h`](srctree/include/linux/kobject.h)

use core::{
    marker::PhantomData,
    ptr::NonNull,
    slice, //
};
use kernel::{
    bindings,
    container_of,
    error::to_result,
    fmt,
    prelude::*,
    str::CString,
    sync::Arc,
    types::Opaque, //
};

/// The permissions of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Everybody may read.
    ReadOnly,
    /// Everybody may read, root may write.
    ReadWrite,
    /// Root may write, nobody may read.
    WriteOnly,
}

impl Mode {
    fn bits(self) -> bindings::umode_t {
        match self {
            Self::ReadOnly => 0o444,
            Self::ReadWrite => 0o644,
            Self::WriteOnly => 0o200,
        }
    }
}

/// A file of a directory. Its value identifies the file.
pub(crate) trait File: Copy + Send + Sync + 'static {
    /// State that the files of the directory share.
    type State: Send + Sync + 'static;

    /// Returns the name of the file.
    fn name(self) -> Result<CString>;

    /// Returns the permissions of the file.
    fn mode(self) -> Mode;

    /// Writes the value to `page`. Called only if the mode permits reading.
    fn show(self, state: &Self::State, page: &mut Page<'_>) -> Result;

    /// Sets a new value. Called only if the mode permits writing.
    fn store(self, state: &Self::State, text: &[u8]) -> Result;
}

/// A page that a read of a file returns.
///
/// # Invariants
///
/// `start` points to a page that nobody else uses during `'a`. The first `len` bytes of it are
/// filled, and at least one is not.
pub(crate) struct Page<'a> {
    start: NonNull<c_char>,
    len: c_int,
    _page: PhantomData<&'a mut c_char>,
}

impl Page<'_> {
    /// Appends formatted text, truncated to the page.
    pub(crate) fn emit(&mut self, args: fmt::Arguments<'_>) {
        // INVARIANT: `sysfs_emit_at` returns what it has added, which leaves room for a NUL.
        //
        // SAFETY: By the type invariants this is a page with `len` bytes in it, and `%pA` takes a
        // pointer to `Arguments`.
        self.len += unsafe {
            bindings::sysfs_emit_at(
                self.start.as_ptr(),
                self.len,
                c"%pA".as_char_ptr(),
                core::ptr::from_ref(&args).cast::<c_void>(),
            )
        };
    }
}

/// A directory in which another one may be created.
///
/// # Invariants
///
/// The kobject is in sysfs and referenced during `'a`.
#[derive(Clone, Copy)]
pub(crate) struct Parent<'a>(NonNull<bindings::kobject>, PhantomData<&'a ()>);

impl Parent<'static> {
    /// Returns `/sys/kernel/mm`.
    pub(crate) fn mm() -> Result<Self> {
        // SAFETY: Set while the kernel boots and never changed.
        let kobj = unsafe { bindings::mm_kobj };
        // INVARIANT: This directory is never removed.
        Ok(Self(NonNull::new(kobj).ok_or(ENODEV)?, PhantomData))
    }
}

/// An attribute and the state of its callbacks.
struct Node<F: File> {
    attr: Opaque<bindings::kobj_attribute>,
    // `attr` points to it.
    _name: CString,
    file: F,
    state: Arc<F::State>,
}

impl<F: File> Node<F> {
    fn new(file: F, state: Arc<F::State>) -> Result<Self> {
        let name = file.name()?;
        let mode = file.mode();
        let mut attr = bindings::kobj_attribute::default();

        attr.attr.name = name.as_char_ptr();
        attr.attr.mode = mode.bits();
        // The attribute is not static, so lockdep cannot use its address as a key.
        #[cfg(CONFIG_DEBUG_LOCK_ALLOC)]
        {
            attr.attr.key = kernel::static_lock_class!().as_ptr();
        }
        if mode != Mode::WriteOnly {
            attr.__bindgen_anon_1.show = Some(Self::show);
        }
        if mode != Mode::ReadOnly {
            attr.__bindgen_anon_2.store = Some(Self::store);
        }

        Ok(Self {
            attr: Opaque::new(attr),
            _name: name,
            file,
            state,
        })
    }

    /// # Safety
    ///
    /// `attr` must be that of a `Node<F>` which outlives `'a`.
    unsafe fn from_attr<'a>(attr: *mut bindings::kobj_attribute) -> &'a Self {
        let attr = attr.cast::<Opaque<bindings::kobj_attribute>>();
        // SAFETY: By the requirements of the function.
        unsafe { &*container_of!(attr, Self, attr) }
    }

    /// # Safety
    ///
    /// Only for sysfs, as the `show` of the attribute of a `Node<F>`.
    unsafe extern "C" fn show(
        _kobj: *mut bindings::kobject,
        attr: *mut bindings::kobj_attribute,
        buf: *mut c_char,
    ) -> isize {
        // SAFETY: `Directory` frees its nodes when no callback runs.
        let node = unsafe { Self::from_attr(attr) };
        let Some(start) = NonNull::new(buf) else {
            return EIO.to_errno() as isize;
        };
        // INVARIANT: sysfs passes an empty page that nobody else uses.
        let mut page = Page {
            start,
            len: 0,
            _page: PhantomData,
        };
        match node.file.show(&node.state, &mut page) {
            Ok(()) => page.len as isize,
            Err(error) => error.to_errno() as isize,
        }
    }

    /// # Safety
    ///
    /// Only for sysfs, as the `store` of the attribute of a `Node<F>`.
    unsafe extern "C" fn store(
        _kobj: *mut bindings::kobject,
        attr: *mut bindings::kobj_attribute,
        buf: *const c_char,
        count: usize,
    ) -> isize {
        // SAFETY: `Directory` frees its nodes when no callback runs.
        let node = unsafe { Self::from_attr(attr) };
        // SAFETY: sysfs passes `count` bytes, which do not change until this returns.
        let text = unsafe { slice::from_raw_parts(buf.cast::<u8>(), count) };
        match node.file.store(&node.state, text) {
            Ok(()) => count as isize,
            Err(error) => error.to_errno() as isize,
        }
    }
}

/// A directory and its files. Dropping it removes them and waits for running callbacks.
///
/// # Invariants
///
/// `kobj` is in sysfs, and this value owns a reference to it. Only its files point to `nodes`,
/// which does not change until they are removed.
pub(crate) struct Directory<F: File> {
    kobj: NonNull<bindings::kobject>,
    nodes: KVec<Node<F>>,
}

// SAFETY: kobjects may be put and removed by any thread. Nodes hold only `Send` and `Sync` types
// and attributes that do not change.
unsafe impl<F: File> Send for Directory<F> {}
// SAFETY: The only method that takes a reference returns the address of the kobject.
unsafe impl<F: File> Sync for Directory<F> {}

impl<F: File> Directory<F> {
    /// Creates the directory and its files. Callbacks may run before this returns.
    pub(crate) fn new(
        name: &CStr,
        parent: Parent<'_>,
        files: impl Iterator<Item = F>,
        state: &Arc<F::State>,
    ) -> Result<Self> {
        let mut nodes = KVec::new();
        for file in files {
            nodes.push(Node::new(file, state.clone())?, GFP_KERNEL)?;
        }

        // SAFETY: The name is a string, and the parent is in sysfs by its type invariants.
        let kobj =
            unsafe { bindings::kobject_create_and_add(name.as_char_ptr(), parent.0.as_ptr()) };
        // INVARIANT: The reference was just returned, and there are no files yet.
        let directory = Self {
            kobj: NonNull::new(kobj).ok_or(ENOMEM)?,
            nodes,
        };
        for node in &directory.nodes {
            // CAST: A `kobj_attribute` begins with its `attribute`.
            let attr = node.attr.get().cast::<bindings::attribute>();
            // SAFETY: The kobject is in sysfs. By the type invariants the attribute does not change
            // until `drop` has removed the file, which also happens if a later file fails.
            to_result(unsafe {
                bindings::sysfs_create_file_ns(directory.kobj.as_ptr(), attr, core::ptr::null())
            })?;
        }
        Ok(directory)
    }

    /// Returns the directory as the parent of another one.
    pub(crate) fn as_parent(&self) -> Parent<'_> {
        // INVARIANT: By the type invariants.
        Parent(self.kobj, PhantomData)
    }
}

impl<F: File> Drop for Directory<F> {
    fn drop(&mut self) {
        // SAFETY: By the type invariants this value owns the reference, which is not used
        // afterwards. The first call waits for the callbacks of every file, so none uses `nodes`
        // when they are dropped.
        unsafe {
            bindings::kobject_del(self.kobj.as_ptr());
            bindings::kobject_put(self.kobj.as_ptr());
        }
    }
}
