// SPDX-License-Identifier: GPL-2.0

//! How it ends, and what it says.

use crate::{TOOL, children, eventually, prepared, run, status};
use std::{
    fs,
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt, net::UnixStream, process::ExitStatusExt},
    },
    path::PathBuf,
    process::{Command, Stdio},
};

#[test]
fn the_status_is_the_programs() {
    for code in [0, 1, 7, 125, 255] {
        let line = format!("exit {code}");
        assert_eq!(status(&["sh", "-c", &line]).code(), Some(code));
    }
}

#[test]
fn what_cannot_be_started_has_the_status_of_env() {
    let file = std::env::temp_dir().join(format!("shmem-collapse-run-{}", std::process::id()));
    fs::write(&file, "#!/nonexistent/interpreter\n").unwrap();
    let path = file.to_str().unwrap();
    for (mode, word, code) in [
        (0o600, path, 126),
        (0o700, path, 127),
        (0o600, "/", 126),
        (0o600, "/dev/null/x", 126),
        (0o600, "no-such-command-at-all", 127),
        (0o600, "", 127),
    ] {
        fs::set_permissions(&file, PermissionsExt::from_mode(mode)).unwrap();
        let env = Command::new("env").arg(word).stderr(Stdio::null()).status();
        assert_eq!(env.unwrap().code(), Some(code), "env {word}");
        assert_eq!(status(&[word]).code(), Some(code), "{word}");
    }
    fs::remove_file(&file).unwrap();
}

#[test]
fn failures_of_its_own_have_a_status_of_their_own() {
    for words in [&["run"][..], &["run", "--interval", "x", "--", "true"]] {
        let output = Command::new(TOOL).args(words).output().unwrap();
        assert_eq!(output.status.code(), Some(125));
        assert!(!output.stderr.is_empty());
    }
    // Others keep theirs, and help is no failure.
    let code = |words: &[&str]| {
        Command::new(TOOL)
            .args(words)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(code(&["map"]), Some(2));
    assert_eq!(code(&["run", "--help"]), Some(0));
}

#[test]
fn it_dies_of_what_the_program_dies_of() {
    for signal in [
        libc::SIGTERM,
        libc::SIGKILL,
        libc::SIGSEGV,
        libc::SIGINT,
        libc::SIGPIPE,
        40,
    ] {
        let line = format!("kill -{signal} $$");
        let status = status(&["sh", "-c", &line]);
        assert_eq!(status.signal(), Some(signal));
        assert!(!status.core_dumped());
    }
}

#[test]
fn a_parent_that_ignores_its_children_gets_the_status() {
    let mut command = run(&["sh", "-c", "exit 7"]);
    // SAFETY: SIG_IGN runs no code.
    prepared(&mut command, || unsafe {
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
    });
    assert_eq!(command.status().unwrap().code(), Some(7));
}

#[test]
fn orphans_are_reaped() {
    let line = "for i in $(seq 60); do (true &); done; read line";
    let mut wrapper = run(&["sh", "-c", line])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = wrapper.id() as i32;
    // The program and the witness are left.
    let mut most = 0;
    eventually("orphans are reaped", || {
        let children = children(pid);
        most = most.max(children.len());
        let zombies = children.iter().filter(|(_, state)| *state == 'Z').count();
        zombies == 0 && children.len() == 2
    });
    drop(wrapper.stdin.take());
    assert_eq!(wrapper.wait().unwrap().code(), Some(1));
}

#[test]
fn the_status_is_not_lost_among_orphans() {
    for code in 0..8 {
        let line = format!("for i in 1 2 3 4 5 6; do (true &); done; exit {code}");
        assert_eq!(status(&["sh", "-c", &line]).code(), Some(code));
    }
}

#[test]
fn without_the_module_it_says_so_once() {
    let loaded = PathBuf::from("/sys/kernel/mm/shmem_collapse").exists();
    let mut command = Command::new(TOOL);
    command.args([
        "run",
        "--interval",
        "0.01",
        "--quiet",
        "--",
        "sh",
        "-c",
        "sleep 0.3; exit 7",
    ]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), usize::from(!loaded), "{said}");
}

#[test]
fn what_it_says_may_have_no_reader() {
    for options in [
        &["run"][..],
        &["run", "--dry-run"],
        &["run", "--dry-run", "--json"],
    ] {
        let (reader, writer) = UnixStream::pair().unwrap();
        drop(reader);
        let status = Command::new(TOOL)
            .args(options)
            .args(["--", "sh", "-c", "exit 7"])
            .stderr(OwnedFd::from(writer))
            .status();
        assert_eq!(status.unwrap().code(), Some(7), "{options:?}");
    }
}
