// SPDX-License-Identifier: GPL-2.0

//! `tables`: what page tables hold, mapping by mapping, or those of the kernel.

use crate::{
    Verdict, cli::TablesArgs, machine::Geometry, map::is_utf8, module::Figures, name::Name,
    proc::Proc, report,
};
use anyhow::{Context, Result, anyhow, bail};
use indicatif::BinaryBytes;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::FileExt,
};

const FILE: &str = "/sys/kernel/debug/shmem_collapse/page_tables";

/// Longer than any answer.
const ANSWER_BYTES: usize = 1 << 21;

/// Cells of a bar.
const CELLS: u64 = 64;

pub(crate) fn show(args: &TablesArgs) -> Result<Verdict> {
    let file = open()?;
    let ask = |request: &str| -> Result<String> {
        file.write_at(request.as_bytes(), 0)
            .map_err(|error| refused(&error, args.pid))?;
        let mut text = vec![0; ANSWER_BYTES];
        let read = file.read_at(&mut text, 0)?;
        text.truncate(read);
        Ok(String::from_utf8_lossy(&text).into_owned())
    };
    match args.pid {
        Some(pid) => {
            let range = args.range.clone().unwrap_or(0..u64::MAX);
            let whole = args.range.is_none();
            let first = if whole {
                pid.to_string()
            } else {
                format!("{pid},{:#x},{:#x}", range.start, range.end)
            };
            let goes_on = |from: &str| format!("{pid},{from},{:#x}", range.end);
            let lines = answers(ask, first, goes_on)?;
            of_process(pid, &lines, args)?;
        }
        None => of_kernel(&answers(ask, "kernel".into(), |_| String::new())?, args)?,
    }
    Ok(Verdict::Huge)
}

fn open() -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).open(FILE);
    file.map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            anyhow!("only root may look at page tables, and nobody where the kernel is locked down")
        }
        ErrorKind::NotFound => anyhow!(
            "there is no {FILE}: load the module (modprobe shmem_collapse), \
             and mount debugfs on /sys/kernel/debug"
        ),
        _ => anyhow!("{FILE} cannot be opened: {error}"),
    })
}

fn refused(error: &io::Error, pid: Option<i32>) -> anyhow::Error {
    match (error.kind(), error.raw_os_error(), pid) {
        (_, Some(libc::ESRCH), Some(pid)) => anyhow!("there is no process {pid}"),
        (ErrorKind::PermissionDenied, _, Some(pid)) => {
            anyhow!("the page tables of process {pid} may not be looked at")
        }
        (ErrorKind::PermissionDenied, ..) => {
            anyhow!("the kernel is locked down: its page tables may not be looked at")
        }
        _ => anyhow!("the module refuses: {error}"),
    }
}

/// A line of an answer: what it is about, and its figures.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    words: Vec<String>,
    figures: Figures,
}

impl Line {
    fn parse(text: &str) -> Self {
        let mut line = Self {
            words: Vec::new(),
            figures: Figures::new(),
        };
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let figure = word.split_once('=').and_then(|(name, value)| {
                let value = value.parse().ok()?;
                Some((name.to_owned(), value))
            });
            match figure {
                Some((name, value)) => {
                    line.figures.insert(name, value);
                }
                None => line.words.push(word.to_owned()),
            }
        }
        line
    }

    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    fn get(&self, name: &str) -> u64 {
        self.figures.get(name).copied().unwrap_or(0)
    }

    /// The addresses that the line begins with, or has behind its name.
    fn addresses(&self) -> Option<(u64, u64)> {
        self.words.iter().find_map(|word| {
            let (start, end) = word.split_once('-')?;
            let number = |text| u64::from_str_radix(text, 16).ok();
            Some((number(start)?, number(end)?))
        })
    }

    /// Bytes in pages of `prefix`, of any size, that are of this kind.
    fn bytes(&self, prefix: &str, kind: &str) -> u64 {
        let figures = self.figures.iter();
        figures
            .filter_map(|(name, count)| {
                let rest = name.strip_prefix(prefix)?.strip_suffix(kind)?;
                let kilobytes: u64 = rest.split("kB").next()?.parse().ok()?;
                Some(count.saturating_mul(kilobytes * 1024))
            })
            .sum()
    }
}

