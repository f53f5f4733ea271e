// SPDX-License-Identifier: GPL-2.0

//! `/dev/shmem_collapse`: an ioctl for the memory of the calling process, and requests of the
//! administrator for any memory, with an answer that can be read.
//!
//! The ioctl needs no capability beyond permission to open the device. It therefore does nothing
//! that its caller could not do by other means. It acts on the current mappings of the caller, not
//! of the opener, and fills holes only where the caller could write to them.
//!
//! A write takes the same requests as the file `collapse` in sysfs, and a read returns the answer.
//! Both the writer and the opener of the file must be administrators, because a privileged program
//! may be tricked into writing to a file that was passed to it as its standard error.

use super::{
    answer::Answer,
    state::{
        Interface,
        LONGEST_REQUEST, //
    },
};
use crate::{
    bindings::{
        shmem_collapse_range,
        REAP, //
    },
    collapse::{
        config::Config,
        outcome::Outcome,
        own::{
            OwnRange,
            AT_ONCE, //
        },
        reap::reap_own,
        restarts::Restarts,
        stay::Stay, //
    },
    mm::process::untagged_addr,
    support::{
        machine,
        misc_device::{
            Control,
            Node,
            Opener, //
        },
    },
};
use core::{
    mem::{
        offset_of,
        size_of, //
    },
    ops::Range,
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    ioctl::_IOWR,
    iov::{
        IovIterDest,
        IovIterSource, //
    },
    prelude::*,
    sync::Arc,
    task::CurrentTask,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

/// The ioctl `SHMEM_COLLAPSE_RANGE`.
const RANGE: u32 = _IOWR::<shmem_collapse_range>('h' as u32, 0xC0);

/// Owner and group may use the device. The administrator chooses the group.
const MODE: u16 = 0o660;

/// The device.
pub(crate) type Device = Node<OpenFile>;

/// Creates the device. It may be opened before this returns.
pub(crate) fn new(interface: Arc<Interface>) -> impl PinInit<Device, Error> {
    Node::new(c"shmem_collapse", MODE, interface)
}

/// An open file of the device.
#[pin_data]
pub(crate) struct OpenFile {
    interface: Arc<Interface>,
    #[pin]
    restarts: Restarts,
    #[pin]
    answer: Answer,
}

impl Control for OpenFile {
    type State = Interface;

    fn open(interface: Arc<Interface>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            interface,
            restarts <- Restarts::new(),
            answer <- Answer::new(),
        })
    }

    fn control(&self, command: u32, argument: UserPtr) -> Result {
        match command {
            RANGE => collapse_range(&self.interface.config(), argument, &self.stay(current!())),
            _ => Err(ENOTTY),
        }
    }

    fn write(&self, opener: Opener<'_>, text: &mut IovIterSource<'_>) -> Result<usize> {
        if !opener.is_admin() || !machine::capable_sys_admin() {
            return Err(EPERM);
        }
        let len = text.len();
        if len > 0 {
            self.answer.to(
                || copied(text),
                |text, own| {
                    self.interface
                        .carry_out(text, &self.stay(current!()), Some(own))
                },
            )?;
        }
        Ok(len)
    }

    fn read(&self, position: &mut i64, room: &mut IovIterDest<'_>) -> Result<usize> {
        self.answer.read(position, room)
    }
}

impl OpenFile {
    fn stay<'s>(&'s self, current: &'s CurrentTask) -> Stay<'s> {
        Stay::begin(self.interface.engine(), &self.restarts, current)
    }
}

/// Copies the text of a request.
fn copied(text: &mut IovIterSource<'_>) -> Result<KVec<u8>> {
    let len = text.len();
    if len > LONGEST_REQUEST {
        return Err(E2BIG);
    }
    let mut copy = KVec::new();
    if text.copy_from_iter_vec(&mut copy, GFP_KERNEL_ACCOUNT)? < len {
        return Err(EFAULT);
    }
    Ok(copy)
}

