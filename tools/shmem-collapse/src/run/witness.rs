// SPDX-License-Identifier: GPL-2.0

//! A process that tells whether a signal went to the whole process group.
//!
//! What a terminal sends, and what is sent by `kill(-PGID)`, reaches the program
//! by itself; what is sent to the wrapper alone has to be passed on. A signal
//! does not say which of the two it is: `si_code` tells the terminal from a
//! process, but not one process from a group. The witness is another process of
//! the group. It blocks all signals, and takes those that are pending when it is
//! asked. What it has got too, from the same sender, went to the group.
//!
//! The kernel goes through a group from its youngest member, so the witness has
//! a signal before the wrapper learns of it.

use crate::signal::{self, Received, Signals};
use std::{
    io::{self, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

/// The name that it is started by, and has in a list of processes. It does not
/// contain the wrapper's: who ends that by name is not to hit the witness too.
pub(crate) const NAME: &str = "signal-witness";

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// A signal and its sender.
type Record = (i32, i32);

/// Ends an answer.
const END: Record = (0, 0);

/// Answers until the wrapper has gone: what the witness does.
pub(crate) fn serve() -> ExitCode {
    let all = Signals::all();
    all.block_only();
    let Ok(input) = io::stdin().as_fd().try_clone_to_owned() else {
        return ExitCode::FAILURE;
    };
    let mut wrapper = UnixStream::from(input);
    while wrapper.read_exact(&mut [0]).is_ok() {
        let mut answer = Vec::new();
        while let Some(received) = all.take() {
            answer.extend(bytes((received.number, received.sender)));
        }
        answer.extend(bytes(END));
        if wrapper.write_all(&answer).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn bytes((signal, sender): Record) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&signal.to_ne_bytes());
    bytes[4..].copy_from_slice(&sender.to_ne_bytes());
    bytes
}

fn record(from: &mut impl Read) -> io::Result<Record> {
    let (mut signal, mut sender) = ([0; 4], [0; 4]);
    from.read_exact(&mut signal)?;
    from.read_exact(&mut sender)?;
    Ok((i32::from_ne_bytes(signal), i32::from_ne_bytes(sender)))
}

/// The wrapper's end of it.
pub(super) struct Witness {
    stream: UnixStream,
    pid: i32,
    /// What it got and nobody has asked for, for one question more: the wrapper
    /// takes signals by number, not in the order in which they came.
    left: Vec<Record>,
}

impl Witness {
    pub(super) fn start() -> io::Result<Self> {
        let (stream, theirs) = UnixStream::pair()?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0(NAME)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        signal::start_with(&mut command, Signals::all(), false);
        let pid = command.spawn()?.id() as i32;
        Ok(Self {
            stream,
            pid,
            left: Vec::new(),
        })
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// Has it got this signal, too?
    pub(super) fn got(&mut self, signal: &Received) -> io::Result<bool> {
        self.stream.write_all(&[0])?;
        let mut new = Vec::new();
        loop {
            match record(&mut self.stream)? {
                END => break,
                record => new.push(record),
            }
        }
        Ok(self.matches((signal.number, signal.sender), new))
    }

    fn matches(&mut self, wanted: Record, mut new: Vec<Record>) -> bool {
        let old = std::mem::take(&mut self.left);
        let found = take(&mut new, wanted) || old.contains(&wanted);
        self.left = new;
        found
    }
}

/// Takes one such record away.
fn take(records: &mut Vec<Record>, wanted: Record) -> bool {
    let at = records.iter().position(|record| *record == wanted);
    at.is_some_and(|at| {
        records.remove(at);
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness() -> Witness {
        Witness {
            stream: UnixStream::pair().unwrap().0,
            pid: 0,
            left: Vec::new(),
        }
    }

    #[test]
    fn records_survive_the_way() {
        for example in [(2, 4711), (64, 1), END] {
            assert_eq!(record(&mut &bytes(example)[..]).unwrap(), example);
        }
        assert!(record(&mut &b"short"[..]).is_err());
    }

    #[test]
    fn what_the_witness_got_went_to_the_group() {
        let mut witness = witness();
        assert!(witness.matches((2, 7), vec![(2, 7)]));
        assert!(!witness.matches((2, 7), vec![]));
        // The same signal from somebody else is another one.
        assert!(!witness.matches((2, 7), vec![(2, 8)]));
    }

    #[test]
    fn several_signals_may_come_at_once() {
        let mut witness = witness();
        assert!(witness.matches((1, 7), vec![(2, 7), (1, 7)]));
        assert!(witness.matches((2, 7), vec![]));
        assert!(!witness.matches((2, 7), vec![]));
    }
}
