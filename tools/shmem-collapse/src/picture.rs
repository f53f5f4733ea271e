// SPDX-License-Identifier: GPL-2.0

//! Draws memory: one cell for each extent.

use crate::{
    machine::Geometry,
    name::Name,
    shmem::Mapping,
    survey::{Kind, Strip},
};
use anstyle::{AnsiColor, Color, Style};
use indicatif::BinaryBytes;
use serde::Serialize;
use std::io::{self, Write};

/// Cells in a row: 128 MiB of 2 MiB extents.
const ROW: u64 = 64;

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
    pub(crate) name: Name,
    pub(crate) bytes: u64,
    pub(crate) note: Option<&'static str>,
    pub(crate) strip: Strip,
}

impl Piece {
    pub(crate) fn of_mapping(mapping: &Mapping, strip: Strip, geometry: Geometry) -> Self {
        let (start, end) = (mapping.addresses.start, mapping.addresses.end);
        Self {
            title: format!("{start:x}-{end:x} {} {}", mapping.permissions, mapping.name),
            name: mapping.name.clone(),
            bytes: end - start,
            note: (!mapping.is_aligned(geometry)).then_some(
                "this address does not suit huge pages: see shmem_enabled=advise in the manual",
            ),
            strip,
        }
    }
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
    /// Extents of each kind, in the order of `KINDS`.
    #[serde(skip)]
    kinds: [u64; KINDS.len()],
}

impl Totals {
    pub(crate) fn of<'s>(strips: impl IntoIterator<Item = &'s Strip>, geometry: Geometry) -> Self {
        let mut totals = Self::default();
        for strip in strips {
            totals.add(strip, geometry);
        }
        totals
    }

    pub(crate) fn add(&mut self, strip: &Strip, geometry: Geometry) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.extents, strip.extents);
        self.count(Kind::Hole, strip.holes());
        for cell in &strip.cells {
            let present = cell.extent.present.saturating_mul(geometry.page);
            let swapped = cell.extent.swapped.saturating_mul(geometry.page);
            self.count(cell.kind, 1);
            add(&mut self.swapped_bytes, swapped);
            match cell.kind {
                Kind::HugeMapped | Kind::Huge => {
                    add(&mut self.huge_extents, 1);
                    add(&mut self.huge_bytes, present);
                }
                _ => add(&mut self.small_bytes, present),
            }
            if cell.kind == Kind::HugeMapped {
                add(&mut self.huge_mapped_extents, 1);
                add(&mut self.huge_mapped_bytes, present);
            }
        }
    }

    fn count(&mut self, kind: Kind, more: u64) {
        for (sum, of) in self.kinds.iter_mut().zip(KINDS) {
            if of == kind {
                *sum = sum.saturating_add(more);
            }
        }
    }
}

/// How memory is drawn.
pub(crate) struct Picture {
    pub(crate) geometry: Geometry,
    pub(crate) of_process: bool,
    pub(crate) ascii: bool,
}

impl Picture {
    pub(crate) fn draw(&self, out: &mut impl Write, piece: &Piece) -> io::Result<()> {
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
        self.rows(out, &piece.strip)
    }

    /// Full rows that repeat the one before are drawn once, however many.
    fn rows(&self, out: &mut impl Write, strip: &Strip) -> io::Result<()> {
        let mut before: Option<Vec<Kind>> = None;
        let mut repeated = 0;
        let mut at = 0;
        for (kinds, times) in rows(strip) {
            let is_full = kinds.len() as u64 == ROW;
            if is_full && before.as_ref() == Some(&kinds) {
                repeated += times;
            } else {
                self.repetition(out, repeated)?;
                repeated = times - 1;
                self.row(out, strip.at(at), &kinds)?;
            }
            at += times * ROW;
            before = Some(kinds);
        }
        self.repetition(out, repeated)
    }

    fn row(&self, out: &mut impl Write, at: u64, kinds: &[Kind]) -> io::Result<()> {
        write!(out, "{at:>14x} |")?;
        for run in kinds.chunk_by(|left, right| left == right) {
            let Some(first) = run.first() else { continue };
            let style = self.style(*first);
            let text: String = run.iter().map(|kind| self.symbol(*kind)).collect();
            write!(out, "{style}{text}{style:#}")?;
        }
        writeln!(out, "|")
    }