/// Carries out `SHMEM_COLLAPSE_RANGE`.
fn collapse_range(config: &Config, argument: UserPtr, stay: &Stay<'_>) -> Result {
    let request: shmem_collapse_range = UserSlice::new(argument, size_of::<shmem_collapse_range>())
        .reader()
        .read()?;
    if request.flags & !REAP != 0 {
        return Err(EINVAL);
    }
    let range = addresses(request.addr, request.len)?;
    let own = OwnRange::new(range.clone());
    let mut outcomes = room(&request)?.writer();
    let mut answer = |outcome: Outcome, mut extents: usize| {
        let codes = [outcome as u32; AT_ONCE];
        while extents > 0 && !outcomes.is_empty() {
            let some = extents.min(AT_ONCE);
            let codes = &codes.as_bytes()[..size_of::<u32>() * some];
            outcomes.write_slice(&codes[..codes.len().min(outcomes.len())])?;
            extents -= some;
        }
        Ok(())
    };
    let verdict = if request.flags == REAP {
        Ok(reap_own(range, config, stay, &mut answer)?)
    } else {
        own.run(config, stay, &mut answer)?
    };
    let field = argument.wrapping_byte_add(offset_of!(shmem_collapse_range, nr_outcomes));
    UserSlice::new(field, size_of::<u32>())
        .writer()
        .write(&counted(own.extents()))?;
    verdict
}

/// Returns the range of addresses without tag bits. Fails when it wraps around.
fn addresses(addr: u64, len: u64) -> Result<Range<usize>> {
    let start = untagged_addr(usize::try_from(addr)?);
    let end = start.checked_add(usize::try_from(len)?).ok_or(EINVAL)?;
    Ok(start..end)
}

/// Returns the array of the caller that the outcomes go to.
fn room(request: &shmem_collapse_range) -> Result<UserSlice> {
    let len = (request.nr_outcomes as usize).saturating_mul(size_of::<u32>());
    let start = match len {
        0 => 0,
        _ => usize::try_from(request.outcomes).map_err(|_| EFAULT)?,
    };
    Ok(UserSlice::new(UserPtr::from_addr(start), len))
}

/// Returns the number of extents, saturated to the width of `nr_outcomes`.
fn counted(extents: usize) -> u32 {
    u32::try_from(extents).unwrap_or(u32::MAX)
}

#[kunit_tests(shmem_collapse_device)]
mod tests {
    use super::*;
    use crate::pgtable::pmd_size::pmd_size;

    fn extents(addr: u64, len: u64) -> Result<usize> {
        addresses(addr, len).map(|range| OwnRange::new(range).extents())
    }

    #[test]
    fn number_of_the_ioctl() {
        assert_eq!(RANGE, 0xc020_68c0);
    }

    #[test]
    fn ranges_are_rounded_inwards() {
        let size = pmd_size() as u64;
        assert_eq!(extents(0, 0), Ok(0));
        assert_eq!(extents(0, size), Ok(1));
        assert_eq!(extents(0, 2 * size - 1), Ok(1));
        assert_eq!(extents(size - 1, size), Ok(0));
        assert_eq!(extents(size - 1, size + 1), Ok(1));
        assert_eq!(extents(1, 3 * size), Ok(2));
        assert_eq!(
            extents(size, u64::from(u32::MAX)),
            Ok((u32::MAX as usize) / pmd_size())
        );
    }

    #[test]
    fn ranges_that_wrap() {
        assert_eq!(extents(u64::MAX, 1), Err(EINVAL));
        assert_eq!(extents(1, u64::MAX), Err(EINVAL));
        assert_eq!(extents(u64::MAX, u64::MAX), Err(EINVAL));
        // Bit 55 selects the half of the address space. The bits above it may be a tag.
        assert_eq!(extents(u64::MAX << 55, 1 << 55), Err(EINVAL));
    }

    #[test]
    fn more_extents_than_the_argument_can_tell() {
        assert_eq!(counted(0), 0);
        assert_eq!(counted(u32::MAX as usize), u32::MAX);
        assert_eq!(counted(usize::MAX), u32::MAX);
    }

    #[test]
    fn room_for_as_many_as_were_named() {
        let request = |nr_outcomes| shmem_collapse_range {
            addr: 0,
            len: 0,
            flags: 0,
            nr_outcomes,
            outcomes: 0,
        };
        for nr in [0, 1, u32::MAX] {
            let room = room(&request(nr)).map(|room| room.writer().len());
            assert_eq!(room, Ok(nr as usize * 4));
        }
    }
}
