// SPDX-License-Identifier: GPL-2.0

//! What the program has from its parent.

use crate::{prepared, run, signals, started_afresh};
use std::ptr;

/// What a program says of itself without the wrapper, and with it.
fn both(words: &[&str], prepare: fn()) -> [String; 2] {
    let mut plain = started_afresh(words[0]);
    plain.args(&words[1..]);
    [plain, run(words)].map(|mut command| {
        prepared(&mut command, prepare);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    })
}

/// The lines about signals in what `cat` says of itself.
fn signal_lines(status: &str) -> Vec<&str> {
    status
        .lines()
        .filter(|line| line.starts_with("SigBlk") || line.starts_with("SigIgn"))
        .collect()
}

#[test]
fn signals_are_inherited() {
    let cases: [fn(); 4] = [
        || {},
        // SAFETY: SIG_DFL and SIG_IGN run no code.
        || unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        },
        // SAFETY: As above.
        || unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        },
        // SAFETY: As above, and a set of zeroes is one.
        || unsafe {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            let mut set = std::mem::zeroed();
            libc::sigaddset(&raw mut set, libc::SIGUSR1);
            libc::sigprocmask(libc::SIG_BLOCK, &raw const set, ptr::null_mut());
        },
    ];
    for (number, prepare) in cases.into_iter().enumerate() {
        let [plain, wrapped] = both(&["cat", "/proc/self/status"], prepare);
        assert_eq!(signal_lines(&plain).len(), 2);
        assert_eq!(
            signal_lines(&plain),
            signal_lines(&wrapped),
            "case {number}"
        );
    }
}

#[test]
fn everything_else_is_inherited() {
    let signals = signals();
    let words = [signals.to_str().unwrap(), "inherited", "a b", ""];
    // SAFETY: System calls that touch no memory.
    let [plain, wrapped] = both(&words, || unsafe {
        libc::umask(0o027);
        libc::nice(3);
    });
    assert_eq!(plain, wrapped);
}

#[test]
fn files_are_inherited_and_no_others() {
    let list = ["sh", "-c", "ls /proc/$$/fd"];
    let cases: [fn(); 4] = [
        || {},
        // SAFETY: Nothing uses these descriptors between fork() and exec().
        || unsafe {
            libc::close(0);
        },
        // SAFETY: As above.
        || unsafe {
            libc::close(2);
            libc::dup2(1, 17);
        },
        // SAFETY: As above.
        || unsafe {
            libc::close(0);
            libc::close(2);
        },
    ];
    for prepare in cases {
        let [plain, wrapped] = both(&list, prepare);
        assert_eq!(plain, wrapped);
    }
}
