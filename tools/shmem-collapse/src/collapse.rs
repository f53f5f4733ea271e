// SPDX-License-Identifier: GPL-2.0

//! `pid` and `file`: makes memory huge, with a progress bar.

use crate::{
    Verdict,
    cli::{FileArgs, HowArgs, PidArgs},
    devices,
    look::Survey,
    machine::Geometry,
    module::{Figures, Loaded, Module},
    name::Name,
    report::{self, Outlook, Report},
    request::{Request, figure},
    shmem::{Mapping, Memory},
    survey::{self, Cell},
};
use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::{
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::AtomicBool,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// How often a request that runs is looked at.
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn process(args: &PidArgs) -> Result<Verdict> {
    let geometry = Geometry::of_machine()?;
    if !args.how.dry_run {
        return process_now(args, geometry, &Loaded::open()?);
    }
    let mut memory = Memory::of(args.pid)?;
    let mappings = memory.mappings()?;
    let mut survey = Survey::new(&memory, &mappings, geometry)?;
    let mut cells = Vec::new();
    let mut holes = 0u64;
    for mapping in &mappings {
        let inside = mapping.extents_inside(geometry);
        let inside = clipped(&inside, args.range.as_ref(), geometry);
        if let Some(strip) = survey.strip(mapping) {
            let strip = strip.clipped(&inside);
            holes = holes.saturating_add(strip.holes());
            cells.extend(strip.cells);
        }
    }
    report::problems(&survey.problems);
    outlook(&cells, holes, &args.how)
}

fn process_now(args: &PidArgs, geometry: Geometry, module: &Loaded) -> Result<Verdict> {
    // A range is taken as it is: what in it is not shared memory is told.
    let (request, extents) = match &args.range {
        Some(range) => {
            let start = geometry.ceil(range.start);
            let range = start..geometry.floor(range.end).max(start);
            let extents = (range.end - range.start) / geometry.extent;
            (Request::Range(args.pid, range), Some(extents))
        }
        None => (Request::Process(args.pid), extents_of(args.pid, geometry)),
    };
    carry_out(&request, extents, geometry, module, &args.how)
}

/// How many extents a process has, as far as it can be known beforehand: for
/// the progress bar only.
fn extents_of(pid: i32, geometry: Geometry) -> Option<u64> {
    let mappings = Memory::of(pid).ok()?.mappings().ok()?;
    let bytes = |mapping: &Mapping| {
        let inside = mapping.extents_inside(geometry);
        inside.end - inside.start
    };
    let all = mappings.iter().map(bytes).fold(0, u64::saturating_add);
    Some(all / geometry.extent)
}

/// The part of a mapping's extents that lies in the range asked for.
fn clipped(inside: &Range<u64>, asked: Option<&Range<u64>>, geometry: Geometry) -> Range<u64> {
    match asked {
        Some(asked) => {
            let start = inside.start.max(geometry.ceil(asked.start));
            start..inside.end.min(geometry.floor(asked.end))
        }
        None => inside.clone(),
    }
}

pub(crate) fn file(args: &FileArgs) -> Result<Verdict> {
    let geometry = Geometry::of_machine()?;
    let module = if args.how.dry_run {
        None
    } else {
        Some(Loaded::open()?)
    };
    devices::check_file(&args.path)?;
    // Not canonicalize(): what is in /proc/PID/fd has no other name.
    let path = std::path::absolute(&args.path)?;
    let pages = std::fs::metadata(&path)
        .with_context(|| Name::from(path.as_path()).to_string())?
        .len()
        .div_ceil(geometry.page);
    let end = geometry.floor(pages * geometry.page);
    let Some(module) = module else {
        let (strip, _) = survey::file(&path, geometry)?;
        let strip = strip.clipped(&(0..end));
        return outlook(&strip.cells, strip.holes(), &args.how);
    };
    let extents = Some(end / geometry.extent);
    let request = Request::File(path, 0..end);
    carry_out(&request, extents, geometry, &module, &args.how)
}

fn outlook(cells: &[Cell], holes: u64, how: &HowArgs) -> Result<Verdict> {
    let outlook = Outlook::of(cells, holes);
    if how.json {
        report::print_json(&outlook)?;
    } else if !how.quiet {
        outlook.print()?;
    }
    Ok(Verdict::of(outlook.all_huge()))
}

fn carry_out(
    request: &Request,
    extents: Option<u64>,
    geometry: Geometry,
    module: &Loaded,
    how: &HowArgs,
) -> Result<Verdict> {
    let stop = stop_flag()?;
    let bar = progress_bar(extents, how.quiet);
    let done = while_watched(module, &bar, || request.make(module, geometry, &stop));
    bar.finish_and_clear();
    let done = done?;
    let report = Report {
        request,
        // Of a process that changes, the module knows better.
        extents: match extents {
            Some(extents) if done.interrupted => extents.max(done.figure("extents")),
            _ => done.figure("extents"),
        },
        extent_bytes: geometry.extent,
        done: &done,
    };
    if how.json {
        report::print_json(&report.summary())?;
    } else if !how.quiet {
        report.print()?;
    }
    Ok(Verdict::of(done.all_huge))
}

/// Shows how a request gets on. It is made by the calling thread, so that the
/// signals of the process, which go to the first one, end it.
fn while_watched<T>(module: &Loaded, bar: &ProgressBar, request: impl FnOnce() -> T) -> T {
    if bar.is_hidden() {
        return request();
    }
    thread::scope(|scope| {
        let (running, is_running) = mpsc::channel::<()>();
        scope.spawn(move || {
            while is_running.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                let Ok(figures) = module.answer() else {
                    continue;
                };
                bar.set_position(figure(&figures, "extents"));
                bar.set_message(so_far(&figures));
            }
        });
        let made = request();
        drop(running);
        made
    })
}

