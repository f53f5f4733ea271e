// SPDX-License-Identifier: GPL-2.0

//! What a request came to, in words, a table or JSON.

use crate::{
    name::{Name, harmless},
    request::{Done, Request},
    survey::{Cell, Kind},
};
use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::BinaryBytes;
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

/// What to do about extents that are not huge, by outcome.
const ADVICE: [(&str, &str); 22] = [
    (
        "misaligned",
        "the program has to map it at another address: set shmem_enabled=advise and start it anew, or ask by file",
    ),
    (
        "not_shmem",
        "the range has other memory too: leave it out of the range",
    ),
    (
        "thp_disabled",
        "huge pages are refused: look at MADV_NOHUGEPAGE, prctl and shmem_enabled",
    ),
    ("frozen", "wait until the live update is over"),
    (
        "zone",
        "a driver wants this memory elsewhere: nothing can be done",
    ),
    ("unmapped", "nothing is mapped there: see /proc/PID/maps"),
    (
        "no_huge_page",
        "no huge page is free: write 1 to direct_reclaim, or to /proc/sys/vm/compact_memory",
    ),
    ("no_memory", "memory has run out: free some"),
    (
        "memcg_limit",
        "raise the memory limit of its cgroup by a huge page for each worker",
    ),
    ("locked", "busy: try again"),
    (
        "pinned",
        "pinned for DMA: ask before the memory is registered (io_uring, RDMA, VFIO)",
    ),
    (
        "vma_busy",
        "the process was changing its mappings: try again",
    ),
    ("filled", "it was being filled: try when that is done"),
    ("lru", "in use for a moment: try again"),
    ("raced", "it changed meanwhile: try again"),
    (
        "too_many_holes",
        "raise max_ptes_none if memory may be spent on holes",
    ),
    (
        "too_many_swapped",
        "raise max_ptes_swap if pages may be read back",
    ),
    (
        "uffd_missing",
        "a userfaultfd fills this memory: try when it is done",
    ),
    (
        "uffd_armed",
        "a userfaultfd watches this mapping: ask by file",
    ),
    (
        "no_space",
        "the tmpfs is full: raise its size, or lower max_ptes_none",
    ),
    (
        "no_quota",
        "the quota is used up: raise it, or lower max_ptes_none",
    ),
    ("poisoned", "a page is broken: see the kernel log"),
];

/// An outcome that is no failure to speak of, but no huge page either.
const EMPTY: &str = "nothing is there yet";

fn advice(outcome: &str) -> &'static str {
    match ADVICE.iter().find(|(name, _)| *name == outcome) {
        Some((_, advice)) => advice,
        None if outcome == "empty" => EMPTY,
        None => "see the manual",
    }
}

/// A figure's name for people.
pub(crate) fn word(name: &str) -> String {
    name.replace('_', " ")
}

pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

fn failures(done: &Done) -> BTreeMap<&str, u64> {
    done.figures
        .iter()
        .filter_map(|(name, count)| Some((name.strip_prefix("failed_")?, *count)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// A request and what came of it.
pub(crate) struct Report<'a> {
    pub(crate) request: &'a Request,
    /// How many there were to try.
    pub(crate) extents: u64,
    pub(crate) extent_bytes: u64,
    pub(crate) done: &'a Done,
}

impl Report<'_> {
    /// For programs.
    pub(crate) fn summary(&self) -> Value {
        let Self { done, .. } = self;
        let target = match self.request {
            Request::Process(pid) | Request::Range(pid, _) => json!({ "pid": pid }),
            Request::File(path, _) => json!({ "file": Name::from(path.as_path()) }),
        };
        json!({
            "target": target,
            "extent_bytes": self.extent_bytes,
            "extents": self.extents,
            "tried": done.figure("extents"),
            "collapsed": done.figure("collapsed"),
            "already_huge": done.figure("already_huge"),
            "failed": done.figure("failed"),
            "outcomes": failures(done),
            "pmds_mapped": done.figure("pmds_mapped"),
            "page_tables_freed": done.figure("page_tables_freed"),
            "holes_filled": done.figure("holes_filled"),
            "pages_swapped_in": done.figure("pages_swapped_in"),
            "copy_seconds": done.figure("copy_ns") as f64 / 1e9,
            "elapsed_seconds": done.elapsed.as_secs_f64(),
            "all_huge": done.all_huge,
            "interrupted": done.interrupted,
            // The module answers each request for itself.
            "counts_include_others": false,
        })
    }

    /// For people.
    pub(crate) fn print(&self) -> io::Result<()> {
        let Self { extents, done, .. } = self;
        let mut out = anstream::stdout().lock();
        if *extents == 0 {
            return writeln!(out, "There is no extent of shared memory to make huge.");
        }
        let mut rows = table();
        for name in ["collapsed", "already_huge"] {
            rows.add_row([word(name), done.figure(name).to_string(), String::new()]);
        }
        for (outcome, count) in failures(done) {
            rows.add_row([word(outcome), count.to_string(), advice(outcome).into()]);
        }
        writeln!(out, "{}", lines(rows))?;
        let tried = done.figure("extents");
        let seconds = done.elapsed.as_secs_f64();
        writeln!(
            out,
            "{tried} of {extents} extents tried in {seconds:.1} s ({:.0} per second, {} made huge)",
            tried as f64 / seconds.max(1e-6),
            BinaryBytes(done.figure("collapsed").saturating_mul(self.extent_bytes)),
        )?;
        let freed = done.figure("page_tables_freed");
        if freed > 0 {
            let bytes = freed.saturating_mul(rustix::param::page_size() as u64);
            writeln!(out, "{freed} page tables freed ({})", BinaryBytes(bytes))?;
        }
        if done.interrupted {
            writeln!(
                out,
                "Interrupted. What was made huge stays so; the same command goes on."
            )?;
        }
        Ok(())
    }
}

/// Tells on standard error what could not be looked at.
pub(crate) fn problems(problems: &[String]) {
    for problem in problems {
        anstream::eprintln!("shmem-collapse: {}", harmless(problem));
    }
}

/// A table without lines.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table
}