    fn repetition(&self, out: &mut impl Write, rows: u64) -> io::Result<()> {
        match rows {
            0 => Ok(()),
            rows => {
                let bytes = rows
                    .saturating_mul(ROW)
                    .saturating_mul(self.geometry.extent);
                writeln!(
                    out,
                    "{:>14} |{}| the same for {} more",
                    "*",
                    " ".repeat(ROW as usize),
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

    pub(crate) fn legend(&self, out: &mut impl Write, totals: &Totals) -> io::Result<()> {
        if totals.extents == 0 {
            return Ok(());
        }
        writeln!(out, "\nOne cell is {}:", BinaryBytes(self.geometry.extent))?;
        for (kind, count) in KINDS.into_iter().zip(totals.kinds) {
            if kind == Kind::HugeMapped && !self.of_process {
                continue;
            }
            let style = self.style(kind);
            writeln!(
                out,
                "  {style}{}{style:#} {count:>7}  {}",
                self.symbol(kind),
                kind.meaning(self.of_process)
            )?;
        }
        Ok(())
    }

    pub(crate) fn totals(&self, out: &mut impl Write, totals: &Totals) -> io::Result<()> {
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

/// The rows of a picture, each with how many times it is there one after another:
/// a stretch of holes is one row.
pub(crate) fn rows(strip: &Strip) -> impl Iterator<Item = (Vec<Kind>, u64)> + '_ {
    let mut cells = strip.cells.iter().peekable();
    let mut done = 0;
    std::iter::from_fn(move || {
        let left = strip.extents.checked_sub(done).filter(|left| *left > 0)?;
        let len = left.min(ROW);
        let mut kinds = vec![Kind::Hole; len as usize];
        let mut is_empty = true;
        let end = done.saturating_add(len);
        while let Some(cell) = cells.next_if(|cell| strip.index(cell.at) < end) {
            let place = strip.index(cell.at).checked_sub(done);
            if let Some(kind) = place.and_then(|place| kinds.get_mut(place as usize)) {
                *kind = cell.kind;
                is_empty = false;
            }
        }
        let mut times = 1;
        if is_empty && len == ROW {
            let until = cells
                .peek()
                .map_or(strip.extents, |cell| strip.index(cell.at));
            times = (until.saturating_sub(done) / ROW).max(1);
        }
        done = done.saturating_add(times.saturating_mul(ROW));
        Some((kinds, times))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::X86,
        survey::{Cell, Extent, tests},
    };

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
        let piece = Piece {
            title: "7f0000000000-7f0000c00000 rw-s /dev/shm/a".into(),
            name: "/dev/shm/a".into(),
            bytes: cells.len() as u64 * X86.extent,
            note: None,
            strip: strip(cells),
        };
        let mut out = anstream::StripStream::new(Vec::new());
        let totals = Totals::of([&piece.strip], X86);
        picture.draw(&mut out, &piece).unwrap();
        picture.legend(&mut out, &totals).unwrap();
        picture.totals(&mut out, &totals).unwrap();
        String::from_utf8(out.into_inner()).unwrap()
    }

    /// As a survey has it: without cells for holes.
    fn strip(mut cells: Vec<Cell>) -> Strip {
        let start = 0x7f00_0000_0000;
        let mapping = tests::mapping(start..start + cells.len() as u64 * X86.extent, 0);
        cells.retain(|cell| cell.kind != Kind::Hole);
        Strip::of_mapping(&mapping, X86, cells)
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
        let totals = Totals::of([&strip(cells)], X86);
        assert_eq!(totals.huge_extents, 3);
        assert_eq!(totals.huge_mapped_bytes, 2 << 20);
        assert_eq!(totals.small_bytes, 2 << 20);
        assert_eq!(totals.swapped_bytes, 4096);
    }

    #[test]
    fn a_picture_takes_time_for_pages_only() {
        let end = Cell {
            at: 0x7f00_0000_0000 + (1 << 44),
            ..cells(&[(Kind::Small, 1)])[0]
        };
        let mapping = tests::mapping(0x7f00_0000_0000..end.at + X86.extent, 0);
        let strip = Strip::of_mapping(&mapping, X86, vec![end]);
        let drawn: Vec<_> = rows(&strip)
            .map(|(kinds, times)| (kinds.len(), times))
            .collect();
        assert_eq!(drawn, [(64, (1 << 23) / 64), (1, 1)]);
    }

    #[test]
    fn a_name_of_another_does_no_harm() {
        let mut mapping = tests::mapping(0x20_0000..0x40_0000, 0);
        mapping.name = Name::of_maps(b"/memfd:\x1b[2J\xe9\\012 (deleted)");
        let strip = Strip::of_mapping(&mapping, X86, Vec::new());
        let piece = Piece::of_mapping(&mapping, strip, X86);
        assert_eq!(
            piece.title,
            r"200000-400000 rw-s /memfd:\x1b[2J\xe9\x0a (deleted)"
        );
    }
}
