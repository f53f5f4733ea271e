// SPDX-License-Identifier: GPL-2.0

//! A process whose mappings are asked about.

use super::backing::Backing;
use crate::{
    bindings,
    pgtable::witness::Witness,
    support::failpoint::Point, //
};
use core::{
    ops::Range,
    ptr::NonNull, //
};
use kernel::{
    error::from_err_ptr,
    mm::{
        virt::flags,
        MmWithUser,
        MmWithUserAsync, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::aref::ARef,
    task::Task, //
};

/// Removes the bits of a user address that the hardware ignores (`untagged_addr()`).
pub(crate) fn untagged_addr(addr: usize) -> usize {
    // SAFETY: Takes any number.
    unsafe { bindings::untagged_addr(addr) }
}

/// The address space of a process, kept from being torn down.
///
/// It is put with `mmput_async()`: a last put here would tear it down under the module's own locks.
/// Its mmap lock is never taken.
pub(crate) struct Process {
    mm: ARef<MmWithUserAsync>,
    /// The task that was named, which may have left the address space since.
    task: ARef<Task>,
    pid: i32,
}

impl Process {
    /// Finds the process in the caller's pid namespace and checks access as process_madvise() does
    /// (`mm_access()`, `PTRACE_MODE_READ_FSCREDS`). Context: sleeps.
    ///
    /// 0 is the caller. Errors are `ESRCH`, `EACCES` and `EPERM`.
    pub(crate) fn open(pid: i32) -> Result<Self> {
        Point::Process.check(ESRCH)?;
        let mut task = core::ptr::null_mut();
        // SAFETY: Takes any number; the output is valid for writing.
        let mm = from_err_ptr(unsafe { bindings::mm_of_pid(pid, &mut task) })?;
        // SAFETY: The call succeeded, and thus returned references on `mm_users` and on the task,
        // which the values take over. `MmWithUserAsync` and `Task` have the layout of `mm_struct`
        // and `task_struct`.
        let (mm, task) = unsafe {
            (
                ARef::from_raw(NonNull::new_unchecked(mm).cast()),
                ARef::<Task>::from_raw(NonNull::new_unchecked(task).cast()),
            )
        };
        let pid = match pid {
            // SAFETY: FFI call without safety requirements.
            0 => unsafe { bindings::current_tgid() },
            pid => pid,
        };
        Ok(Self { mm, task, pid })
    }

    /// Returns its number in the caller's pid namespace.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    fn mm(&self) -> &MmWithUser {
        &self.mm
    }

    /// Returns whether a process still runs in the address space, and is not being killed. Other
    /// references do not count.
    pub(crate) fn is_in_use(&self) -> bool {
        // SAFETY: The references keep mm and task.
        unsafe { bindings::mm_in_use(self.mm().as_raw(), self.task.as_ptr().cast()) }
    }

    /// Returns the end of the addresses that the process can have (`TASK_SIZE`).
    pub(crate) fn task_size(&self) -> usize {
        // SAFETY: The reference keeps the mm.
        unsafe { bindings::task_size(self.mm().as_raw()) }
    }

    /// Returns the bounds, as of now, of the first VMA that ends after `addr`.
    pub(crate) fn next_range(&self, addr: usize) -> Option<Range<usize>> {
        let (mut start, mut end) = (addr, 0);
        // SAFETY: The reference keeps the mm; both outputs are valid.
        let found = unsafe { bindings::vma_next_range(self.mm().as_raw(), &mut start, &mut end) };
        found.then_some(start..end)
    }

    /// Calls `look` with the VMA of `addr` locked.
    ///
    /// Returns [`None`] when there is no VMA, or its lock is not free right now: it is only tried.
    pub(crate) fn look<T>(&self, addr: usize, look: impl FnOnce(&ShmemVma<'_>) -> T) -> Option<T> {
        if Point::VmaLock.fails() {
            return None;
        }
        let guard = self.mm().lock_vma_under_rcu(addr)?;
        Some(look(&ShmemVma(&guard)))
    }
}

#[cfg(CONFIG_KUNIT = "y")]
impl Process {
    /// Returns the address space of a KUnit test, which its kernel thread borrows.
    pub(crate) fn of_test() -> Result<Self> {
        // SAFETY: FFI call without safety requirements.
        let mm = NonNull::new(unsafe { bindings::scratch_mm() }).ok_or(ESRCH)?;
        // SAFETY: The call returned a reference on `mm_users`, which the value takes over.
        let mm = unsafe { ARef::from_raw(mm.cast()) };
        let task = ARef::from(&**kernel::current!());
        Ok(Self { mm, task, pid: 0 })
    }
}

/// A VMA whose lock is held.
pub(crate) struct ShmemVma<'v>(&'v kernel::mm::virt::VmaRef);

impl ShmemVma<'_> {
    /// Returns its addresses.
    pub(crate) fn range(&self) -> Range<usize> {
        self.0.addresses()
    }

    /// Returns the VMA itself.
    pub(crate) fn vma(&self) -> &kernel::mm::virt::VmaRef {
        self.0
    }

    /// Returns the index of the file page that is mapped at `addr`.
    pub(crate) fn index_at(&self, addr: usize) -> usize {
        // SAFETY: The VMA is locked.
        let pgoff = unsafe { bindings::vma_pgoff(self.0.as_ptr()) };
        pgoff + (addr - self.0.start()) / PAGE_SIZE
    }

    /// Returns whether the process may write to the file through the mapping as it is.
    pub(crate) fn is_shared_writable(&self) -> bool {
        let needed = flags::SHARED | flags::WRITE;
        self.0.flags() & needed == needed
    }

    /// Returns whether the mapping or its process refuses huge pages (`VM_NOHUGEPAGE`, `prctl()`).
    pub(crate) fn is_thp_disabled(&self) -> bool {
        // SAFETY: The VMA is locked.
        unsafe { bindings::vma_thp_disabled(self.0.as_ptr()) }
    }

    /// Returns whether a userfaultfd is registered for more than missing pages.
    pub(crate) fn is_uffd_armed(&self) -> bool {
        // SAFETY: The VMA is locked.
        unsafe { bindings::vma_uffd_armed(self.0.as_ptr()) }
    }

    /// Returns whether a huge page may be put where nothing is mapped: not where a userfaultfd
    /// waits for the first touch.
    pub(super) fn may_map_huge(&self) -> bool {
        // SAFETY: The VMA is locked.
        let missing = unsafe { bindings::vma_uffd_missing(self.0.as_ptr()) };
        !missing && !self.is_uffd_armed() && !self.is_thp_disabled()
    }

    /// Takes a reference to the file, if it is a regular shmem file.
    pub(crate) fn backing(&self) -> Option<Backing> {
        Backing::of_vma(self.0)
    }
}
