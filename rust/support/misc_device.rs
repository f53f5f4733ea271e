// SPDX-License-Identifier: GPL-2.0

//! Misc devices with state that all open files share.
//!
//! Adds what [`MiscDeviceRegistration`] lacks: a file mode, file positions, and state that is
//! passed to `open`.
//!
//! C header: [`include/linux/miscdevice.h`](srctree/include/linux/miscdevice.h)

use crate::bindings;
use core::{
    marker::PhantomData,
    pin::Pin, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    container_of,
    error::to_result,
    fs::{
        File,
        Kiocb, //
    },
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    prelude::*,
    sync::Arc,
    types::{
        ForeignOwnable,
        Opaque, //
    },
    uaccess::UserPtr, //
};

/// Operations on an open file of the device. Several tasks may call them at once.
pub(crate) trait Control: Sized + Send + Sync + 'static {
    /// State that all open files share.
    type State: Send + Sync + 'static;

    /// Creates the state of an open file.
    fn open(state: Arc<Self::State>) -> impl PinInit<Self, Error>;

    /// Handles an ioctl of the current process, also of 32-bit processes on a 64-bit kernel:
    /// arguments must have the same layout for both.
    fn control(&self, command: u32, argument: UserPtr) -> Result;

    /// Handles a write of the current task. Takes all of `text` or fails.
    fn write(&self, opener: Opener<'_>, text: &mut IovIterSource<'_>) -> Result<usize>;

    /// Handles a read of the current task from `position`, which it advances.
    fn read(&self, position: &mut i64, room: &mut IovIterDest<'_>) -> Result<usize>;
}

/// The task that opened a file, with the credentials that it had then.
///
/// # Invariants
///
/// `file` is open for `'f`.
pub(crate) struct Opener<'f> {
    file: *mut bindings::file,
    _open: PhantomData<&'f File>,
}

impl<'f> Opener<'f> {
    fn of<T: ForeignOwnable>(call: &Kiocb<'f, T>) -> Self {
        // INVARIANT: The file is open for the duration of the call.
        Self {
            // SAFETY: The type invariant of `Kiocb`: it is valid for `'f`.
            file: unsafe { (*call.as_raw()).ki_filp },
            _open: PhantomData,
        }
    }

    /// # Safety
    ///
    /// `file` is open for `'f`.
    #[cfg(CONFIG_DEBUG_FS)]
    pub(super) unsafe fn from_raw(file: *mut bindings::file) -> Self {
        // INVARIANT: By this function's contract.
        Self {
            file,
            _open: PhantomData,
        }
    }

    /// Returns whether it and the current task may see kernel addresses.
    #[cfg(CONFIG_DEBUG_FS)]
    pub(crate) fn may_see_addresses(&self) -> bool {
        // SAFETY: The type invariant: the file is open.
        unsafe { bindings::addresses_shown(self.file) }
    }

    /// Returns whether it had `CAP_SYS_ADMIN` in the initial user namespace.
    pub(crate) fn is_admin(&self) -> bool {
        // SAFETY: The type invariant: the file is open.
        unsafe { bindings::opened_by_admin(self.file) }
    }
}

/// A device in `/dev`. Dropping it removes the device.
///
/// Open files outlive it: each has its own state, and their file operations are static and name
/// this module as their owner.
///
/// # Invariants
///
/// `misc` is registered, with the static file operations of [`Opened<C>`].
#[pin_data(PinnedDrop)]
pub(crate) struct Node<C: Control> {
    state: Arc<C::State>,
    #[pin]
    misc: Opaque<bindings::miscdevice>,
}

// SAFETY: Misc devices may be deregistered by any thread, and the state is `Send` and `Sync`.
unsafe impl<C: Control> Send for Node<C> {}
// SAFETY: There are no methods that take a shared reference.
unsafe impl<C: Control> Sync for Node<C> {}

