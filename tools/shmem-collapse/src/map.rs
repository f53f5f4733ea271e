// SPDX-License-Identifier: GPL-2.0

//! `map`: a picture of memory, one cell for each extent.

use crate::{
    Verdict,
    cli::MapArgs,
    machine::{self, Geometry},
    shmem::{self, Memory},
    survey::{self, Cell, Kind},
};
use anstyle::{AnsiColor, Color, Style};
use anyhow::Result;
use indicatif::BinaryBytes;
use serde::Serialize;
use std::{
    env,
    io::{self, Write},
};

/// Cells in a row: 128 MiB of 2 MiB extents.
const ROW: usize = 64;

const KINDS: [Kind; 6] = [
    Kind::HugeMapped,
    Kind::Huge,
    Kind::PartlyHuge,
    Kind::Small,
    Kind::Swapped,
    Kind::Hole,
];

/// How a kind is drawn.
struct Look {
    block: char,
    ascii: char,
    color: Option<AnsiColor>,
    dimmed: bool,
}

impl Kind {
    fn look(self) -> Look {
        let look = |block, ascii, color| Look {
            block,
            ascii,
            color: Some(color),
            dimmed: false,
        };
        match self {
            Self::HugeMapped => look('█', '#', AnsiColor::Green),
            Self::Huge => look('▓', 'H', AnsiColor::Cyan),
            Self::PartlyHuge => look('▒', '%', AnsiColor::Yellow),
            Self::Small => look('░', '-', AnsiColor::Red),
            Self::Swapped => look('~', '~', AnsiColor::Magenta),
            Self::Hole => Look {
                block: '·',
                ascii: '.',
                color: None,
                dimmed: true,
            },
        }
    }

    fn meaning(self, of_process: bool) -> &'static str {
        match self {
            Self::HugeMapped => "huge, and mapped huge here",
            Self::Huge if of_process => "huge, but mapped in small pieces here, or not yet",
            Self::Huge => "huge",
            Self::PartlyHuge => "partly huge",
            Self::Small => "small pages",
            Self::Swapped => "mostly in swap",
            Self::Hole => "nothing yet",
        }
    }
}

/// Some memory to draw: a mapping or a file.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) title: String,
    pub(crate) bytes: u64,
    pub(crate) note: Option<&'static str>,
    pub(crate) cells: Vec<Cell>,
}

/// Pages by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    extents: u64,
    huge_extents: u64,
    huge_mapped_extents: u64,
    huge_bytes: u64,
    huge_mapped_bytes: u64,
    small_bytes: u64,
    swapped_bytes: u64,
}

impl Totals {
    pub(crate) fn of<'c>(cells: impl IntoIterator<Item = &'c Cell>, geometry: Geometry) -> Self {
        let mut totals = Self::default();
        for cell in cells {
            let present = cell.extent.present * geometry.page;
            totals.extents += 1;
            totals.swapped_bytes += cell.extent.swapped * geometry.page;
            match cell.kind {
                Kind::HugeMapped | Kind::Huge => {
                    totals.huge_extents += 1;
                    totals.huge_bytes += present;
                }
                _ => totals.small_bytes += present,
            }
            if cell.kind == Kind::HugeMapped {
                totals.huge_mapped_extents += 1;
                totals.huge_mapped_bytes += present;
            }
        }
        totals
    }
}

pub(crate) fn show(args: &MapArgs) -> Result<Verdict> {
    let geometry = Geometry::of_machine()?;
    let pieces = match (args.pid, &args.file) {
        (Some(pid), _) => of_process(pid, geometry)?,
        (None, Some(path)) => {
            shmem::check_file(path)?;
            let cells = survey::file(path, geometry)?;
            vec![Piece {
                title: path.display().to_string(),
                bytes: std::fs::metadata(path)?.len(),
                note: None,
                cells,
            }]
        }
        (None, None) => unreachable!("clap wants one of them"),
    };
    if args.json {
        json(&pieces, geometry)?;
        return Ok(Verdict::Huge);
    }
    let picture = Picture {
        geometry,
        of_process: args.pid.is_some(),
        ascii: args.ascii || !is_utf8(),
    };
    let mut out = anstream::stdout().lock();
    if !args.quiet {
        picture.draw(&mut out, &pieces)?;
    }
    picture.totals(&mut out, &pieces)?;
    if args.pid.is_some() && !machine::is_root() {
        anstream::eprintln!(
            "Without root only what this process itself has touched is seen: run it with sudo."
        );
    }
    Ok(Verdict::Huge)
}

