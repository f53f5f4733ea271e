// SPDX-License-Identifier: GPL-2.0

//! A request to the module, and what came of it.
//!
//! However much memory it is about, it is one request, and the module answers
//! with the counts of this one alone. They can be read while it runs.

use crate::{
    machine::Geometry,
    module::{Figures, Module},
    name::Name,
};
use anyhow::{Context, Result, anyhow};
use std::{
    io::{self, ErrorKind},
    ops::Range,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// What is to be made huge.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// All shared memory that a process has mapped.
    Process(i32),
    /// Addresses of a process.
    Range(i32, Range<u64>),
    /// Bytes of a file, named by an absolute path.
    File(PathBuf, Range<u64>),
}

/// What came of a request, as far as it went.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// The module's counts.
    pub(crate) figures: Figures,
    /// Everything that was asked for is huge.
    pub(crate) all_huge: bool,
    /// It was stopped before the end.
    pub(crate) interrupted: bool,
    pub(crate) elapsed: Duration,
}

impl Done {
    pub(crate) fn figure(&self, name: &str) -> u64 {
        figure(&self.figures, name)
    }
}

/// A count that the module may not know.
pub(crate) fn figure(figures: &Figures, name: &str) -> u64 {
    figures.get(name).copied().unwrap_or(0)
}

impl Request {
    /// As the module takes it.
    fn text(&self, geometry: Geometry) -> Vec<u8> {
        let (mut text, range, unit) = match self {
            Self::Process(pid) => return pid.to_string().into_bytes(),
            Self::Range(pid, range) => (pid.to_string().into_bytes(), range, 1),
            Self::File(path, range) => (path.as_os_str().as_bytes().to_vec(), range, geometry.page),
        };
        let (start, end) = (range.start / unit, range.end / unit);
        text.extend(format!(",{start:#x},{end:#x}").bytes());
        text
    }

    /// Makes the request and waits for its end. A signal ends it if its handler
    /// has set `stop`; after any other it goes on.
    ///
    /// An error is why there could be no request. Extents that are not huge are
    /// none.
    pub(crate) fn make(
        &self,
        module: &impl Module,
        geometry: Geometry,
        stop: &AtomicBool,
    ) -> Result<Done> {
        let began = Instant::now();
        let text = self.text(geometry);
        let end = loop {
            match module.write(&text) {
                // The module takes the same text for the same request.
                Err(error) if is_signal(&error) && !stop.load(Ordering::Relaxed) => {}
                end => break end,
            }
        };
        let figures = module
            .answer()
            .context("the module does not tell what became of the request")?;
        let done = Done {
            all_huge: end.is_ok(),
            interrupted: end.as_ref().is_err_and(is_signal),
            elapsed: began.elapsed(),
            figures,
        };
        match end {
            Err(error) if !done.interrupted && is_refusal(&error, &done.figures) => {
                Err(self.explain(&error))
            }
            _ => Ok(done),
        }
    }

    fn explain(&self, error: &io::Error) -> anyhow::Error {
        let name = match self {
            Self::Process(pid) | Self::Range(pid, _) => format!("process {pid}"),
            Self::File(path, _) => Name::from(path.as_path()).to_string(),
        };
        match error.raw_os_error() {
            Some(libc::EPERM) => anyhow!("only root may make memory huge: run this as root (sudo)"),
            Some(libc::EACCES) => anyhow!(
                "{name} may not be used, not even by this user: \
                 look for a security module's message in the kernel log"
            ),
            Some(libc::ESRCH) => {
                anyhow!("there is no {name}, or it has ended: look for another with 'ps'")
            }
            Some(libc::ENOENT) => anyhow!("{name} has gone"),
            Some(libc::E2BIG) => {
                anyhow!("the path is too long: name the file by /proc/PID/fd/NUMBER")
            }
            Some(libc::EINVAL) if matches!(self, Self::Range(..)) => {
                anyhow!("{name} cannot have such addresses: see /proc/PID/maps")
            }
            _ => anyhow!("the request for {name} was refused: {error}"),
        }
    }
}

