// SPDX-License-Identifier: GPL-2.0

//! System calls that no crate wraps, and memory that is mapped to be looked at.
//!
//! With signal.rs, the only unsafe code of this program.

use anyhow::{Context, Result};
use linux_raw_sys::general::{
    __NR_cachestat, UFFD_API, UFFD_FEATURE_SIGBUS, UFFD_USER_MODE_ONLY,
    UFFDIO_REGISTER_MODE_MISSING, cachestat, cachestat_range, page_region, pm_scan_arg, uffdio_api,
    uffdio_range, uffdio_register,
};
use rustix::{
    io::Errno,
    ioctl::{self, Ioctl, IoctlOutput, Opcode, Updater},
    mm::{self, Advice, MapFlags, ProtFlags, UserfaultfdFlags},
};
use std::{
    ffi::c_void,
    io,
    ops::Range,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    ptr,
};

pub(crate) use linux_raw_sys::general::{
    PAGE_IS_FILE, PAGE_IS_HUGE, PAGE_IS_PRESENT, PAGE_IS_SWAPPED,
};

/// Pages of a range of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cached {
    /// In the page cache.
    pub(crate) present: u64,
    /// Of shmem: in swap.
    pub(crate) evicted: u64,
}

/// Counts the pages of a byte range of a file.
pub(crate) fn cached(file: impl AsFd, range: &Range<u64>) -> io::Result<Cached> {
    let mut what = cachestat_range {
        off: range.start,
        len: range.end.saturating_sub(range.start),
    };
    let mut found = cachestat {
        nr_cache: 0,
        nr_dirty: 0,
        nr_writeback: 0,
        nr_evicted: 0,
        nr_recently_evicted: 0,
    };
    // SAFETY: The system call reads `what` and writes `found`, which are what
    // it expects and live until it returns.
    let status = unsafe {
        libc::syscall(
            libc::c_long::from(__NR_cachestat),
            file.as_fd().as_raw_fd(),
            &raw mut what,
            &raw mut found,
            0,
        )
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Cached {
        present: found.nr_cache,
        evicted: found.nr_evicted,
    })
}

/// A run of pages that are alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Their addresses.
    pub(crate) range: Range<u64>,
    /// `PAGE_IS_*`.
    pub(crate) is: u32,
}

/// `PAGEMAP_SCAN`, whose result is the number of regions.
struct Scan<'a>(&'a mut pm_scan_arg);

// SAFETY: The opcode is that of `PAGEMAP_SCAN`, which reads and writes the
// argument that `as_ptr` names, and the array that the argument names: the
// caller has set that to a live one.
unsafe impl Ioctl for Scan<'_> {
    type Output = usize;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        ioctl::opcode::read_write::<pm_scan_arg>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        ptr::from_mut(self.0).cast()
    }

    unsafe fn output_from_ptr(out: IoctlOutput, _: *mut c_void) -> rustix::io::Result<usize> {
        usize::try_from(out).map_err(|_| Errno::RANGE)
    }
}

/// Which pages are asked for, by `PAGE_IS_*`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pages {
    pub(crate) all_of: u32,
    pub(crate) any_of: u32,
}

/// Looks at the page tables of a process: runs of such pages, in the order of
/// addresses.
pub(crate) fn scan_pagemap(
    pagemap: impl AsFd,
    range: &Range<u64>,
    pages: Pages,
) -> io::Result<Vec<Region>> {
    const REGIONS: usize = 1024;
    let mut buffer = Vec::<page_region>::with_capacity(REGIONS);
    let mut regions = Vec::new();
    let mut start = range.start;

    while start < range.end {
        let mut argument = pm_scan_arg {
            size: size_of::<pm_scan_arg>() as u64,
            flags: 0,
            start,
            end: range.end,
            walk_end: 0,
            vec: buffer.as_mut_ptr() as u64,
            vec_len: REGIONS as u64,
            max_pages: 0,
            category_inverted: 0,
            category_mask: pages.all_of.into(),
            category_anyof_mask: pages.any_of.into(),
            return_mask: (pages.all_of | pages.any_of).into(),
        };
        // SAFETY: The file is a pagemap, or the kernel says that it knows no
        // such ioctl; `vec` is the buffer, with room for REGIONS elements.
        let count = unsafe { ioctl::ioctl(&pagemap, Scan(&mut argument)) }?;
        // SAFETY: The kernel has written that many elements.
        unsafe { buffer.set_len(count.min(REGIONS)) };
        regions.extend(buffer.drain(..).map(|region| Region {
            range: region.start..region.end,
            is: region.categories as u32,
        }));
        // A kernel that makes no progress would keep us here for ever.
        start = argument.walk_end.max(start.saturating_add(1));
    }
    Ok(regions)
}