impl<C: Control> Node<C> {
    /// File operations of the kernel crate, with `llseek`.
    ///
    /// They are static because open files, which outlive the device, keep a pointer to them.
    const OPERATIONS: &'static bindings::file_operations = &bindings::file_operations {
        llseek: Some(bindings::default_llseek),
        // SAFETY: Points to a constant of the kernel crate.
        ..unsafe { *MiscDeviceOptions { name: c"" }.into_raw::<Opened<C>>().fops }
    };

    /// Creates the device. It may be opened before this returns.
    pub(crate) fn new(
        name: &'static CStr,
        mode: u16,
        state: Arc<C::State>,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            state,
            // INVARIANT: Registered by the last call, or else there is no value.
            misc <- Opaque::try_ffi_init(move |slot: *mut bindings::miscdevice| {
                let mut misc = MiscDeviceOptions { name }.into_raw::<Opened<C>>();
                misc.mode = mode;
                misc.fops = Self::OPERATIONS;
                // SAFETY: `slot` is valid for writing and pinned. The drop of `Self` deregisters
                // it.
                unsafe {
                    slot.write(misc);
                    to_result(bindings::misc_register(slot))
                }
            }),
        })
    }
}

#[pinned_drop]
impl<C: Control> PinnedDrop for Node<C> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The type invariant: `misc` is registered.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}

/// The implementation of [`MiscDevice`]. Only [`Node::new`] registers it.
struct Opened<C>(PhantomData<C>);

#[vtable]
impl<C: Control> MiscDevice for Opened<C> {
    type Ptr = Pin<KBox<C>>;

    fn open(_file: &File, misc: &MiscDeviceRegistration<Self>) -> Result<Self::Ptr> {
        let misc = misc.as_raw().cast::<Opaque<bindings::miscdevice>>();
        // SAFETY: Only `Node::new` registers `Opened`, with the `misc` of a node whose state is
        // initialised. The node is not dropped during an open.
        let node = unsafe { &*container_of!(misc, Node<C>, misc) };
        KBox::pin_init(C::open(node.state.clone()), GFP_KERNEL_ACCOUNT)
    }

    fn ioctl(opened: Pin<&C>, _file: &File, command: u32, argument: usize) -> Result<isize> {
        opened.control(command, UserPtr::from_addr(argument))?;
        Ok(0)
    }

    fn write_iter(call: Kiocb<'_, Self::Ptr>, text: &mut IovIterSource<'_>) -> Result<usize> {
        call.file().write(Opener::of(&call), text)
    }

    fn read_iter(mut call: Kiocb<'_, Self::Ptr>, room: &mut IovIterDest<'_>) -> Result<usize> {
        let opened = call.file();
        opened.read(call.ki_pos_mut(), room)
    }
}

#[kunit_tests(shmem_collapse_misc_device)]
mod tests {
    use super::*;
    use crate::LocalModule;
    use kernel::ModuleMetadata;

    struct Nothing;

    impl Control for Nothing {
        type State = ();

        fn open(_state: Arc<()>) -> impl PinInit<Self, Error> {
            Ok::<_, Error>(Self)
        }

        fn control(&self, _command: u32, _argument: UserPtr) -> Result {
            Err(ENOTTY)
        }

        fn write(&self, _opener: Opener<'_>, _text: &mut IovIterSource<'_>) -> Result<usize> {
            Err(EINVAL)
        }

        fn read(&self, _position: &mut i64, _room: &mut IovIterDest<'_>) -> Result<usize> {
            Ok(0)
        }
    }

    #[test]
    fn operations_outlive_the_device() -> Result {
        let state = Arc::new((), GFP_KERNEL)?;
        let node = Node::<Nothing>::new(c"shmem_collapse_kunit", 0o600, state);
        let node = KBox::pin_init(node, GFP_KERNEL)?;
        let start = core::ptr::from_ref(&*node) as usize;
        // SAFETY: By the type invariants it is registered, which leaves these fields alone.
        let (mode, fops) = unsafe { ((*node.misc.get()).mode, (*node.misc.get()).fops) };
        drop(node);

        assert_eq!(mode, 0o600);
        let end = start + core::mem::size_of::<Node<Nothing>>();
        assert!(!(start..end).contains(&(fops as usize)));
        // SAFETY: Static, as was just asserted.
        assert_eq!(unsafe { (*fops).owner }, LocalModule::THIS_MODULE.as_ptr());
        Ok(())
    }
}
