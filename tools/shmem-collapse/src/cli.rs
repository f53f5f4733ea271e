// SPDX-License-Identifier: GPL-2.0

//! The command line. Completions and manual pages are made from it too.

use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;
use std::{ffi::OsString, ops::Range, path::PathBuf};

const STATUS: &str = "\
Exit status:
  0  all of the memory is huge
  1  some of it is not, or the request was interrupted
  2  wrong usage, or the request could not be made (no module, not root, no such process)";

const RUN_STATUS: &str = "\
Exit status: that of the program; if a signal has killed it, the same signal, or
  125  wrong usage, or no process could be made
  126  the program was found, but cannot be executed
  127  the program was not found";

/// Make shared memory huge, and see where it is.
///
/// Shared memory is what the kernel keeps in tmpfs: files in /dev/shm, memfd,
/// System V segments, shared anonymous memory. Requests need root and the
/// kernel module `shmem_collapse`; looking at memory does not need the module.
#[derive(Parser)]
#[command(version, after_help = STATUS, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make the shared memory of a process huge
    ///
    /// It becomes huge in every process that maps it, not only in this one.
    Pid(PidArgs),
    /// Make a file in tmpfs huge, whoever has it mapped
    ///
    /// A memfd, a deleted file or one of another mount namespace has a name in
    /// /proc: /proc/PID/fd/NUMBER.
    File(FileArgs),
    /// Draw which memory is huge and which is not
    ///
    /// One cell is one extent, the size of a huge page. Works without the
    /// module.
    Map(MapArgs),
    /// Give back page tables with nothing in them
    ///
    /// Memory that was punched out, truncated or swapped leaves its page tables
    /// behind: 4 KiB for each 2 MiB and process. Of a process its own are freed,
    /// of a file those of all that map it. Nothing else changes.
    Reap(ReapArgs),
    /// Show what the module has done since it was loaded
    Stats(StatsArgs),
    /// Show what page tables hold: those of a process, or the kernel's own
    ///
    /// Needs root, the module and debugfs.
    Tables(TablesArgs),
    /// Start a program and make its shared memory huge as it grows
    ///
    /// An extent is taken when all of its pages are in memory, so that no hole is
    /// filled; --present says how many are enough. Without the module, or if not
    /// root, the program runs all the same.
    #[command(after_help = RUN_STATUS)]
    Run(RunArgs),
    /// Print completions for a shell
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Print the manual page
    Man {
        /// Write the pages of all subcommands to this directory instead
        #[arg(long, value_name = "DIR")]
        directory: Option<PathBuf>,
    },
}

#[derive(Args)]
pub(crate) struct PidArgs {
    /// The process
    #[arg(value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: i32,
    /// Only these addresses, in hexadecimal as /proc/PID/maps has them
    #[arg(long, value_name = "START-END", value_parser = addresses)]
    pub(crate) range: Option<Range<u64>>,
    #[command(flatten)]
    pub(crate) how: HowArgs,
}

#[derive(Args)]
pub(crate) struct FileArgs {
    /// The file
    #[arg(value_name = "PATH")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) how: HowArgs,
}