fn is_signal(error: &io::Error) -> bool {
    error.kind() == ErrorKind::Interrupted
}

/// Did the request fail as a whole, and not for what became of extents?
fn is_refusal(error: &io::Error, figures: &Figures) -> bool {
    // No outcome has one of these.
    let always = [
        libc::EPERM,
        libc::EACCES,
        libc::ESRCH,
        libc::ENOENT,
        libc::E2BIG,
        libc::EFAULT,
    ];
    figure(figures, "failed") == 0
        || error
            .raw_os_error()
            .is_some_and(|errno| always.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::X86, module::tests::Pretended};

    const M: u64 = 1 << 20;
    static GO_ON: AtomicBool = AtomicBool::new(false);

    fn make(module: &Pretended) -> Result<Done> {
        Request::Process(42).make(module, X86, &GO_ON)
    }

    #[test]
    fn requests_are_those_of_the_module() {
        for (request, text) in [
            (Request::Process(42), "42"),
            (Request::Range(42, 4 * M..8 * M), "42,0x400000,0x800000"),
            (
                Request::File("/dev/shm/a,1".into(), 4 * M..8 * M),
                "/dev/shm/a,1,0x400,0x800",
            ),
        ] {
            assert_eq!(request.text(X86), text.as_bytes());
        }
    }

    #[test]
    fn one_request_whatever_it_is_about() {
        let module = Pretended::answering(Ok(()), &[("extents", 9), ("collapsed", 9)]);
        let done = make(&module).unwrap();
        assert!(done.all_huge && !done.interrupted);
        assert_eq!(done.figure("collapsed"), 9);
        assert_eq!(done.figure("nothing_like_this"), 0);
        assert_eq!(module.written(), ["42"]);
    }

    #[test]
    fn a_failed_extent_is_no_error() {
        for errno in [libc::EAGAIN, libc::EBUSY, libc::EINVAL, libc::ENODATA] {
            let module = Pretended::answering(Err(errno), &[("extents", 9), ("failed", 1)]);
            let done = make(&module).unwrap();
            assert!(!done.all_huge && !done.interrupted);
        }
    }

    #[test]
    fn a_refused_request_is_an_error() {
        for (errno, word) in [
            (libc::ESRCH, "no process 42, or it has ended"),
            (libc::EPERM, "root"),
            (libc::EBUSY, "refused"),
        ] {
            let module = Pretended::answering(Err(errno), &[("extents", 0), ("failed", 0)]);
            let error = make(&module).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        // Also if some extents had failed before.
        let module = Pretended::answering(Err(libc::ESRCH), &[("extents", 5), ("failed", 1)]);
        assert!(make(&module).is_err());
    }

    #[test]
    fn addresses_of_the_kernel_are_refused() {
        let module = Pretended::answering(Err(libc::EINVAL), &[("extents", 0)]);
        let error = Request::Range(42, u64::MAX - M..u64::MAX)
            .make(&module, X86, &GO_ON)
            .unwrap_err();
        assert!(error.to_string().contains("such addresses"), "{error}");
    }

    #[test]
    fn it_can_be_stopped() {
        let module = Pretended::answering(Err(libc::EINTR), &[("extents", 4)]);
        let done = Request::Process(42)
            .make(&module, X86, &AtomicBool::new(true))
            .unwrap();
        assert!(done.interrupted && !done.all_huge);
        assert_eq!(module.written().len(), 1);
    }

    #[test]
    fn another_signal_does_not_stop_it() {
        let module = Pretended::answering(Ok(()), &[("extents", 4)]);
        module.interrupt(2);
        let done = make(&module).unwrap();
        assert!(done.all_huge && !done.interrupted);
        assert_eq!(module.written(), ["42", "42", "42"]);
    }
}
