// SPDX-License-Identifier: GPL-2.0

//! The answer to a request: counters of this request only.
//!
//! Each open file has the answer to its last request, or to the one that runs. Its text has a line
//! with name and value for each counter, with the names of the statistics.
//!
//! The kernel restarts a system call that a signal interrupted, and a program may repeat it. Such a
//! request continues the interrupted one, and the answer covers both.

use crate::collapse::stats::{
    Counter,
    Figures,
    Stats, //
};
use core::fmt::{
    self,
    Write, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    error::code::ERESTARTNOHAND,
    iov::IovIterDest,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};

/// State of the request besides the counters of its current or last walk.
struct Known {
    /// Whether there was a request.
    asked: bool,
    running: bool,
    /// The figures of earlier walks of the request.
    earlier: Figures,
    /// The number of extents that earlier walks have collapsed.
    made: u64,
}

/// The answer of an open file.
#[pin_data]
pub(super) struct Answer {
    /// Extents of the current or last walk, and costs of all walks of the request.
    stats: Stats,
    #[pin]
    known: Mutex<Known>,
    /// The text of an interrupted request. Locked while a request runs.
    #[pin]
    request: Mutex<Option<KVec<u8>>>,
    /// The text that is being read.
    #[pin]
    shown: Mutex<Option<Arc<KVec<u8>>>>,
}

impl Answer {
    /// Creates the answer of a file without a request.
    pub(super) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            stats: Stats::new(),
            known <- new_mutex!(Known {
                asked: false,
                running: false,
                earlier: Figures::NONE,
                made: 0,
            }, "shmem_collapse answer"),
            request <- new_mutex!(None, "shmem_collapse device request"),
            shown <- new_mutex!(None, "shmem_collapse shown"),
        })
    }

    /// Carries out a request: `run` executes and counts the request whose text `take` returns.
    ///
    /// Returns `EBUSY` if a request of the same open file runs, whose answer is kept.
    pub(super) fn to(
        &self,
        take: impl FnOnce() -> Result<KVec<u8>>,
        run: impl FnOnce(&[u8], &Stats) -> Result,
    ) -> Result {
        let mut interrupted = self.request.try_lock().ok_or(EBUSY)?;
        let before = interrupted.take();
        let text = take().inspect_err(|_| {
            self.begin(false);
            self.end();
        })?;
        self.begin(before.as_deref() == Some(&*text));
        let end = run(&text, &self.stats);
        self.end();
        if matches!(end, Err(error) if error == EINTR || error == ERESTARTNOHAND) {
            *interrupted = Some(text);
        }
        end
    }

    fn begin(&self, goes_on: bool) {
        let mut known = self.known.lock();
        if goes_on {
            known.go_on(&self.stats.figures());
            self.stats.reset_extents();
        } else {
            known.earlier = Figures::NONE;
            known.made = 0;
            self.stats.reset();
        }
        known.asked = true;
        known.running = true;
    }

    fn end(&self) {
        self.known.lock().running = false;
    }

    /// Returns the current text of the answer, which is empty without a request.
    fn text(&self) -> Result<KVec<u8>> {
        let known = self.known.lock();
        let mut text = Text(KVec::new());
        if known.asked {
            let figures = self.stats.figures();
            let figures = figures.going_on(&known.earlier, known.made);
            let running = known.running;
            drop(known);
            text.answer(running, &figures).map_err(|_| ENOMEM)?;
        }
        Ok(text.0)
    }

    /// Reads from `position`. A read at 0 takes a snapshot, which the reads that follow continue.
    pub(super) fn read(&self, position: &mut i64, room: &mut IovIterDest<'_>) -> Result<usize> {
        let text = if *position == 0 {
            let text = Arc::new(self.text()?, GFP_KERNEL_ACCOUNT)?;
            self.shown.lock().replace(text.clone());
            Some(text)
        } else {
            self.shown.lock().clone()
        };
        let text: &[u8] = text.as_deref().map_or(&[], |text| text);
        let before = *position;
        let is_more = usize::try_from(before).is_ok_and(|at| at < text.len());
        let read = room.simple_read_from_buffer(position, text)?;
        // No lock is held here, since writing to the memory of the reader may take long.
        if read == 0 && is_more && !room.is_empty() {
            return Err(EFAULT);
        }
        Ok(read)
    }
}

impl Known {
    /// Continues the request after a walk with the figures `walk`.
    fn go_on(&mut self, walk: &Figures) {
        self.earlier = walk.going_on(&self.earlier, self.made);
        self.made += walk.get(Counter::Collapsed);
    }
}

