// SPDX-License-Identifier: GPL-2.0

//! A process whose mappings are asked about.

use super::{
    fault::Point,
    Backing, //
};
use crate::{
    bindings,
    pgtable::Witness, //
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

/// The address space of a process, kept from being torn down.
///
/// Put with `mmput_async()`: a last put in here would tear it down under our
/// own locks. Its mmap lock is never taken.
pub(crate) struct Process {
    mm: ARef<MmWithUserAsync>,
    /// Who has it, as far as the request knows.
    task: ARef<Task>,
    pid: i32,
}

impl Process {
    /// Finds the process in the caller's pid namespace and checks access as
    /// process_madvise() does (`mm_access()`, `PTRACE_MODE_READ_FSCREDS`).
    ///
    /// 0 is the caller. `ESRCH`, `EACCES`, `EPERM`. Context: sleeps.
    pub(crate) fn open(pid: i32) -> Result<Self> {
        Point::Process.check(ESRCH)?;
        let mut task = core::ptr::null_mut();
        // SAFETY: Process context.
        let mm = from_err_ptr(unsafe { bindings::mm_of_pid(pid, &mut task) })?;
        // SAFETY: The call succeeded, and thus returned references on `mm_users`
        // and on the task, which the values take over. `MmWithUserAsync` and
        // `Task` have the layout of `mm_struct` and `task_struct`.
        let (mm, task) = unsafe {
            (
                ARef::from_raw(NonNull::new_unchecked(mm).cast()),
                ARef::<Task>::from_raw(NonNull::new_unchecked(task).cast()),
            )
        };
        let pid = match pid {
            // SAFETY: `current` lives.
            0 => unsafe { bindings::current_tgid() },
            pid => pid,
        };
        Ok(Self { mm, task, pid })
    }

    /// Its number in the caller's pid namespace.
    pub(crate) fn pid(&self) -> i32 {
        self.pid
    }

    fn mm(&self) -> &MmWithUser {
        &self.mm
    }

    /// Whether a process still runs in the address space, and is not being killed.
    /// Other references do not count.
    pub(crate) fn is_in_use(&self) -> bool {
        // SAFETY: The references keep mm and task.
        unsafe { bindings::mm_in_use(self.mm().as_raw(), self.task.as_ptr().cast()) }
    }

    /// End of the addresses that the process can have.
    pub(crate) fn task_size(&self) -> usize {
        // SAFETY: The reference keeps the mm.
        unsafe { bindings::task_size(self.mm().as_raw()) }
    }

    /// Bounds of the first VMA that ends after `addr`, as of now.
    pub(crate) fn next_range(&self, addr: usize) -> Option<Range<usize>> {
        let (mut start, mut end) = (addr, 0);
        // SAFETY: The reference keeps the mm; both outputs are valid.
        let found = unsafe { bindings::vma_next_range(self.mm().as_raw(), &mut start, &mut end) };
        found.then_some(start..end)
    }

    /// Looks at the VMA of `addr` under its own lock.
    ///
    /// [`None`] when there is none, or its lock cannot be had right now: it is
    /// only ever tried.
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
    /// The address space of a KUnit test, which its kernel thread borrows.
    pub(crate) fn of_test() -> Result<Self> {
        // SAFETY: Runs as a KUnit test, which gets an mm of its own.
        let mm = NonNull::new(unsafe { bindings::scratch_mm() }).ok_or(ESRCH)?;
        // SAFETY: As in `open()`.
        let mm = unsafe { ARef::from_raw(mm.cast()) };
        let task = ARef::from(&**kernel::current!());
        Ok(Self { mm, task, pid: 0 })
    }
}

/// A VMA whose lock is held.
pub(crate) struct ShmemVma<'v>(&'v kernel::mm::virt::VmaRef);

impl ShmemVma<'_> {
    /// Its addresses.
    pub(crate) fn range(&self) -> Range<usize> {
        self.0.addresses()
    }

    /// The VMA itself.
    pub(crate) fn vma(&self) -> &kernel::mm::virt::VmaRef {
        self.0
    }

    /// The file page that is mapped at `addr`.
    pub(crate) fn index_at(&self, addr: usize) -> usize {
        // SAFETY: The VMA is locked.
        let pgoff = unsafe { bindings::vma_pgoff(self.0.as_ptr()) };
        pgoff + (addr - self.0.start()) / PAGE_SIZE
    }

    /// Whether the process may write to the file through the mapping, as it is.
    pub(crate) fn is_shared_writable(&self) -> bool {
        let needed = flags::SHARED | flags::WRITE;
        self.0.flags() & needed == needed
    }

    /// Whether the mapping or its process refuses huge pages (VM_NOHUGEPAGE,
    /// prctl).
    pub(crate) fn is_thp_disabled(&self) -> bool {
        // SAFETY: The VMA is locked.
        unsafe { bindings::vma_thp_disabled(self.0.as_ptr()) }
    }

    /// Whether a userfaultfd watches the mapping for more than missing pages.
    pub(crate) fn is_uffd_armed(&self) -> bool {
        // SAFETY: The VMA is locked.
        unsafe { bindings::vma_uffd_armed(self.0.as_ptr()) }
    }

    /// Takes a reference to the file, if it is a regular shmem file.
    pub(crate) fn backing(&self) -> Option<Backing> {
        Backing::of_vma(self.0)
    }
}
