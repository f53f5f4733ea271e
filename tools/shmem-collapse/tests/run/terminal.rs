// SPDX-License-Identifier: GPL-2.0

//! The keys of a terminal.

use crate::{TOOL, prepared, signals, started_afresh, state};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::File,
    io::{self, Read, Write},
    os::fd::{FromRawFd, OwnedFd},
    process::{Child, Stdio},
    ptr,
};

/// A new terminal: the side of who sits before it, and that of programs.
fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut master, mut slave) = (-1, -1);
    // SAFETY: The two numbers are written; the descriptors are new and ours.
    unsafe {
        let status = libc::openpty(
            &raw mut master,
            &raw mut slave,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
        );
        assert_eq!(status, 0, "{}", io::Error::last_os_error());
        libc::fcntl(master, libc::F_SETFD, libc::FD_CLOEXEC);
        libc::fcntl(slave, libc::F_SETFD, libc::FD_CLOEXEC);
        (OwnedFd::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
    }
}

/// A shell with job control on a terminal of its own.
struct Terminal {
    shell: Child,
    keyboard: File,
    screen: Vec<u8>,
}

impl Terminal {
    fn start(script: &str) -> Self {
        let (master, slave) = terminal();
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        let mut command = started_afresh("bash");
        command
            .args(["-c", &format!("set -m; {script}")])
            .env("TOOL", TOOL)
            .env("SIGNALS", signals())
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio());
        // SAFETY: System calls that touch no memory.
        prepared(&mut command, || unsafe {
            libc::setsid();
            libc::ioctl(0, libc::TIOCSCTTY, 0);
        });
        Self {
            shell: command.spawn().unwrap(),
            keyboard: File::from(master),
            screen: Vec::new(),
        }
    }

    fn type_key(&mut self, key: u8) {
        self.keyboard.write_all(&[key]).unwrap();
    }

    /// Reads on until the text is on the screen; returns all that came before.
    fn until(&mut self, text: &str) -> String {
        loop {
            let shown = String::from_utf8_lossy(&self.screen).into_owned();
            if let Some((before, after)) = shown.split_once(text) {
                self.screen = after.as_bytes().to_vec();
                return before.to_owned();
            }
            let mut bytes = [0; 256];
            let read = self.keyboard.read(&mut bytes).unwrap_or(0);
            assert!(
                read > 0,
                "the shell has ended before it said {text}: {shown}"
            );
            self.screen.extend(&bytes[..read]);
        }
    }
}

const JOB: &str = "\"$TOOL\" run --dry-run --quiet -- \"$SIGNALS\" listen";

#[test]
fn a_key_reaches_the_program_once() {
    let mut terminal = Terminal::start(&format!("{JOB}; echo ended $?"));
    terminal.until("ready ");
    let program: i32 = terminal.until("\r\n").parse().unwrap();
    let wrapper = state(program).unwrap().1;
    for (key, signal) in [(3, libc::SIGINT), (28, libc::SIGQUIT), (3, libc::SIGINT)] {
        terminal.type_key(key);
        terminal.until(&format!("got {signal}\r\n"));
        kill_process(Pid::from_raw(wrapper).unwrap(), Signal::WINCH).unwrap();
        let before = terminal.until(&format!("got {}\r\n", libc::SIGWINCH));
        assert!(!before.contains("got"), "{before}");
    }
    kill_process(Pid::from_raw(program).unwrap(), Signal::USR2).unwrap();
    let before = terminal.until("ended 7");
    assert!(!before.contains("got"), "{before}");
    terminal.shell.wait().unwrap();
}

#[test]
fn the_suspend_key_stops_both_and_fg_goes_on() {
    let script = format!("{JOB}; echo stopped $?; fg; echo ended $?");
    let mut terminal = Terminal::start(&script);
    terminal.until("ready ");
    let program: i32 = terminal.until("\r\n").parse().unwrap();
    terminal.type_key(26);
    terminal.until("stopped 148\r\n");
    terminal.until(&format!("got {}\r\n", libc::SIGCONT));
    kill_process(Pid::from_raw(program).unwrap(), Signal::USR2).unwrap();
    let before = terminal.until("ended 7");
    assert!(!before.contains("got"), "{before}");
    terminal.shell.wait().unwrap();
}