/// A growable text buffer.
struct Text(KVec<u8>);

impl Text {
    fn answer(&mut self, running: bool, figures: &Figures) -> fmt::Result {
        writeln!(self, "running {}", u8::from(running))?;
        for counter in Counter::all().filter(|counter| *counter != Counter::Requests) {
            let (class, name) = counter.name();
            writeln!(self, "{class}{name} {}", figures.get(counter))?;
        }
        Ok(())
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0
            .extend_from_slice(text.as_bytes(), GFP_KERNEL_ACCOUNT)
            .map_err(|_| fmt::Error)
    }
}

#[kunit_tests(shmem_collapse_answer)]
mod tests {
    use super::*;
    use crate::collapse::{
        outcome::Outcome,
        stats::{
            Cost,
            Tally, //
        },
    };

    fn asks(answer: &Answer, text: &[u8], walk: &[Outcome], end: Result) -> Result {
        let all = Stats::new();
        let take = || {
            let mut own = KVec::new();
            own.extend_from_slice(text, GFP_KERNEL)?;
            Ok(own)
        };
        answer.to(take, |_, stats| {
            for outcome in walk {
                Tally::new(&all, Some(stats)).record(*outcome, &Cost::default(), 1);
            }
            end
        })
    }

    fn says(answer: &Answer, line: &str) -> bool {
        let text = answer.text().unwrap_or_default();
        let found = text
            .split(|byte| *byte == b'\n')
            .any(|l| l == line.as_bytes());
        found
    }

    fn answer() -> Result<Pin<KBox<Answer>>> {
        KBox::pin_init(Answer::new(), GFP_KERNEL)
    }

    #[test]
    fn nothing_asked_is_nothing_told() -> Result {
        assert!(answer()?.text()?.is_empty());
        Ok(())
    }

    #[test]
    fn a_request_begins_anew() -> Result {
        let answer = answer()?;
        asks(
            &answer,
            b"1",
            &[Outcome::Collapsed, Outcome::Pinned],
            Err(EAGAIN),
        )
        .ok();
        assert!(says(&answer, "extents 2"));
        assert!(says(&answer, "failed_pinned 1"));
        asks(&answer, b"1", &[Outcome::AlreadyHuge], Ok(()))?;
        assert!(says(&answer, "extents 1"));
        assert!(says(&answer, "collapsed 0"));
        assert!(says(&answer, "failed_pinned 0"));
        assert!(says(&answer, "running 0"));
        Ok(())
    }

    #[test]
    fn a_request_that_goes_on_has_one_answer() -> Result {
        let answer = answer()?;
        let first = [Outcome::Collapsed, Outcome::Collapsed];
        let second = [
            Outcome::AlreadyHuge,
            Outcome::AlreadyHuge,
            Outcome::Collapsed,
        ];
        let third = [Outcome::AlreadyHuge; 4];
        asks(&answer, b"1", &first, Err(ERESTARTNOHAND)).ok();
        asks(&answer, b"1", &second, Err(EINTR)).ok();
        assert!(says(&answer, "collapsed 3"));
        asks(&answer, b"1", &third, Ok(()))?;
        assert!(says(&answer, "extents 4"));
        assert!(says(&answer, "collapsed 3"));
        assert!(says(&answer, "already_huge 1"));
        Ok(())
    }

    #[test]
    fn another_text_is_another_request() -> Result {
        let answer = answer()?;
        asks(&answer, b"1", &[Outcome::Collapsed], Err(EINTR)).ok();
        asks(&answer, b"1\n", &[Outcome::AlreadyHuge], Ok(()))?;
        assert!(says(&answer, "collapsed 0"));
        assert!(says(&answer, "already_huge 1"));
        Ok(())
    }

    #[test]
    fn what_cannot_be_taken_has_no_extents() -> Result {
        let answer = answer()?;
        asks(&answer, b"1", &[Outcome::Collapsed], Ok(()))?;
        let refused = answer.to(|| Err(E2BIG), |_, _| Ok(()));
        assert!(refused == Err(E2BIG));
        assert!(says(&answer, "extents 0"));
        Ok(())
    }

    #[test]
    fn one_at_a_time() -> Result {
        let answer = answer()?;
        let take = || Ok(KVec::new());
        answer.to(take, |_, _| {
            assert!(says(&answer, "running 1"));
            assert!(asks(&answer, b"1", &[], Ok(())) == Err(EBUSY));
            Ok(())
        })
    }
}