/// A userfaultfd that makes a fault an error where there is no page.
///
/// A mapping that it guards can be populated, and no hole of the file is filled
/// by that, whoever punches one meanwhile.
struct Guard(OwnedFd);

/// `UFFDIO_API`.
const API: Opcode = ioctl::opcode::read_write::<uffdio_api>(0xaa, 0x3f);
/// `UFFDIO_REGISTER`.
const REGISTER: Opcode = ioctl::opcode::read_write::<uffdio_register>(0xaa, 0x00);

impl Guard {
    fn new() -> io::Result<Self> {
        // No privilege is needed as nobody will be served.
        let flags = UserfaultfdFlags::from_bits_retain(UFFD_USER_MODE_ONLY);
        // SAFETY: A new file that guards nothing yet.
        let file = unsafe { mm::userfaultfd(flags | UserfaultfdFlags::CLOEXEC) }?;
        let mut api = uffdio_api {
            api: UFFD_API.into(),
            features: UFFD_FEATURE_SIGBUS.into(),
            ioctls: 0,
        };
        // SAFETY: The file is a userfaultfd, for which that is the argument.
        unsafe { ioctl::ioctl(&file, Updater::<API, uffdio_api>::new(&mut api)) }?;
        Ok(Self(file))
    }

    /// Guards addresses. They have to be of one mapping of shared memory: no
    /// other file's can be guarded.
    fn watch(&self, start: *mut c_void, len: usize) -> io::Result<()> {
        let mut register = uffdio_register {
            range: uffdio_range {
                start: start as u64,
                len: len as u64,
            },
            mode: UFFDIO_REGISTER_MODE_MISSING.into(),
            ioctls: 0,
        };
        // SAFETY: The file is a userfaultfd, for which that is the argument. The
        // caller never reads what is at these addresses.
        unsafe {
            ioctl::ioctl(
                &self.0,
                Updater::<REGISTER, uffdio_register>::new(&mut register),
            )
        }?;
        Ok(())
    }
}

/// Addresses that hold one extent, at a boundary that suits a huge page.
pub(crate) struct Window {
    guard: Guard,
    reserved: *mut c_void,
    reserved_len: usize,
    base: *mut c_void,
    len: usize,
}

impl Window {
    /// Fails where this process may not have a userfaultfd.
    pub(crate) fn new(extent: u64) -> Result<Self> {
        let guard = Guard::new().context("userfaultfd() is refused")?;
        let len = extent as usize;
        let reserved_len = len.checked_mul(2).context("an extent is too large")?;
        // SAFETY: New addresses, which nothing else uses.
        let reserved = unsafe {
            mm::mmap_anonymous(
                ptr::null_mut(),
                reserved_len,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        }
        .context("no addresses are left to look at memory through")?;
        let base = reserved.wrapping_byte_add(reserved.align_offset(len));
        Ok(Self {
            guard,
            reserved,
            reserved_len,
            base,
            len,
        })
    }

    /// Maps an extent of a file, read-only. Fails with `EINVAL` if the file is
    /// not shared memory.
    ///
    /// The mapping is private because only one that could be made writable can be
    /// guarded, and the file may be open for reading only.
    pub(crate) fn view(&mut self, file: impl AsFd, offset: u64) -> io::Result<View<'_>> {
        // SAFETY: The addresses are inside what this window has reserved, and
        // nobody has a reference to memory there: a View gives none out.
        unsafe {
            mm::mmap(
                self.base,
                self.len,
                ProtFlags::READ,
                MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE,
                file,
                offset,
            )?;
        }
        let view = View(self);
        // A look is no use: it must not make pages seem recently used.
        view.advise(0..view.0.len, Advice::Random)?;
        view.0.guard.watch(view.0.base, view.0.len)?;
        Ok(view)
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // SAFETY: The window goes, and no View borrows it.
        let _ = unsafe { mm::munmap(self.reserved, self.reserved_len) };
    }
}

