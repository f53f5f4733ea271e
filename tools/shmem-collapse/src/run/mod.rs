// SPDX-License-Identifier: GPL-2.0

//! `run`: starts a program and makes its shared memory huge as it grows.
//!
//! For everybody else it is as if the program had been started without it: see
//! child.rs for how it starts and ends, signals.rs for what reaches it. The main
//! thread does that and waits for signals all the time; another one looks at
//! memory (watch.rs).

mod child;
mod extents;
mod family;
mod room;
mod signals;
mod watch;
mod witness;

pub(crate) use child::OWN_FAILURE;
pub(crate) use witness::{NAME as WITNESS, serve as witness};

use crate::{Verdict, cli::RunArgs, machine::Geometry, module::Loaded, name::Name};
use anyhow::Result;
use child::Inherited;
use extents::Rule;
use rustix::process::{getpid, set_child_subreaper};
use serde_json::json;
use signals::Relay;
use std::{fmt::Display, io::Write, time::Duration};
use watch::{Counts, Task, Watch};
use witness::Witness;

pub(crate) fn run(args: &RunArgs) -> Verdict {
    let inherited = Inherited::take();
    let task = match task(args) {
        Ok(task) => Some(task),
        Err(error) => {
            tell(format_args!("{error:#}; the program runs without it"));
            None
        }
    };
    // Daemons that the program leaves behind stay ours to look at.
    let _ = set_child_subreaper(Some(getpid()));
    let witness = Witness::start().ok();
    let witness_pid = witness.as_ref().map(Witness::pid);
    let program = match child::start(&args.command, &inherited) {
        Ok(program) => program,
        Err(error) => {
            let name = args
                .command
                .first()
                .map(|name| Name::from(name.as_os_str()));
            tell(format_args!("{}: {error}", name.unwrap_or_default()));
            return Verdict::Status(child::status_of_failure(&error));
        }
    };
    let watch = task.and_then(|task| {
        let task = Task {
            witness: witness_pid,
            ..task
        };
        let geometry = task.rule.geometry;
        Watch::start(task)
            .inspect_err(|error| tell(format_args!("its memory is not watched: {error}")))
            .ok()
            .map(|watch| (watch, geometry))
    });
    let end = child::wait_for_end(program, Relay::new(program, witness));
    if let Some((watch, geometry)) = watch {
        report(args, geometry, &watch.end());
    }
    Verdict::Status(end.repeat())
}

/// What there is to do, or why nothing can be done.
fn task(args: &RunArgs) -> Result<Task> {
    let geometry = Geometry::of_machine()?;
    let module = if args.dry_run {
        None
    } else {
        Some(Loaded::open()?)
    };
    Ok(Task {
        interval: Duration::from_secs_f64(args.interval),
        rule: Rule {
            geometry,
            percent: args.present,
        },
        module,
        witness: None,
    })
}

/// Says something on standard error, which may be closed: nobody else's status
/// may depend on that.
fn tell(what: impl Display) {
    let _ = writeln!(anstream::stderr(), "shmem-collapse: {what}");
}

fn report(args: &RunArgs, geometry: Geometry, counts: &Counts) {
    if args.json {
        let summary = json!({
            "extent_bytes": geometry.extent,
            "extents_due": counts.due,
            "collapsed": counts.collapsed,
            "already_huge": counts.already_huge,
            "failed": counts.failed,
        });
        let _ = writeln!(anstream::stderr(), "{summary:#}");
    } else if args.quiet {
    } else if args.dry_run {
        tell(format_args!("{} extents were due", counts.due));
    } else {
        tell(format_args!(
            "collapsed {}, already huge {}, failed {}",
            counts.collapsed, counts.already_huge, counts.failed
        ));
    }
}
