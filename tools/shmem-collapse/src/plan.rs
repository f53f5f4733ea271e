// SPDX-License-Identifier: GPL-2.0

//! A long request as many short ones, so that its progress can be seen and it
//! can be stopped.
//!
//! A short request is a run of whole extents, as many as take a tenth of a
//! second. Its outcomes are the differences of the module's figures. They are
//! exact as long as nobody else makes requests, and if somebody does it shows:
//! more extents are counted than were asked for. Whether all is huge in the end
//! does not depend on them, that is what each request answers.

use crate::{
    machine::Geometry,
    module::{Figures, Module},
};
use anyhow::{Result, anyhow};
use std::{
    io,
    ops::Range,
    os::unix::ffi::OsStrExt,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long a short request should take.
const PACE: Duration = Duration::from_millis(100);

/// Whose memory.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Process(i32),
    /// An absolute path.
    File(PathBuf),
}

impl Target {
    /// A request, by addresses or by byte offsets in the file.
    fn request(&self, range: &Range<u64>, geometry: Geometry) -> Vec<u8> {
        let (mut text, unit) = match self {
            Self::Process(pid) => (pid.to_string().into_bytes(), 1),
            Self::File(path) => (path.as_os_str().as_bytes().to_vec(), geometry.page),
        };
        let (start, end) = (range.start / unit, range.end / unit);
        text.extend(format!(",{start:#x},{end:#x}").bytes());
        text
    }
}

/// What has been done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Done {
    /// Extents that were tried.
    pub(crate) tried: u64,
    /// What the figures grew by.
    pub(crate) figures: Figures,
    /// Every one of our requests was answered with success.
    pub(crate) all_huge: bool,
    /// Somebody else's requests are in the figures too.
    pub(crate) mixed: bool,
    /// It was stopped before the end.
    pub(crate) interrupted: bool,
    pub(crate) elapsed: Duration,
}

impl Done {
    pub(crate) fn figure(&self, name: &str) -> u64 {
        self.figures.get(name).copied().unwrap_or(0)
    }
}

/// Runs of extents of one target.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    /// Addresses or byte offsets, at the boundaries of extents.
    pub(crate) ranges: Vec<Range<u64>>,
    pub(crate) geometry: Geometry,
}

impl Plan {
    pub(crate) fn extents(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| (range.end - range.start) / self.geometry.extent)
            .sum()
    }

    /// Carries it out. `watch` is told what has been done after each short
    /// request, and says whether to go on.
    pub(crate) fn run(
        &self,
        module: &mut impl Module,
        mut watch: impl FnMut(&Done) -> bool,
    ) -> Result<Done> {
        let began = Instant::now();
        let mut done = Done {
            all_huge: true,
            ..Done::default()
        };
        let mut figures = module.figures()?;
        let mut step = 1;
        for range in &self.ranges {
            let mut at = range.start;
            while at < range.end {
                let end = range.end.min(at + step * self.geometry.extent);
                let asked = (end - at) / self.geometry.extent;
                let text = self.target.request(&(at..end), self.geometry);
                let start = Instant::now();
                let answer = module.request(&text);
                let took = start.elapsed();
                let now = module.figures()?;
                let grown = difference(&now, &figures);
                figures = now;
                done.add(&grown, asked);
                done.elapsed = began.elapsed();
                if let Err(error) = answer {
                    if is_refusal(&error, &grown, asked) {
                        return Err(self.explain(&error));
                    }
                    done.all_huge = false;
                }
                at = end;
                step = paced(step, took);
                if !watch(&done) {
                    done.interrupted = done.tried < self.extents();
                    return Ok(done);
                }
            }
        }
        Ok(done)
    }

    fn explain(&self, error: &io::Error) -> anyhow::Error {
        let name = match &self.target {
            Target::Process(pid) => format!("process {pid}"),
            Target::File(path) => path.display().to_string(),
        };
        match error.raw_os_error() {
            Some(libc::EPERM) => anyhow!("only root may make memory huge: run this as root (sudo)"),
            Some(libc::EACCES) => anyhow!(
                "{name} may not be used, not even by this user: \
                 look for a security module's message in the kernel log"
            ),
            Some(libc::ESRCH) => anyhow!("{name} has ended: look for another with 'ps'"),
            Some(libc::ENOENT) => anyhow!("{name} has gone"),
            Some(libc::E2BIG) => {
                anyhow!("the path is too long: name the file by /proc/PID/fd/NUMBER")
            }
            Some(libc::EINTR) => anyhow!("interrupted, or the module is being removed"),
            _ => anyhow!("the request for {name} was refused: {error}"),
        }
    }
}

impl Done {
    fn add(&mut self, grown: &Figures, asked: u64) {
        self.tried += asked;
        self.mixed |= grown.get("extents").is_some_and(|extents| *extents > asked);
        for (name, value) in grown {
            *self.figures.entry(name.clone()).or_default() += value;
        }
    }
}