/// The text of a table whose second column has numbers.
pub(crate) fn lines(mut table: Table) -> String {
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(column) = table.column_mut(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// What there is to do, as a survey sees it.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub(crate) struct Outlook {
    extents: u64,
    huge: u64,
    to_collapse: u64,
    empty: u64,
    pages_to_copy: u64,
    pages_to_read_from_swap: u64,
}

impl Outlook {
    /// Extents that have pages, and the number of those that have none.
    pub(crate) fn of(cells: &[Cell], holes: u64) -> Self {
        let count = |is: fn(Kind) -> bool| cells.iter().filter(|cell| is(cell.kind)).count() as u64;
        let is_huge = |kind| matches!(kind, Kind::Huge | Kind::HugeMapped);
        let work = || cells.iter().filter(|cell| !is_huge(cell.kind));
        let huge = count(is_huge);
        let empty = count(|kind| kind == Kind::Hole);
        let with_cells = cells.len() as u64;
        Self {
            extents: with_cells.saturating_add(holes),
            huge,
            to_collapse: with_cells - huge - empty,
            empty: empty.saturating_add(holes),
            pages_to_copy: work().map(|cell| cell.extent.present).sum(),
            pages_to_read_from_swap: work().map(|cell| cell.extent.swapped).sum(),
        }
    }

    pub(crate) fn all_huge(&self) -> bool {
        self.huge == self.extents
    }

    pub(crate) fn print(&self) -> io::Result<()> {
        let mut rows = table();
        for (what, count) in [
            ("extents", self.extents),
            ("already huge", self.huge),
            ("to collapse", self.to_collapse),
            ("nothing there yet", self.empty),
            ("pages to copy", self.pages_to_copy),
            ("pages to read from swap", self.pages_to_read_from_swap),
        ] {
            rows.add_row([what.to_owned(), count.to_string()]);
        }
        writeln!(anstream::stdout(), "{}", lines(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::X86, module::Figures, survey::Extent};
    use std::time::Duration;

    fn figures(list: &[(&str, u64)]) -> Figures {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    #[test]
    fn summary_for_programs() {
        let done = Done {
            figures: figures(&[
                ("extents", 3),
                ("collapsed", 2),
                ("failed", 1),
                ("failed_pinned", 1),
                ("failed_lru", 0),
            ]),
            all_huge: false,
            interrupted: true,
            elapsed: Duration::from_millis(1500),
        };
        let value = Report {
            request: &Request::File("/dev/shm/a".into(), 0..8 << 20),
            extents: 4,
            extent_bytes: X86.extent,
            done: &done,
        }
        .summary();
        assert_eq!(value["target"]["file"], "/dev/shm/a");
        assert_eq!(value["extents"], 4);
        assert_eq!(value["tried"], 3);
        assert_eq!(value["outcomes"], json!({ "pinned": 1 }));
        assert_eq!(value["elapsed_seconds"], 1.5);
        assert_eq!(value["all_huge"], false);
    }

    #[test]
    fn outlook_counts_what_is_to_do() {
        let cell = |kind, present, swapped| Cell {
            at: 0,
            kind,
            extent: Extent {
                present,
                swapped,
                ..Extent::default()
            },
        };
        let cells = [
            cell(Kind::HugeMapped, 512, 0),
            cell(Kind::Huge, 512, 0),
            cell(Kind::Small, 500, 3),
            cell(Kind::Swapped, 2, 510),
            cell(Kind::Hole, 0, 0),
        ];
        let outlook = Outlook::of(&cells, 0);
        assert_eq!(
            outlook,
            Outlook {
                extents: 5,
                huge: 2,
                to_collapse: 2,
                empty: 1,
                pages_to_copy: 502,
                pages_to_read_from_swap: 513,
            }
        );
        assert!(!outlook.all_huge());
        assert!(Outlook::of(&cells[..2], 0).all_huge());
        let sparse = Outlook::of(&cells[..4], 1 << 40);
        assert_eq!((sparse.extents, sparse.empty), ((1 << 40) + 4, 1 << 40));
        assert_eq!(sparse.to_collapse, 2);
    }

    #[test]
    fn every_outcome_has_an_advice() {
        let outcomes = include_str!("../../../rust/collapse/outcome.rs");
        let names: Vec<_> = outcomes
            .lines()
            .filter(|line| line.contains("Some(E"))
            .filter_map(|line| line.split('"').nth(1))
            .collect();
        assert_eq!(names.len(), ADVICE.len() + 1);
        for name in names {
            assert_ne!(advice(name), "see the manual", "{name}");
        }
    }
}