/// An extent of a file that is mapped. What is in it is never read.
pub(crate) struct View<'w>(&'w mut Window);

impl View<'_> {
    /// Where it is mapped.
    pub(crate) fn addresses(&self) -> Range<u64> {
        let start = self.0.base as u64;
        start..start.saturating_add(self.0.len as u64)
    }

    /// Which pages are in the page cache.
    pub(crate) fn resident(&self, page: u64) -> io::Result<Vec<bool>> {
        let mut bytes = vec![0u8; self.0.len.div_ceil(page as usize)];
        // SAFETY: There is one byte for each page of the range.
        let status = unsafe { libc::mincore(self.0.base, self.0.len, bytes.as_mut_ptr()) };
        if status != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(bytes.into_iter().map(|byte| byte & 1 != 0).collect())
    }

    /// Has the page tables filled for these bytes, as far as there are pages.
    pub(crate) fn populate(&self, bytes: Range<usize>) {
        // A page that has gone meanwhile is no error: the guard keeps it away.
        let _ = self.advise(bytes, Advice::LinuxPopulateRead);
    }

    fn advise(&self, bytes: Range<usize>, advice: Advice) -> io::Result<()> {
        let start = self.0.base.wrapping_byte_add(bytes.start);
        // SAFETY: The range is in the window's mapping, and neither advice
        // changes what is in memory.
        unsafe { mm::madvise(start, bytes.len(), advice) }?;
        Ok(())
    }
}

impl Drop for View<'_> {
    fn drop(&mut self) {
        // SAFETY: As in Window::view(): the file's pages make room for nothing.
        let _ = unsafe {
            mm::mmap_anonymous(
                self.0.base,
                self.0.len,
                ProtFlags::empty(),
                MapFlags::PRIVATE | MapFlags::FIXED | MapFlags::NORESERVE,
            )
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::X86;
    use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, ftruncate, memfd_create};

    #[test]
    fn a_look_fills_no_hole() {
        let file = memfd_create("hole", MemfdFlags::CLOEXEC).unwrap();
        ftruncate(&file, X86.extent).unwrap();
        rustix::io::pwrite(&file, b"x", 0).unwrap();
        rustix::io::pwrite(&file, b"x", 9 * X86.page).unwrap();
        let mut window = Window::new(X86.extent).unwrap();
        let view = window.view(&file, 0).unwrap();
        let resident = view.resident(X86.page).unwrap();
        assert!(resident[0] && resident[9] && !resident[1]);
        // Punched between the question and the look.
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&file, punch, 9 * X86.page, X86.page).unwrap();
        for page in 0..512 {
            view.populate(page * 4096..(page + 1) * 4096);
        }
        let present = cached(&file, &(0..X86.extent)).unwrap().present;
        assert_eq!(present, 1);
        let pagemap = std::fs::File::open("/proc/self/pagemap").unwrap();
        let pages = Pages {
            any_of: PAGE_IS_PRESENT,
            ..Pages::default()
        };
        let seen = scan_pagemap(&pagemap, &view.addresses(), pages).unwrap();
        assert_eq!(seen.len(), 1);
    }

    #[test]
    fn only_shared_memory_can_be_viewed() {
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        let mut window = Window::new(X86.extent).unwrap();
        let error = window.view(&file, 0).err().unwrap();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL));
    }
}