/// All lines of as many answers as it takes, one total at the end.
fn answers(
    mut ask: impl FnMut(&str) -> Result<String>,
    first: String,
    goes_on: impl Fn(&str) -> String,
) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut total: Option<Line> = None;
    let mut next = Some(first);
    while let Some(request) = next.take() {
        for line in ask(&request)?.lines().map(Line::parse) {
            match line.word(0) {
                "more" => next = Some(goes_on(line.word(1))),
                "total" => total = Some(sum(total.take(), line)),
                "" => bail!("{FILE} has an answer that cannot be read"),
                _ => lines.push(line),
            }
        }
    }
    lines.extend(total);
    Ok(lines)
}

/// A table on the border of two answers counts twice.
fn sum(before: Option<Line>, line: Line) -> Line {
    let Some(mut both) = before else {
        return line;
    };
    for (name, value) in line.figures {
        *both.figures.entry(name).or_default() += value;
    }
    both
}

fn of_process(pid: i32, lines: &[Line], args: &TablesArgs) -> Result<()> {
    let names = names(pid);
    let name = |line: &Line| {
        let start = line.addresses().map_or(0, |(start, _)| start);
        names.get(&start).cloned()
    };
    if args.json {
        let mappings: Vec<_> = lines.iter().map(|line| value(line, name(line))).collect();
        return report::print_json(&json!({ "pid": pid, "mappings": mappings }));
    }
    let geometry = Geometry::of_machine()?;
    let bar = Bar {
        cells: if args.ascii || !is_utf8() {
            ASCII
        } else {
            UNICODE
        },
        page: geometry.page,
    };
    let mut out = anstream::stdout().lock();
    for line in lines {
        match line.addresses() {
            Some((start, end)) => {
                let name = name(line).unwrap_or_default();
                let size = BinaryBytes(end - start);
                writeln!(out, "{} {name}  {size}", line.word(0))?;
                writeln!(out, "  |{}|", bar.draw(line, end - start))?;
                writeln!(out, "  {}", words(line))?;
            }
            None => writeln!(out, "\n{}", total(line))?,
        }
    }
    let [huge, small, swapped, rest] = bar.cells;
    writeln!(
        out,
        "\nA bar is all of a mapping: {huge} huge, {small} small pages, {swapped} swapped, \
         {rest} nothing."
    )?;
    Ok(())
}

/// The names of a process's mappings, by address. One that has ended has none.
fn names(pid: i32) -> BTreeMap<u64, Name> {
    let mut names = BTreeMap::new();
    let _ = Proc::at("/proc").areas(pid, |area| {
        names.insert(area.addresses.start, Name::of_maps(area.name));
    });
    names
}

fn value(line: &Line, name: Option<Name>) -> Value {
    let mut value = json!(line.figures);
    if let (Some(object), Some((start, end))) = (value.as_object_mut(), line.addresses()) {
        object.insert("start".into(), json!(format!("{start:x}")));
        object.insert("end".into(), json!(format!("{end:x}")));
    }
    if let (Some(object), Some(name)) = (value.as_object_mut(), name) {
        object.insert("name".into(), json!(name));
    }
    if let (Some(object), None) = (value.as_object_mut(), line.addresses()) {
        object.insert("what".into(), json!(line.word(0)));
    }
    value
}

const UNICODE: [char; 4] = ['█', '░', '~', '·'];
const ASCII: [char; 4] = ['#', '-', '~', '.'];

/// Draws the shares of a mapping.
struct Bar {
    cells: [char; 4],
    page: u64,
}

impl Bar {
    /// Each kind that there is has a cell at least.
    fn draw(&self, line: &Line, bytes: u64) -> String {
        let huge = line.bytes("huge_", "_page") + line.bytes("hugetlb_", "_page");
        let small = self.page * (line.get("page") + line.get("special"));
        let swapped = self.page * line.get("swap");
        let mut bar = String::new();
        let mut left = CELLS;
        let [huge_cell, small_cell, swapped_cell, rest] = self.cells;
        for (part, cell) in [
            (huge, huge_cell),
            (small, small_cell),
            (swapped, swapped_cell),
        ] {
            let share = u128::from(part) * u128::from(CELLS) / u128::from(bytes.max(1));
            let share = u64::try_from(share).unwrap_or(CELLS);
            let share = share.max(u64::from(part > 0)).min(left);
            bar.extend((0..share).map(|_| cell));
            left -= share;
        }
        bar.extend((0..left).map(|_| rest));
        bar
    }
}

/// The tables of a mapping, and what its entries say.
fn words(line: &Line) -> String {
    let tables = BinaryBytes(line.get("tables_kB") * 1024);
    let mut words = vec![format!("tables {tables}")];
    words.extend(rest(line));
    words.join(", ")
}