fn of_process(pid: i32, geometry: Geometry) -> Result<Vec<Piece>> {
    let mut memory = Memory::of(pid)?;
    memory
        .mappings()?
        .iter()
        .map(|mapping| {
            let (start, end) = (mapping.addresses.start, mapping.addresses.end);
            Ok(Piece {
                title: format!("{start:x}-{end:x} {} {}", mapping.permissions, mapping.name),
                bytes: end - start,
                note: (!mapping.is_aligned(geometry)).then_some(
                    "this address does not suit huge pages: see shmem_enabled=advise in the manual",
                ),
                cells: survey::mapping(&memory, mapping, geometry)?,
            })
        })
        .collect()
}

/// Whether the terminal shows more than ASCII: the first of these that is set
/// decides, as for the C library.
fn is_utf8() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(env::var_os)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_string_lossy().to_ascii_lowercase();
            value.ends_with("utf-8") || value.ends_with("utf8")
        })
}

struct Picture {
    geometry: Geometry,
    of_process: bool,
    ascii: bool,
}

impl Picture {
    fn draw(&self, out: &mut impl Write, pieces: &[Piece]) -> io::Result<()> {
        for piece in pieces {
            let bold = Style::new().bold();
            writeln!(
                out,
                "{bold}{}{bold:#}  {}",
                piece.title,
                BinaryBytes(piece.bytes)
            )?;
            if let Some(note) = piece.note {
                writeln!(out, "  ({note})")?;
            }
            self.rows(out, &piece.cells)?;
        }
        self.legend(out, pieces)
    }

    /// Full rows that repeat the one before are drawn once, however many.
    fn rows(&self, out: &mut impl Write, cells: &[Cell]) -> io::Result<()> {
        let mut before: Option<Vec<Kind>> = None;
        let mut repeated = 0;
        for row in cells.chunks(ROW) {
            let kinds: Vec<_> = row.iter().map(|cell| cell.kind).collect();
            if before.as_ref() == Some(&kinds) && kinds.len() == ROW {
                repeated += 1;
                continue;
            }
            self.repetition(out, repeated)?;
            repeated = 0;
            write!(out, "{:>14x} |", row[0].at)?;
            for run in kinds.chunk_by(|left, right| left == right) {
                let style = self.style(run[0]);
                let text: String = run.iter().map(|kind| self.symbol(*kind)).collect();
                write!(out, "{style}{text}{style:#}")?;
            }
            writeln!(out, "|")?;
            before = Some(kinds);
        }
        self.repetition(out, repeated)
    }

    fn repetition(&self, out: &mut impl Write, rows: u64) -> io::Result<()> {
        match rows {
            0 => Ok(()),
            rows => {
                let bytes = rows * ROW as u64 * self.geometry.extent;
                writeln!(
                    out,
                    "{:>14} |{}| the same for {} more",
                    "*",
                    " ".repeat(ROW),
                    BinaryBytes(bytes)
                )
            }
        }
    }

    fn symbol(&self, kind: Kind) -> char {
        let look = self.look(kind);
        if self.ascii { look.ascii } else { look.block }
    }

    /// Nothing is better than a huge page where there is no process to map it.
    fn look(&self, kind: Kind) -> Look {
        match kind {
            Kind::Huge if !self.of_process => Kind::HugeMapped.look(),
            _ => kind.look(),
        }
    }

    fn style(&self, kind: Kind) -> Style {
        let look = self.look(kind);
        let style = Style::new().fg_color(look.color.map(Color::Ansi));
        if look.dimmed { style.dimmed() } else { style }
    }

    fn legend(&self, out: &mut impl Write, pieces: &[Piece]) -> io::Result<()> {
        let cells = || pieces.iter().flat_map(|piece| &piece.cells);
        if cells().next().is_none() {
            return Ok(());
        }
        writeln!(out, "\nOne cell is {}:", BinaryBytes(self.geometry.extent))?;
        for kind in KINDS {
            let count = cells().filter(|cell| cell.kind == kind).count();
            if kind == Kind::HugeMapped && !self.of_process {
                continue;
            }
            let style = self.style(kind);
            writeln!(
                out,
                "  {style}{}{style:#} {:>7}  {}",
                self.symbol(kind),
                count,
                kind.meaning(self.of_process)
            )?;
        }
        Ok(())
    }

    fn totals(&self, out: &mut impl Write, pieces: &[Piece]) -> io::Result<()> {
        let totals = Totals::of(pieces.iter().flat_map(|piece| &piece.cells), self.geometry);
        if totals.extents == 0 {
            return writeln!(out, "There is no shared memory.");
        }
        write!(out, "Huge: {}", BinaryBytes(totals.huge_bytes))?;
        if self.of_process {
            write!(
                out,
                " (mapped huge: {})",
                BinaryBytes(totals.huge_mapped_bytes)
            )?;
        }
        writeln!(
            out,
            ", small: {}, in swap: {}; {} of {} extents are huge",
            BinaryBytes(totals.small_bytes),
            BinaryBytes(totals.swapped_bytes),
            totals.huge_extents,
            totals.extents
        )
    }
}

