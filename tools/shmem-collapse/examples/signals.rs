// SPDX-License-Identifier: GPL-2.0

//! A program that tells what it was started with and which signals it gets, for
//! the tests of `run`.
//!
//! `signals listen` prints `ready`, a line for each signal that comes, and ends
//! with 7 on SIGUSR2. Those that stop it do so. `signals inherited` prints what
//! it has from its parent.

use rustix::process::{Resource, getcwd, getgid, getpgrp, getpriority_process, getrlimit, getsid};
use std::{env, error::Error, fs, io::Write, mem, process::ExitCode};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    match env::args().nth(1).as_deref() {
        Some("listen") => listen(),
        _ => inherited(),
    }
}

fn listen() -> Result<ExitCode, Box<dyn Error>> {
    // SAFETY: Sets of signals of zeroes are sets, which these calls fill.
    let all = unsafe {
        let mut all = mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigdelset(&raw mut all, libc::SIGTSTP);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        all
    };
    say(&format!("ready {}", std::process::id()))?;
    loop {
        // SAFETY: As above; a record that is read was written.
        let info = unsafe {
            let mut info = mem::zeroed();
            if libc::sigwaitinfo(&raw const all, &raw mut info) < 0 {
                continue;
            }
            info
        };
        if info.si_signo == libc::SIGUSR2 {
            return Ok(ExitCode::from(7));
        }
        // SAFETY: A signal that was queued has a value.
        let value = unsafe { info.si_value().sival_ptr } as usize;
        if info.si_code == libc::SI_QUEUE {
            say(&format!("got {} with {value}", info.si_signo))?;
        } else {
            say(&format!("got {}", info.si_signo))?;
        }
    }
}

/// Prints a line, in one piece.
fn say(line: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(format!("{line}\n").as_bytes())
}

fn inherited() -> Result<ExitCode, Box<dyn Error>> {
    // What the runtime of Rust changes is read by the test from another program.
    let status = fs::read_to_string("/proc/self/status")?;
    for line in status.lines() {
        if [
            "SigBlk",
            "Umask",
            "CapEff",
            "NoNewPrivs",
            "Seccomp:",
            "Groups",
        ]
        .iter()
        .any(|name| line.starts_with(name))
        {
            println!("{line}");
        }
    }
    println!("group {:?} session {:?}", getpgrp(), getsid(None)?);
    println!("cwd {:?} gid {:?}", getcwd(Vec::new())?, getgid());
    println!("priority {}", getpriority_process(None)?);
    println!("files {:?}", getrlimit(Resource::Nofile));
    println!("arguments {:?}", env::args_os().collect::<Vec<_>>());
    println!("environment {:?}", env::vars_os().collect::<Vec<_>>());
    Ok(ExitCode::SUCCESS)
}
