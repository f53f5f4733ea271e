// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/debug/shmem_collapse/page_tables`: what page tables hold.
//!
//! ```text
//! request = PID | PID "," START "," END | "kernel" | "kernel" "," START "," END
//! ```
//!
//! What is read through an open file is the answer to its last request.

use super::{
    grammar,
    state::LONGEST_REQUEST, //
};
use crate::{
    collapse::request::Request,
    mm::process::Process,
    support::{
        caller::Caller,
        debugfs::{
            Conversation,
            Directory,
            File, //
        },
        machine,
        misc_device::Opener, //
    },
    view::{
        kernel_memory,
        process,
        report::Report, //
    },
};
use core::ops::Range;
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    current, new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    uaccess::{
        UserSliceReader,
        UserSliceWriter, //
    },
};

/// Makes the file.
pub(crate) fn new(directory: &Directory) -> File<PageTables> {
    directory.file(c"page_tables", 0o600)
}

/// An open file.
#[pin_data]
pub(crate) struct PageTables {
    /// Held while a request runs.
    #[pin]
    request: Mutex<()>,
    #[pin]
    answer: Mutex<Option<Arc<VVec<u8>>>>,
}

impl Conversation for PageTables {
    fn open() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            request <- new_mutex!((), "shmem_collapse page tables"),
            answer <- new_mutex!(None, "shmem_collapse page tables answer"),
        })
    }

    fn write(&self, opener: Opener<'_>, text: UserSliceReader) -> Result {
        if !opener.is_admin() || !machine::capable_sys_admin() {
            return Err(EPERM);
        }
        if text.len() > LONGEST_REQUEST {
            return Err(E2BIG);
        }
        let _alone = self.request.try_lock().ok_or(EBUSY)?;
        *self.answer.lock() = None;
        let mut request = KVec::new();
        text.read_all(&mut request, GFP_KERNEL_ACCOUNT)?;
        let current = current!();
        let mut report = Report::new(Caller::new(current));
        Wanted::parse(&request)?.look(&opener, &mut report)?;
        let answer = Arc::new(report.into_text(), GFP_KERNEL_ACCOUNT)?;
        *self.answer.lock() = Some(answer);
        Ok(())
    }

    fn read(&self, position: &mut i64, mut room: UserSliceWriter) -> Result<usize> {
        let answer = self.answer.lock().clone();
        // No lock is held here: whoever reads may keep us waiting for their memory.
        answer.map_or(Ok(0), |text| room.write_slice_file(&text, position))
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Process(i32, Range<usize>),
    Kernel(Option<Range<usize>>),
}

impl Wanted {
    fn parse(text: &[u8]) -> Result<Self> {
        let text = text.trim_ascii();
        if let Some(rest) = text.strip_prefix(b"kernel") {
            return Self::parse_kernel(rest);
        }
        match grammar::request(text, &mut KVec::new())? {
            Request::Process { pid } => Ok(Self::Process(pid, 0..usize::MAX)),
            Request::Range { pid, start, end } => Ok(Self::Process(pid, start..end)),
            _ => Err(EINVAL),
        }
    }

    fn parse_kernel(rest: &[u8]) -> Result<Self> {
        let mut fields = rest.split(|&byte| byte == b',');
        match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some(b""), None, ..) => Ok(Self::Kernel(None)),
            (Some(b""), Some(start), Some(end), None) => {
                let start = usize::try_from(grammar::number(start)?)?;
                let end = usize::try_from(grammar::number(end)?)?;
                Ok(Self::Kernel(Some(start..end)))
            }
            _ => Err(EINVAL),
        }
    }

    fn look(self, opener: &Opener<'_>, report: &mut Report<'_>) -> Result {
        match self {
            Self::Process(pid, range) => process::report(&Process::open(pid)?, range, report),
            Self::Kernel(_) if machine::locked_down() => Err(EPERM),
            Self::Kernel(None) => kernel_memory::report(opener.may_see_addresses(), report),
            Self::Kernel(Some(_)) if !opener.may_see_addresses() => Err(EPERM),
            Self::Kernel(Some(range)) => kernel_memory::report_range(range, report),
        }
    }
}

#[kunit_tests(shmem_collapse_page_tables)]
mod tests {
    use super::*;

    fn is(text: &[u8], wanted: Wanted) -> bool {
        Wanted::parse(text) == Ok(wanted)
    }

    #[test]
    fn requests() {
        assert!(is(b"12\n", Wanted::Process(12, 0..usize::MAX)));
        assert!(is(b"12,4096,0x3000", Wanted::Process(12, 0x1000..0x3000)));
        assert!(is(b"kernel\n", Wanted::Kernel(None)));
        assert!(is(b"kernel,16,32", Wanted::Kernel(Some(16..32))));
    }

    #[test]
    fn what_is_none() {
        for text in [
            &b""[..],
            b"kernels",
            b"kernel,",
            b"kernel,1",
            b"kernel,1,2,3",
            b"kernel,x,2",
            b"/dev/shm/a",
            b"1,2",
            b"-1",
        ] {
            assert!(Wanted::parse(text) == Err(EINVAL));
        }
    }
}
