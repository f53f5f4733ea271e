// SPDX-License-Identifier: GPL-2.0

//! `shmem-collapse`: asks the kernel module of that name to make shared memory
//! huge, and shows which memory is.
// What others have named, mapped or written is no reason to panic.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::todo,
        clippy::unimplemented,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

mod cli;
mod collapse;
mod devices;
#[cfg(test)]
mod fuzz;
mod generate;
mod look;
mod machine;
mod map;
mod module;
mod name;
mod pages;
mod picture;
mod proc;
mod reap;
mod report;
mod request;
mod run;
mod shmem;
mod signal;
mod stats;
mod survey;
mod sys;
mod tables;

use anyhow::Result;
use clap::Parser;
use cli::{Cli, Command};
use std::{env, ffi::OsStr, process::ExitCode};

/// What a command found in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Everything that was asked for is huge, or there was nothing to find out.
    Huge,
    /// Something is not.
    NotHuge,
    /// The status of somebody else's program.
    Status(u8),
}

impl Verdict {
    fn of(all_huge: bool) -> Self {
        if all_huge { Self::Huge } else { Self::NotHuge }
    }
}

fn main() -> ExitCode {
    let mut words = env::args_os();
    if words.next().as_deref() == Some(OsStr::new(run::WITNESS)) {
        return run::witness();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error, words.next().as_deref()),
    };
    let verdict = match &cli.command {
        Command::Pid(args) => collapse::process(args),
        Command::File(args) => collapse::file(args),
        Command::Map(args) => map::show(args),
        Command::Reap(args) => reap::reap(args),
        Command::Stats(args) => stats::show(args),
        Command::Tables(args) => tables::show(args),
        Command::Run(args) => Ok(run::run(args)),
        Command::Completions { shell } => generate::completions(*shell),
        Command::Man { directory } => generate::man(directory.as_deref()),
    };
    status(verdict)
}

/// Tells what is wrong with the command line, or the help that it asks for.
/// The status of `run` has to be one that its program does not have.
fn usage(error: &clap::Error, command: Option<&OsStr>) -> ExitCode {
    // Who reads us may have had enough.
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if command == Some(OsStr::new("run")) => ExitCode::from(run::OWN_FAILURE),
        status => ExitCode::from(status as u8),
    }
}

fn status(verdict: Result<Verdict>) -> ExitCode {
    match verdict {
        Ok(Verdict::Huge) => ExitCode::SUCCESS,
        Ok(Verdict::NotHuge) => ExitCode::from(1),
        Ok(Verdict::Status(status)) => ExitCode::from(status),
        // Who reads us has had enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("shmem-collapse: {}", name::harmless(&format!("{error:#}")));
            ExitCode::from(2)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .root_cause()
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
