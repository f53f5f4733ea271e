// SPDX-License-Identifier: GPL-2.0

//! Which signals are passed on to the program.
//!
//! The program is to get each signal as often as it would without the wrapper,
//! and the wrapper is to survive it. What went to their whole process group has
//! reached the program by itself (see witness.rs), unless it has left the group.
//! Everything else that comes to the wrapper was meant for the program.

use super::witness::Witness;
use crate::signal::Received;
use rustix::process::{Pid, getpgid, getpgrp, getpid};

/// Signals that are about who gets them: the wrapper has read or written where it
/// must not, or has used up its time.
const ABOUT_ITSELF: [i32; 5] = [
    libc::SIGPIPE,
    libc::SIGTTIN,
    libc::SIGTTOU,
    libc::SIGXCPU,
    libc::SIGXFSZ,
];

/// Signals that stop a process which does nothing about them.
pub(super) const STOPS: [i32; 3] = [libc::SIGTSTP, libc::SIGTTIN, libc::SIGTTOU];

/// What a signal is passed on by.
pub(super) struct Relay {
    program: i32,
    witness: Option<Witness>,
}

impl Relay {
    pub(super) fn new(program: i32, witness: Option<Witness>) -> Self {
        Self { program, witness }
    }

    /// Passes the signal on unless the program has it, or it is not for it.
    pub(super) fn handle(&mut self, signal: &Received) {
        let from_self = signal.code <= 0 && signal.sender == getpid().as_raw_pid();
        if from_self {
            // SIGPIPE of a message that nobody reads, or of a witness that has gone.
            return;
        }
        // Always asked, or what the witness has would be taken for a later signal.
        let group_got = self.ask(signal);
        if goes_on(&Circumstances {
            signal: signal.number,
            from_process: signal.code <= 0,
            from_program: signal.code <= 0 && signal.sender == self.program,
            group_got,
            program_in_group: self.program_in_group(),
        }) {
            signal.pass_on(self.program);
        }
    }

    fn ask(&mut self, signal: &Received) -> Option<bool> {
        let got = self.witness.as_mut()?.got(signal);
        // One that was killed, or is stopped, is of no use any more.
        if got.is_err() {
            self.witness = Witness::start().ok();
        }
        got.ok()
    }

    fn program_in_group(&self) -> bool {
        getpgid(Pid::from_raw(self.program)).is_ok_and(|group| group == getpgrp())
    }
}

/// What there is to know of a signal.
struct Circumstances {
    signal: i32,
    from_process: bool,
    from_program: bool,
    /// The whole process group has got it, as far as that is known.
    group_got: Option<bool>,
    program_in_group: bool,
}

fn goes_on(of: &Circumstances) -> bool {
    if ABOUT_ITSELF.contains(&of.signal) && !of.from_process {
        return false;
    }
    // It has told its parent, or all processes but itself: reboot does that.
    if of.from_program {
        return false;
    }
    // Without a witness: the kernel's signals are those of the terminal.
    let group_got = of.group_got.unwrap_or(!of.from_process);
    !(group_got && of.program_in_group)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALONE: Circumstances = Circumstances {
        signal: libc::SIGINT,
        from_process: true,
        from_program: false,
        group_got: Some(false),
        program_in_group: true,
    };

    #[test]
    fn what_the_wrapper_alone_got_is_for_the_program() {
        assert!(goes_on(&ALONE));
        // An alarm() that was set before exec().
        let alarm = Circumstances {
            signal: libc::SIGALRM,
            from_process: false,
            ..ALONE
        };
        assert!(goes_on(&alarm));
    }

    #[test]
    fn what_the_group_got_has_reached_the_program() {
        for from_process in [true, false] {
            let all = Circumstances {
                from_process,
                group_got: Some(true),
                ..ALONE
            };
            assert!(!goes_on(&all));
            let apart = Circumstances {
                program_in_group: false,
                ..all
            };
            assert!(goes_on(&apart));
        }
    }

    #[test]
    fn without_a_witness_the_terminal_is_known_by_its_code() {
        for (from_process, passed) in [(true, true), (false, false)] {
            let unknown = Circumstances {
                from_process,
                group_got: None,
                ..ALONE
            };
            assert_eq!(goes_on(&unknown), passed);
        }
    }

    #[test]
    fn nothing_comes_back_to_who_sent_it() {
        let program = Circumstances {
            from_program: true,
            ..ALONE
        };
        let late = Circumstances {
            signal: libc::SIGXCPU,
            from_process: false,
            ..ALONE
        };
        assert!(!goes_on(&program) && !goes_on(&late));
    }
}
