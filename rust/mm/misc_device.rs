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

/// A device in `/dev`, which is removed when it is dropped.
///
/// Open files do not need it: each holds the state, and their operations are static and name this
/// module as their owner.
///
/// # Invariants
///
/// `misc` is registered, with the static file operations of [`Opened<S>`].
#[pin_data(PinnedDrop)]
pub(crate) struct Node<S: Control> {
    state: Arc<S>,
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
            // INVARIANT: Registered by the last call, or else there is no value.
            misc <- Opaque::try_ffi_init(move |slot: *mut bindings::miscdevice| {
                let mut misc = MiscDeviceOptions { name }.into_raw::<Opened<S>>();
                misc.mode = mode;
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

#[kunit_tests(shmem_collapse_misc_device)]
mod tests {
    use super::*;
    use crate::LocalModule;
    use kernel::ModuleMetadata;

    struct Nothing;

    impl Control for Nothing {
        fn control(&self, _command: u32, _argument: UserPtr) -> Result {
            Err(ENOTTY)
        }
    }

    #[test]
    fn s9_operations_outlive_the_device() -> Result {
        let state = Arc::new(Nothing, GFP_KERNEL)?;
        let node = KBox::pin_init(Node::new(c"shmem_collapse_kunit", 0o600, state), GFP_KERNEL)?;
        let start = core::ptr::from_ref(&*node) as usize;
        // SAFETY: By the type invariants it is registered, which leaves these fields alone.
        let (mode, fops) = unsafe { ((*node.misc.get()).mode, (*node.misc.get()).fops) };
        drop(node);

        assert_eq!(mode, 0o600);
        let size = core::mem::size_of::<Node<Nothing>>();
        assert!(!(start..start + size).contains(&(fops as usize)));
        // SAFETY: Static, as the assertion before says.
        assert_eq!(unsafe { (*fops).owner }, LocalModule::THIS_MODULE.as_ptr());
        Ok(())
    }
}