#[derive(Args)]
pub(crate) struct HowArgs {
    /// Only say what there is to do; needs no module
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing: the exit status tells
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

#[derive(Args)]
#[group(skip)]
#[command(group(ArgGroup::new("what").required(true).args(["pid", "file"])))]
pub(crate) struct MapArgs {
    /// All shared memory of a process
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,
    /// A file in tmpfs
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// Print every extent as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print totals only
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// Draw with ASCII characters
    #[arg(long)]
    pub(crate) ascii: bool,
}

#[derive(Args)]
pub(crate) struct StatsArgs {
    /// Print all figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print all figures for a Prometheus text file collector
    #[arg(long, conflicts_with = "json")]
    pub(crate) prometheus: bool,
}

#[derive(Args)]
#[group(skip)]
#[command(group(ArgGroup::new("of").required(true).args(["pid", "file"])))]
pub(crate) struct ReapArgs {
    /// All shared memory of a process
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,
    /// A file in tmpfs
    #[arg(long, value_name = "PATH")]
    pub(crate) file: Option<PathBuf>,
    /// Only these addresses, in hexadecimal as /proc/PID/maps has them
    #[arg(long, value_name = "START-END", value_parser = addresses, conflicts_with = "file")]
    pub(crate) range: Option<Range<u64>>,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing: the exit status tells
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
}

#[derive(Args)]
#[group(skip)]
#[command(group(ArgGroup::new("whose").required(true).args(["pid", "kernel"])))]
pub(crate) struct TablesArgs {
    /// All mappings of a process
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub(crate) pid: Option<i32>,
    /// By how large pages the kernel maps its own memory
    #[arg(long)]
    pub(crate) kernel: bool,
    /// Only these addresses, in hexadecimal as /proc/PID/maps has them
    #[arg(long, value_name = "START-END", value_parser = addresses, conflicts_with = "kernel")]
    pub(crate) range: Option<Range<u64>>,
    /// Print all figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw with ASCII characters
    #[arg(long, conflicts_with = "json")]
    pub(crate) ascii: bool,
}

#[derive(Args)]
pub(crate) struct RunArgs {
    /// Seconds between two looks at the program's memory
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) interval: f64,
    /// Take an extent that has stopped growing if this share of its pages is in
    /// memory; the rest is filled, as long as a quarter of the limit of the
    /// program's memory cgroup stays free
    #[arg(long, value_name = "PERCENT", default_value_t = 100,
          value_parser = clap::value_parser!(u8).range(1..=100))]
    pub(crate) present: u8,
    /// The same as --present 100, which is the default
    #[arg(long, conflicts_with = "present")]
    pub(crate) full_only: bool,
    /// Only say, at the end, what there was to do; needs no module
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the summary as JSON, on standard error
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no summary
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

fn addresses(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text
        .split_once('-')
        .ok_or("write it as START-END, like 7f3280000000-7f32c0000000")?;
    let (start, end) = (address(start)?, address(end)?);
    if start >= end {
        return Err("the range ends before it begins".into());
    }
    Ok(start..end)
}

fn address(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    // from_str_radix() takes a sign, too.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("'{text}' is no hexadecimal address"));
    }
    u64::from_str_radix(digits, 16).map_err(|error| format!("address '{text}': {error}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.01..=3600.0).contains(&value) => Ok(value),
        _ => Err("a number from 0.01 to 3600".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn ranges_are_those_of_proc_maps() {
        assert_eq!(addresses("200000-400000"), Ok(0x20_0000..0x40_0000));
        assert_eq!(addresses("0x1000-0x2000"), Ok(0x1000..0x2000));
        for wrong in ["", "1000", "-", "2000-1000", "1000-1000", "x-y", "1-+2"] {
            assert!(addresses(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_to_map_is_asked_for_once() {
        for (line, valid) in [
            (&["x", "map", "--pid", "1"][..], true),
            (&["x", "map", "--file", "/dev/shm/a"], true),
            (&["x", "map"], false),
            (&["x", "map", "--pid", "1", "--file", "a"], false),
            (&["x", "map", "--pid", "1", "--ascii"], true),
            (&["x", "map", "--pid", "1", "--json", "--quiet"], false),
            (&["x", "map", "--pid", "0"], false),
            (&["x", "pid", "-1"], false),
            (&["x", "stats", "--json", "--prometheus"], false),
            (&["x", "reap"], false),
            (&["x", "reap", "--pid", "1", "--range", "1000-2000"], true),
            (&["x", "reap", "--file", "/dev/shm/a"], true),
            (&["x", "reap", "--file", "a", "--range", "1000-2000"], false),
            (&["x", "tables"], false),
            (&["x", "tables", "--kernel"], true),
            (&["x", "tables", "--pid", "1", "--range", "1000-2000"], true),
            (&["x", "tables", "--kernel", "--range", "1000-2000"], false),
            (&["x", "tables", "--pid", "1", "--kernel"], false),
            (&["x", "run"], false),
            (&["x", "run", "--interval", "0", "--", "true"], false),
            (&["x", "run", "--", "true", "--json"], true),
            (&["x", "run", "--present", "0", "--", "true"], false),
            (&["x", "run", "--present", "101", "--", "true"], false),
            (&["x", "run", "--present", "25", "--", "true"], true),
            (&["x", "run", "--full-only", "--", "true"], true),
            (
                &["x", "run", "--full-only", "--present", "25", "--", "true"],
                false,
            ),
        ] {
            assert_eq!(Cli::try_parse_from(line).is_ok(), valid, "{line:?}");
        }
    }
}
