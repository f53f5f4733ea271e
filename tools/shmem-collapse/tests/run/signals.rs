// SPDX-License-Identifier: GPL-2.0

//! Which signals reach the program, and how often.

use crate::{children, eventually, run, signals, state};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};
use std::{
    io::{BufRead, BufReader, Lines},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, ChildStdout, Stdio},
};

/// A program below the wrapper that tells which signals it gets.
struct Listener {
    wrapper: Child,
    lines: Lines<BufReader<ChildStdout>>,
    program: Pid,
}

impl Listener {
    /// In a process group of its own, as a job of a shell.
    fn start(launcher: &[&str]) -> Self {
        let signals = signals();
        let words: Vec<_> = launcher
            .iter()
            .copied()
            .chain([signals.to_str().unwrap(), "listen"])
            .collect();
        let mut wrapper = run(&words)
            .process_group(0)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(wrapper.stdout.take().unwrap()).lines();
        let first = lines.next().unwrap().unwrap();
        let program = first.strip_prefix("ready ").unwrap().parse().unwrap();
        Self {
            wrapper,
            lines,
            program: Pid::from_raw(program).unwrap(),
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.wrapper)
    }

    /// Ends the program, by the wrapper; returns what it has got before.
    fn end(mut self) -> Vec<String> {
        kill_process(self.pid(), Signal::USR2).unwrap();
        let got = self.lines.map(Result::unwrap).collect();
        assert_eq!(self.wrapper.wait().unwrap().code(), Some(7));
        got
    }

    fn next(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

fn got(signals: &[Signal]) -> Vec<String> {
    signals
        .iter()
        .map(|signal| format!("got {}", signal.as_raw()))
        .collect()
}

#[test]
fn what_the_wrapper_gets_is_passed_on_once() {
    let sent = [
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::USR1,
        Signal::ALARM,
        Signal::TERM,
        Signal::CONT,
        Signal::WINCH,
    ];
    let mut listener = Listener::start(&[]);
    for signal in sent {
        kill_process(listener.pid(), signal).unwrap();
        assert_eq!(listener.next(), got(&[signal])[0]);
    }
    assert!(listener.end().is_empty());
}

#[test]
fn a_value_goes_with_its_signal() {
    let mut listener = Listener::start(&[]);
    let value = libc::sigval {
        sival_ptr: 4711 as *mut _,
    };
    // SAFETY: The value is a number for both sides.
    unsafe { libc::sigqueue(listener.pid().as_raw_pid(), libc::SIGRTMIN(), value) };
    assert_eq!(
        listener.next(),
        format!("got {} with 4711", libc::SIGRTMIN())
    );
    assert!(listener.end().is_empty());
}

#[test]
fn what_the_group_gets_is_not_passed_on() {
    let sent = [
        Signal::INT,
        Signal::TERM,
        Signal::HUP,
        Signal::QUIT,
        Signal::CONT,
    ];
    let mut listener = Listener::start(&[]);
    for signal in sent {
        kill_process_group(listener.pid(), signal).unwrap();
        assert_eq!(listener.next(), got(&[signal])[0]);
        // The wrapper takes its signals one after the other: if it had passed the
        // first one on, that would come before this one.
        kill_process(listener.pid(), Signal::WINCH).unwrap();
        assert_eq!(
            listener.next(),
            got(&[Signal::WINCH])[0],
            "after {signal:?}"
        );
    }
    assert!(listener.end().is_empty());
}

#[test]
fn a_program_of_another_group_gets_what_the_group_gets() {
    let mut listener = Listener::start(&["setsid", "-w"]);
    kill_process(listener.program, Signal::WINCH).unwrap();
    assert_eq!(listener.next(), got(&[Signal::WINCH])[0]);
    // setsid makes no new process here: it leads no group.
    assert_eq!(
        state(listener.program.as_raw_pid()).unwrap().1,
        listener.wrapper.id() as i32
    );
    kill_process_group(listener.pid(), Signal::TERM).unwrap();
    assert_eq!(listener.next(), got(&[Signal::TERM])[0]);
    assert!(listener.end().is_empty());
}

#[test]
fn without_its_witness_it_goes_on() {
    let mut listener = Listener::start(&[]);
    let wrapper = listener.wrapper.id() as i32;
    let program = listener.program.as_raw_pid();
    for round in 0..2 {
        let mut witness = 0;
        eventually("a witness", || {
            let other = children(wrapper)
                .into_iter()
                .find(|(pid, state)| *pid != program && *state != 'Z');
            witness = other.map_or(0, |(pid, _)| pid);
            witness != 0
        });
        kill_process(Pid::from_raw(witness).unwrap(), Signal::KILL).unwrap();
        eventually("its end", || state(witness).is_none());
        kill_process(listener.pid(), Signal::TERM).unwrap();
        assert_eq!(listener.next(), got(&[Signal::TERM])[0], "round {round}");
    }
    kill_process_group(listener.pid(), Signal::INT).unwrap();
    assert_eq!(listener.next(), got(&[Signal::INT])[0]);
    assert!(listener.end().is_empty());
}

#[test]
fn both_stop_and_both_go_on() {
    let mut listener = Listener::start(&[]);
    for alone in [true, false] {
        let send = |signal| {
            if alone {
                kill_process(listener.pid(), signal).unwrap();
            } else {
                kill_process_group(listener.pid(), signal).unwrap();
            }
        };
        send(Signal::TSTP);
        let stop = waitpid(Some(listener.pid()), WaitOptions::UNTRACED).unwrap();
        assert_eq!(stop.unwrap().1.stopping_signal(), Some(libc::SIGTSTP));
        assert_eq!(state(listener.program.as_raw_pid()).unwrap().0, 'T');
        send(Signal::CONT);
        assert_eq!(listener.next(), got(&[Signal::CONT])[0]);
    }
    assert!(listener.end().is_empty());
}

#[test]
fn a_stop_that_nobody_asked_the_wrapper_for_is_the_programs_alone() {
    let mut listener = Listener::start(&[]);
    kill_process(listener.program, Signal::STOP).unwrap();
    eventually("the stop", || {
        state(listener.program.as_raw_pid()).unwrap().0 == 'T'
    });
    kill_process(listener.program, Signal::CONT).unwrap();
    assert_eq!(listener.next(), got(&[Signal::CONT])[0]);
    assert!(listener.end().is_empty());
}

#[test]
fn a_wrapper_that_is_killed_leaves_the_program_alone() {
    let mut listener = Listener::start(&[]);
    listener.wrapper.kill().unwrap();
    assert_eq!(
        listener.wrapper.wait().unwrap().signal(),
        Some(libc::SIGKILL)
    );
    kill_process(listener.program, Signal::TERM).unwrap();
    assert_eq!(listener.next(), got(&[Signal::TERM])[0]);
    kill_process(listener.program, Signal::USR2).unwrap();
    assert!(listener.lines.next().is_none());
}