/// Did the request fail as a whole, and not for what became of extents?
fn is_refusal(error: &io::Error, grown: &Figures, asked: u64) -> bool {
    let tried = grown.get("extents").copied().unwrap_or(0);
    let always = [
        libc::EPERM,
        libc::EACCES,
        libc::ESRCH,
        libc::ENOENT,
        libc::E2BIG,
        libc::EINTR,
    ];
    tried < asked
        || error
            .raw_os_error()
            .is_some_and(|errno| always.contains(&errno))
}

/// A reset meanwhile must not make a figure huge.
fn difference(now: &Figures, before: &Figures) -> Figures {
    now.iter()
        .map(|(name, value)| {
            let before = before.get(name).copied().unwrap_or(0);
            (name.clone(), value.checked_sub(before).unwrap_or(*value))
        })
        .collect()
}

/// The next step after one of `step` extents that took that long.
fn paced(step: u64, took: Duration) -> u64 {
    let fitting = step as f64 * PACE.as_secs_f64() / took.as_secs_f64().max(1e-6);
    (fitting as u64)
        .clamp(step.div_ceil(2), 2 * step)
        .clamp(1, 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::X86, module::tests::Pretended};

    const M: u64 = 1 << 20;

    fn plan(ranges: &[Range<u64>]) -> Plan {
        Plan {
            target: Target::Process(42),
            ranges: ranges.to_vec(),
            geometry: X86,
        }
    }

    #[test]
    fn requests_are_those_of_the_module() {
        let range = 4 * M..8 * M;
        let text = Target::Process(42).request(&range, X86);
        assert_eq!(text, b"42,0x400000,0x800000");
        let text = Target::File("/dev/shm/a,1".into()).request(&range, X86);
        assert_eq!(text, b"/dev/shm/a,1,0x400,0x800");
    }

    #[test]
    fn every_extent_is_asked_for_once() {
        let mut module = Pretended::default();
        let done = plan(&[0..64 * M, 128 * M..130 * M])
            .run(&mut module, |_| true)
            .unwrap();
        assert_eq!(done.tried, 33);
        assert_eq!(module.extents, 33);
        assert!(done.all_huge && !done.mixed && !done.interrupted);
        assert_eq!(done.figure("collapsed"), 33);
        let first = &module.requests[0];
        assert_eq!(first, "42,0x0,0x200000");
        assert!(module.requests.len() < 12, "{:?}", module.requests);
    }

    #[test]
    fn a_failed_extent_ends_nothing() {
        let mut module = Pretended {
            pinned: vec![2 * M, 6 * M],
            ..Pretended::default()
        };
        let done = plan(&[0..16 * M]).run(&mut module, |_| true).unwrap();
        assert!(!done.all_huge);
        assert_eq!(done.figure("failed_pinned"), 2);
        assert_eq!(done.figure("collapsed"), 6);
    }

    #[test]
    fn a_refused_request_is_an_error() {
        let mut module = Pretended {
            error: Some(libc::ESRCH),
            ..Pretended::default()
        };
        let error = plan(&[0..16 * M]).run(&mut module, |_| true).unwrap_err();
        assert!(
            error.to_string().contains("process 42 has ended"),
            "{error}"
        );
        assert_eq!(module.requests.len(), 1);
    }

    #[test]
    fn it_can_be_stopped_between_requests() {
        let mut module = Pretended::default();
        let done = plan(&[0..64 * M])
            .run(&mut module, |done| done.tried < 4)
            .unwrap();
        assert!(done.interrupted);
        assert!(done.tried >= 4 && done.tried < 32);
        assert_eq!(module.extents, done.tried);
    }

    #[test]
    fn a_stop_at_the_end_is_none() {
        let done = plan(&[0..2 * M])
            .run(&mut Pretended::default(), |_| false)
            .unwrap();
        assert!(!done.interrupted);
    }

    #[test]
    fn figures_of_others_show() {
        let mut module = Pretended {
            others: true,
            ..Pretended::default()
        };
        let done = plan(&[0..4 * M]).run(&mut module, |_| true).unwrap();
        assert!(done.mixed);
        assert_eq!(done.tried, 2);
    }

    #[test]
    fn figures_may_be_reset() {
        let figures = |value| Figures::from([("extents".to_owned(), value)]);
        assert_eq!(difference(&figures(7), &figures(5)), figures(2));
        assert_eq!(difference(&figures(3), &figures(5)), figures(3));
    }

    #[test]
    fn pace_doubles_at_most() {
        assert_eq!(paced(1, Duration::ZERO), 2);
        assert_eq!(paced(8, PACE), 8);
        assert_eq!(paced(8, 4 * PACE), 4);
        assert_eq!(paced(1, 100 * PACE), 1);
        assert_eq!(paced(8, PACE / 100), 16);
    }
}
