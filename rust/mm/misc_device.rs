// SPDX-License-Identifier: GPL-2.0

//! A character device with one state for all who open it.
//!
//! On top of the kernel crate's misc devices, which have neither a mode nor a
//! way from an open file to what it was registered for.

use crate::bindings;
use core::pin::Pin;
use kernel::{
    container_of,
    error::to_result,
    fs::File,
    miscdevice::{
        MiscDevice,
        MiscDeviceOptions,
        MiscDeviceRegistration, //
    },
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    },
    types::Opaque,
    uaccess::UserPtr, //
};

/// What an open device can be asked for.
pub(crate) trait Control: Send + Sync + 'static {
    /// An ioctl of the current process. 32-bit processes on a 64-bit kernel
    /// come here, too: arguments have one layout for both.
    fn control(&self, command: u32, argument: UserPtr) -> Result;
}

/// A device in `/dev`, there until it is dropped.
///
/// Files that are open hold the module and its state.
///
/// # Invariants
///
/// `operations` are those of [`Opened<S>`], with this module as their owner, and
/// `misc` is registered with them.
#[pin_data(PinnedDrop)]
pub(crate) struct Node<S: Control> {
    state: Arc<S>,
    #[pin]
    operations: Opaque<bindings::file_operations>,
    #[pin]
    misc: Opaque<bindings::miscdevice>,
}

// SAFETY: Misc devices may be deregistered from any thread, and the state is
// `Send` and `Sync`.
unsafe impl<S: Control> Send for Node<S> {}
// SAFETY: There is nothing to do with a reference.
unsafe impl<S: Control> Sync for Node<S> {}

impl<S: Control> Node<S> {
    /// Makes the device. It may be opened before this returns.
    pub(crate) fn new(name: &'static CStr, mode: u16, state: Arc<S>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            state,
            // The kernel crate's have no owner before Linux 7.3.
            // INVARIANT: A copy of those, with an owner.
            operations <- Opaque::ffi_init(|slot: *mut bindings::file_operations| {
                let misc = MiscDeviceOptions { name }.into_raw::<Opened<S>>();
                // SAFETY: `slot` is ours to write, and the kernel crate's are static.
                unsafe {
                    slot.write(bindings::file_operations {
                        owner: bindings::this_module(),
                        ..*misc.fops
                    });
                }
            }),
            // INVARIANT: Registered by the last call, or else there is no value.
            misc <- Opaque::try_ffi_init(|slot: *mut bindings::miscdevice| {
                let mut misc = MiscDeviceOptions { name }.into_raw::<Opened<S>>();
                misc.mode = mode;
                misc.fops = operations.get();
                // SAFETY: `slot` is ours to write, and pinned from now on. The
                // drop of `Self` deregisters it.
                unsafe {
                    slot.write(misc);
                    to_result(bindings::misc_register(slot))
                }
            }),
        })
    }
}

#[pinned_drop]
impl<S: Control> PinnedDrop for Node<S> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by the type invariant.
        unsafe { bindings::misc_deregister(self.misc.get()) };
    }
}

/// What the kernel crate knows an open device as. Only [`Node::new`] makes
/// registrations of it.
struct Opened<S>(core::marker::PhantomData<S>);

#[vtable]
impl<S: Control> MiscDevice for Opened<S> {
    type Ptr = Arc<S>;

    fn open(_file: &File, misc: &MiscDeviceRegistration<Self>) -> Result<Arc<S>> {
        let misc = misc.as_raw().cast::<Opaque<bindings::miscdevice>>();
        // SAFETY: Only `Node::new` registers `Opened`, with the `misc` of a node
        // whose state is in place; it is not dropped during an open.
        let node = unsafe { &*container_of!(misc, Node<S>, misc) };
        Ok(node.state.clone())
    }

    fn ioctl(
        state: ArcBorrow<'_, S>,
        _file: &File,
        command: u32,
        argument: usize,
    ) -> Result<isize> {
        state.control(command, UserPtr::from_addr(argument))?;
        Ok(0)
    }
}