fn json(pieces: &[Piece], geometry: Geometry) -> Result<()> {
    let pieces: Vec<_> = pieces
        .iter()
        .map(|piece| {
            let extents: Vec<_> = piece
                .cells
                .iter()
                .map(|cell| {
                    serde_json::json!({
                        "at": cell.at,
                        "kind": cell.kind,
                        "present_pages": cell.extent.present,
                        "swapped_pages": cell.extent.swapped,
                    })
                })
                .collect();
            serde_json::json!({
                "title": piece.title,
                "bytes": piece.bytes,
                "aligned": piece.note.is_none(),
                "totals": Totals::of(&piece.cells, geometry),
                "extents": extents,
            })
        })
        .collect();
    crate::report::print_json(&serde_json::json!({
        "extent_bytes": geometry.extent,
        "page_bytes": geometry.page,
        "memory": pieces,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{machine::X86, survey::Extent};

    fn cells(kinds: &[(Kind, usize)]) -> Vec<Cell> {
        kinds
            .iter()
            .flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count))
            .zip(0u64..)
            .map(|(kind, index)| Cell {
                at: 0x7f00_0000_0000 + index * X86.extent,
                kind,
                extent: Extent {
                    present: if kind == Kind::Hole { 0 } else { 512 },
                    swapped: u64::from(kind == Kind::Swapped),
                    huge: kind <= Kind::Huge,
                    partly: kind == Kind::PartlyHuge,
                },
            })
            .collect()
    }

    fn drawn(cells: Vec<Cell>, ascii: bool) -> String {
        drawn_as(cells, ascii, true)
    }

    fn drawn_as(cells: Vec<Cell>, ascii: bool, of_process: bool) -> String {
        let picture = Picture {
            geometry: X86,
            of_process,
            ascii,
        };
        let pieces = [Piece {
            title: "7f0000000000-7f0000c00000 rw-s /dev/shm/a".into(),
            bytes: cells.len() as u64 * X86.extent,
            note: None,
            cells,
        }];
        let mut out = anstream::StripStream::new(Vec::new());
        picture.draw(&mut out, &pieces).unwrap();
        picture.totals(&mut out, &pieces).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    #[test]
    fn every_kind_has_its_symbol() {
        let all: Vec<_> = KINDS.iter().map(|kind| (*kind, 1)).collect();
        assert!(drawn(cells(&all), false).contains("  7f0000000000 |█▓▒░~·|\n"));
        assert!(drawn(cells(&all), true).contains("  7f0000000000 |#H%-~.|\n"));
    }

    #[test]
    fn a_huge_page_of_a_file_is_drawn_solid() {
        let text = drawn_as(cells(&[(Kind::Huge, 2)]), true, false);
        assert!(text.contains("|##|"), "{text}");
        assert!(!text.contains("mapped"), "{text}");
    }

    #[test]
    fn a_whole_picture() {
        let expected = "\
7f0000000000-7f0000c00000 rw-s /dev/shm/a  136.00 MiB
  7f0000000000 |################################################################|
  7f0008000000 |---.|

One cell is 2.00 MiB:
  #      64  huge, and mapped huge here
  H       0  huge, but mapped in small pieces here, or not yet
  %       0  partly huge
  -       3  small pages
  ~       0  mostly in swap
  .       1  nothing yet
Huge: 128.00 MiB (mapped huge: 128.00 MiB), small: 6.00 MiB, in swap: 0 B; 64 of 68 extents are huge
";
        let cells = cells(&[(Kind::HugeMapped, 64), (Kind::Small, 3), (Kind::Hole, 1)]);
        assert_eq!(drawn(cells, true), expected);
    }

    #[test]
    fn rows_that_repeat_are_drawn_once() {
        let text = drawn(cells(&[(Kind::Hole, 64 * 100), (Kind::Small, 1)]), true);
        assert_eq!(text.lines().filter(|line| line.contains("|..")).count(), 1);
        assert!(text.contains("the same for 12.38 GiB more"), "{text}");
        assert!(text.contains("  7f0320000000 |-|\n"), "{text}");
    }

    #[test]
    fn totals_count_pages() {
        let cells = cells(&[(Kind::HugeMapped, 1), (Kind::Huge, 2), (Kind::Swapped, 1)]);
        let totals = Totals::of(&cells, X86);
        assert_eq!(totals.huge_extents, 3);
        assert_eq!(totals.huge_mapped_bytes, 2 << 20);
        assert_eq!(totals.small_bytes, 2 << 20);
        assert_eq!(totals.swapped_bytes, 4096);
    }
}
