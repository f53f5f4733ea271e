// SPDX-License-Identifier: GPL-2.0

//! `reap`: page tables with nothing in them are given back.

use crate::{
    Verdict,
    cli::ReapArgs,
    devices,
    module::{self, Figures},
    name::Name,
    report,
};
use anyhow::{Context, Result, anyhow, bail};
use indicatif::BinaryBytes;
use serde_json::json;
use std::{
    fs,
    io::{self, ErrorKind, Write},
    os::unix::ffi::OsStrExt,
};

const FILE: &str = "/sys/kernel/mm/shmem_collapse/reap";

pub(crate) fn reap(args: &ReapArgs) -> Result<Verdict> {
    let page = rustix::param::page_size() as u64;
    let text = request(args, page)?;
    let before = freed(&module::figures()?)?;
    loop {
        match fs::write(FILE, &text) {
            // Nothing is lost if it begins anew.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            end => break end.map_err(|error| refused(&error, args))?,
        }
    }
    // Somebody may have reset the figures meanwhile.
    let tables = freed(&module::figures()?)?.saturating_sub(before);
    let bytes = tables.saturating_mul(page);
    if args.json {
        report::print_json(&json!({
            "page_tables_freed": tables,
            "bytes": bytes,
            "counts_include_others": true,
        }))?;
    } else if !args.quiet {
        let size = BinaryBytes(bytes);
        writeln!(anstream::stdout(), "{tables} page tables freed ({size})")?;
    }
    Ok(Verdict::Huge)
}

fn freed(figures: &Figures) -> Result<u64> {
    figures
        .get("page_tables_freed")
        .copied()
        .context("the module does not count page tables: it is older than this program")
}

/// What the module is asked for. A file is named with all its pages, whatever the
/// end of its name looks like.
fn request(args: &ReapArgs, page: u64) -> Result<Vec<u8>> {
    match (args.pid, &args.range, &args.file) {
        (Some(pid), None, _) => Ok(pid.to_string().into()),
        (Some(pid), Some(range), _) => {
            Ok(format!("{pid},{:#x},{:#x}", range.start, range.end).into())
        }
        (None, _, Some(path)) => {
            devices::check_file(path)?;
            let path = std::path::absolute(path)?;
            let mut text = path.as_os_str().as_bytes().to_vec();
            text.extend(format!(",0,{:#x}", i64::MAX as u64 / page).bytes());
            Ok(text)
        }
        (None, _, None) => bail!("name a process with --pid, or a file with --file"),
    }
}

fn refused(error: &io::Error, args: &ReapArgs) -> anyhow::Error {
    let name = match (args.pid, &args.file) {
        (Some(pid), _) => format!("process {pid}"),
        (None, Some(path)) => Name::from(path.as_path()).to_string(),
        (None, None) => String::new(),
    };
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => {
            anyhow!("{name} may not be used by this user: run this as root (sudo)")
        }
        Some(libc::ESRCH) => anyhow!("there is no {name}, or it has ended"),
        Some(libc::EINVAL) => anyhow!("{name} cannot have such addresses: see /proc/PID/maps"),
        _ => anyhow!("the request for {name} was refused: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(pid: Option<i32>) -> ReapArgs {
        ReapArgs {
            pid,
            file: None,
            range: None,
            json: false,
            quiet: false,
        }
    }

    #[test]
    fn requests_are_those_of_the_module() {
        assert_eq!(request(&args(Some(7)), 4096).unwrap(), b"7");
        let mut range = args(Some(7));
        range.range = Some(0x1000..0x20_0000);
        assert_eq!(request(&range, 4096).unwrap(), b"7,0x1000,0x200000");
        assert!(request(&args(None), 4096).is_err());
    }

    #[test]
    fn refusals_are_told() {
        let told = |errno| refused(&io::Error::from_raw_os_error(errno), &args(Some(7)));
        assert!(told(libc::ESRCH).to_string().contains("process 7"));
        assert!(told(libc::EACCES).to_string().contains("root"));
        assert!(told(libc::EINVAL).to_string().contains("maps"));
    }

    #[test]
    fn an_older_module_is_told() {
        assert!(freed(&Figures::new()).is_err());
        assert_eq!(freed(&[("page_tables_freed".into(), 3)].into()).unwrap(), 3);
    }
}