/// Figures by their names, but for the sum.
fn rest(line: &Line) -> impl Iterator<Item = String> + '_ {
    line.figures
        .iter()
        .filter(|(name, _)| *name != "tables_kB" && *name != "mappings")
        .map(|(name, count)| format!("{} {count}", report::word(name)))
}

fn total(line: &Line) -> String {
    let mappings = line.get("mappings");
    format!("{mappings} mappings: {}", words(line))
}

fn of_kernel(lines: &[Line], args: &TablesArgs) -> Result<()> {
    if args.json {
        let regions: Vec<_> = lines.iter().map(|line| value(line, None)).collect();
        return report::print_json(&json!({ "kernel": regions }));
    }
    let mut out = anstream::stdout().lock();
    for line in lines {
        let sizes = line.figures.iter().filter_map(|(name, count)| {
            let kilobytes: u64 = name.strip_suffix("kB_pages")?.parse().ok()?;
            Some((kilobytes, *count))
        });
        let mut sizes: Vec<_> = sizes.collect();
        sizes.sort_unstable();
        writeln!(out, "{}", line.words.join(" "))?;
        let all: u64 = sizes.iter().map(|(size, count)| size * count).sum();
        for (size, count) in sizes {
            let share = CELLS * size * count / all.max(1);
            let cell = if args.ascii || !is_utf8() { "#" } else { "█" };
            writeln!(
                out,
                "  {:>10} pages {count:>9} {:>12}  {}",
                BinaryBytes(size * 1024).to_string(),
                BinaryBytes(size * count * 1024).to_string(),
                cell.repeat(share as usize),
            )
            .context("standard output")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "200000-600000 pte_tables=1 tables_kB=12 none=256 page=128 swap=128 \
                        huge_2048kB_pmd_page=1 hugetlb_64kB_16pte_page=2";

    #[test]
    fn a_line_has_addresses_and_figures() {
        let line = Line::parse(LINE);
        assert_eq!(line.addresses(), Some((0x20_0000, 0x60_0000)));
        assert_eq!(line.get("page"), 128);
        assert_eq!(line.get("marker"), 0);
        assert_eq!(line.bytes("huge_", "_page"), 2 << 20);
        assert_eq!(line.bytes("hugetlb_", "_page"), 128 << 10);
        assert_eq!(Line::parse("vmalloc 4kB_pages=3").addresses(), None);
    }

    #[test]
    fn a_bar_shows_shares() {
        let bar = Bar {
            cells: ASCII,
            page: 4096,
        };
        let line = Line::parse("0-400000 huge_2048kB_pmd_page=1 page=256 swap=1");
        let drawn = bar.draw(&line, 4 << 20);
        let count = |cell| drawn.chars().filter(|drawn| *drawn == cell).count();
        assert_eq!(drawn.chars().count() as u64, CELLS);
        assert_eq!((count('#'), count('-'), count('~')), (32, 16, 1));
        // A range may cut what a huge entry maps.
        let cut = bar.draw(&line, 4096);
        assert_eq!(cut.chars().count() as u64, CELLS);
        assert_eq!(bar.draw(&Line::parse("0-0"), 0).len() as u64, CELLS);
    }

    #[test]
    fn answers_go_on() {
        let mut asked = Vec::new();
        let lines = answers(
            |request| {
                asked.push(request.to_owned());
                Ok(match asked.len() {
                    1 => "1000-2000 page=1\nmore 0x2000\ntotal mappings=1 page=1\n".into(),
                    _ => "2000-3000 page=2\ntotal mappings=1 page=2\n".into(),
                })
            },
            "7".into(),
            |from| format!("7,{from},0xf000"),
        )
        .unwrap();
        assert_eq!(asked, ["7", "7,0x2000,0xf000"]);
        assert_eq!(lines.len(), 3);
        let total = lines.last().unwrap();
        assert_eq!((total.get("mappings"), total.get("page")), (2, 3));
        assert!(answers(|_| Ok("\n".into()), "7".into(), |_| String::new()).is_err());
    }

    #[test]
    fn refusals_are_told() {
        let refused = |errno, pid| refused(&io::Error::from_raw_os_error(errno), pid).to_string();
        assert!(refused(libc::ESRCH, Some(7)).contains("no process 7"));
        assert!(refused(libc::EPERM, None).contains("locked down"));
        assert!(refused(libc::EACCES, Some(7)).contains("process 7"));
    }

    #[test]
    fn json_has_every_figure() {
        let value = value(&Line::parse(LINE), Some(Name::of_maps(b"/dev/shm/a")));
        assert_eq!(value["start"], "200000");
        assert_eq!(value["page"], 128);
        assert_eq!(value["name"], "/dev/shm/a");
    }
}
