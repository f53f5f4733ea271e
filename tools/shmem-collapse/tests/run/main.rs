// SPDX-License-Identifier: GPL-2.0

//! `run` is a wrapper that nobody notices: signals, statuses, children and what
//! is inherited, without the module. Nothing here depends on how long it takes.

#![allow(missing_docs)]

mod inherit;
mod signals;
mod status;
mod terminal;

use std::{
    fs, io,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

const TOOL: &str = env!("CARGO_BIN_EXE_shmem-collapse");

/// The program that tells which signals it gets.
fn signals() -> PathBuf {
    let mut path = PathBuf::from(TOOL);
    path.set_file_name("examples");
    path.join("signals")
}

/// `run` with some of its options, and a program.
fn run(words: &[&str]) -> Command {
    let mut command = started_afresh(TOOL);
    command.args(["run", "--dry-run", "--quiet", "--"]);
    command.args(words);
    command
}

/// A command that ignores and blocks no signal, however the tests were started:
/// in the background of a shell they ignore SIGINT and SIGQUIT.
fn started_afresh(program: &str) -> Command {
    let mut command = Command::new(program);
    // SAFETY: SIG_DFL runs no code, and a set of zeroes is one.
    prepared(&mut command, || unsafe {
        for signal in 1..=libc::SIGRTMAX() {
            libc::signal(signal, libc::SIG_DFL);
        }
        let none = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    });
    command
}

fn status(words: &[&str]) -> ExitStatus {
    run(words).stderr(Stdio::null()).status().unwrap()
}

/// Sets how the command is started, between `fork()` and `exec()`.
fn prepared(command: &mut Command, prepare: fn()) -> &mut Command {
    let prepare = move || -> io::Result<()> {
        prepare();
        Ok(())
    };
    // SAFETY: All that is passed here are system calls.
    unsafe { command.pre_exec(prepare) }
}

/// Waits for something that has to happen, for a minute.
fn eventually(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if happened() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what}: not within a minute");
}

/// The state of a process in /proc and its parent.
fn state(pid: i32) -> Option<(char, i32)> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let stat = String::from_utf8_lossy(&stat).into_owned();
    let mut fields = stat.rsplit(')').next()?.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

fn children(of: i32) -> Vec<(i32, char)> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, state(pid)?)))
        .filter(|(_, (_, parent))| *parent == of)
        .map(|(pid, (state, _))| (pid, state))
        .collect()
}