/// Set by the first Ctrl-C or SIGTERM; the second one ends the program at once.
pub(crate) fn stop_flag() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop))?;
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}

fn progress_bar(extents: Option<u64>, quiet: bool) -> ProgressBar {
    let target = if quiet {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    ProgressBar::with_draw_target(extents, target).with_style(progress_style())
}

fn progress_style() -> ProgressStyle {
    const TEMPLATE: &str = "{wide_bar} {pos}/{len} extents, {rate}/s, {msg}, {eta} left";
    ProgressStyle::with_template(TEMPLATE)
        // Which it never is: a test parses it.
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{:.0}", state.per_sec());
        })
}

fn so_far(figures: &Figures) -> String {
    ["collapsed", "already_huge", "failed"]
        .map(|name| format!("{} {}", report::word(name), figure(figures, name)))
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::X86;
    use indicatif::InMemoryTerm;

    const M: u64 = 1 << 20;

    #[test]
    fn a_range_clips_mappings_inwards() {
        let inside = 4 * M..64 * M;
        assert_eq!(clipped(&inside, None, X86), inside);
        assert_eq!(clipped(&inside, Some(&(5 * M..11 * M)), X86), 6 * M..10 * M);
        assert_eq!(clipped(&inside, Some(&(0..100 * M)), X86), inside);
        assert!(clipped(&inside, Some(&(64 * M..66 * M)), X86).is_empty());
    }

    #[test]
    fn progress_can_be_drawn() {
        let term = InMemoryTerm::new(2, 100);
        let target = ProgressDrawTarget::term_like(Box::new(term.clone()));
        let bar = ProgressBar::with_draw_target(Some(9), target).with_style(progress_style());
        bar.set_message(so_far(&Figures::new()));
        bar.set_position(3);
        bar.force_draw();
        let drawn = term.contents();
        assert!(drawn.contains(" 3/9 extents, "), "{drawn}");
        assert!(
            drawn.contains("/s, collapsed 0, already huge 0, failed 0, "),
            "{drawn}"
        );
    }
}
