// SPDX-License-Identifier: GPL-2.0

//! `stats`: the module's figures, for people, programs and Prometheus.

use crate::{
    Verdict,
    cli::StatsArgs,
    module::{self, Figures},
    report,
};
use anyhow::Result;
use std::{
    fmt::{Display, Write as _},
    io::Write,
};

/// Sums that are also there in parts: adding both up would count twice.
const SUMS: [&str; 2] = ["extents", "failed"];

pub(crate) fn show(args: &StatsArgs) -> Result<Verdict> {
    let figures = module::figures()?;
    if args.json {
        report::print_json(&figures)?;
    } else if args.prometheus {
        write!(anstream::stdout(), "{}", metrics(&figures))?;
    } else {
        writeln!(anstream::stdout(), "{}", table(&figures))?;
    }
    Ok(Verdict::Huge)
}

/// All totals, and the reasons why extents are not huge as far as there were any.
fn table(figures: &Figures) -> String {
    let mut rows = report::table();
    let is_reason = |name: &str| name.starts_with("failed_");
    for (name, value) in figures.iter().filter(|(name, _)| !is_reason(name)) {
        let (name, value) = match name.strip_suffix("_ns") {
            Some(name) => (name, format!("{:.3} s", seconds(*value))),
            None => (name.as_str(), value.to_string()),
        };
        rows.add_row([report::word(name), value]);
    }
    for (name, value) in figures {
        match name.strip_prefix("failed_") {
            Some(reason) if *value > 0 => rows.add_row([
                format!("failed: {}", report::word(reason)),
                value.to_string(),
            ]),
            _ => &mut rows,
        };
    }
    report::lines(rows)
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// The text format of Prometheus, which `node_exporter`'s collector reads.
/// (`OpenMetrics` names its counters in another way, and that collector does not
/// take it.)
fn metrics(figures: &Figures) -> String {
    let mut text = Text::default();
    text.family("extents", "Extents by what became of them.");
    for (name, value) in figures {
        let outcome = match name.as_str() {
            "collapsed" | "already_huge" => Some(name.as_str()),
            _ => name.strip_prefix("failed_"),
        };
        if let Some(outcome) = outcome {
            text.sample("extents", &format!("{{outcome=\"{outcome}\"}}"), value);
        }
    }
    let is_outcome = |name: &str| {
        SUMS.contains(&name)
            || ["collapsed", "already_huge"].contains(&name)
            || name.starts_with("failed_")
    };
    for (name, value) in figures.iter().filter(|(name, _)| !is_outcome(name)) {
        if let Some(name) = name.strip_suffix("_ns") {
            let name = if name == "total" { "extent" } else { name };
            let metric = format!("{name}_seconds");
            text.family(&metric, &help(name));
            text.sample(&metric, "", &seconds(*value));
        } else {
            text.family(name, &help(name));
            text.sample(name, "", value);
        }
    }
    text.0
}

/// Counters in Prometheus's text format.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, help: &str) {
        let name = format!("shmem_collapse_{name}_total");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} counter");
    }

    fn sample(&mut self, name: &str, labels: &str, value: &impl Display) {
        let _ = writeln!(self.0, "shmem_collapse_{name}_total{labels} {value}");
    }
}

fn help(name: &str) -> String {
    match name {
        "requests" => "Requests made.".into(),
        "attempts" => "Attempts at extents; one that is in use takes several.".into(),
        "pmds_mapped" => "Page tables replaced by a huge mapping.".into(),
        "page_tables_freed" => "Page tables freed.".into(),
        "pages_swapped_in" => "Pages read back from swap.".into(),
        "holes_filled" => "Holes filled with zeroes.".into(),
        "lru_drains" => "Times the LRU batches of all CPUs were drained.".into(),
        "waited" => "Time that requests waited for extents that were in use.".into(),
        "copy" => "Time spent copying.".into(),
        "extent" => "Time spent on extents, those of several workers added up.".into(),
        other => format!("The module's figure '{other}'."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        [
            ("already_huge", 1),
            ("collapsed", 2),
            ("copy_ns", 1_500_000_000),
            ("extents", 4),
            ("failed", 1),
            ("failed_lru", 0),
            ("failed_pinned", 1),
            ("requests", 3),
            ("total_ns", 2_000_000_000),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    #[test]
    fn metrics_count_each_extent_once() {
        let text = metrics(&figures());
        for line in [
            "# TYPE shmem_collapse_extents_total counter",
            "shmem_collapse_extents_total{outcome=\"already_huge\"} 1",
            "shmem_collapse_extents_total{outcome=\"collapsed\"} 2",
            "shmem_collapse_extents_total{outcome=\"lru\"} 0",
            "shmem_collapse_extents_total{outcome=\"pinned\"} 1",
            "shmem_collapse_requests_total 3",
            "shmem_collapse_copy_seconds_total 1.5",
            "shmem_collapse_extent_seconds_total 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}: {text}");
        }
        assert!(!text.contains("failed"));
    }

    #[test]
    fn table_names_reasons_that_occurred() {
        let text = table(&figures());
        assert!(text.contains("failed: pinned"));
        assert!(!text.contains("lru"));
        assert!(text.contains("1.500 s"));
    }
}
