// SPDX-License-Identifier: GPL-2.0

//! Figures of page tables, and their text: a name and a number for each that is not zero.

use super::report::Report;
#[cfg(CONFIG_HUGETLB_PAGE)]
use crate::hugetlb::geometry::Place;
use crate::pgtable::{
    entry::{
        Pmd,
        Pte,
        PteKind, //
    },
    level::Level, //
};
use core::fmt::{
    self,
    Write, //
};

/// The levels that have tables of their own, from the bottom.
const LEVELS: [Level; 4] = [Level::Pte, Level::Pmd, Level::Pud, Level::P4d];

/// Tables by level, each counted once in a walk towards higher addresses.
#[derive(Clone, Copy, Default)]
pub(super) struct Tables {
    count: [u64; LEVELS.len()],
    /// Where the last table of each level ends.
    end: [usize; LEVELS.len()],
}

impl Tables {
    /// Notes the table of `level` that translates `addr`; returns whether it is another one than
    /// the last.
    pub(super) fn note(&mut self, level: Level, addr: usize) -> bool {
        let at = level as usize;
        let (Some(count), Some(end), Some(above)) =
            (self.count.get_mut(at), self.end.get_mut(at), level.above())
        else {
            return false;
        };
        let is_new = addr >= *end;
        if is_new {
            *count += 1;
            *end = above.end_of_entry(addr);
        }
        is_new
    }

    fn bytes(&self) -> u64 {
        let each = LEVELS.into_iter().zip(self.count);
        each.map(|(level, count)| count * level.table_bytes() as u64)
            .sum()
    }

    fn write(&self, out: &mut Report<'_>) -> fmt::Result {
        for (level, count) in LEVELS.into_iter().zip(self.count) {
            figure(out, format_args!("{}_tables", level.name()), count)?;
        }
        Ok(())
    }
}

/// Entries by what they say.
#[derive(Clone, Copy, Default)]
pub(super) struct Kinds([u64; Kinds::NAMES.len()]);

impl Kinds {
    const NAMES: [&'static str; 7] = [
        "none",
        "page",
        "special",
        "swap",
        "migration",
        "marker",
        "other", //
    ];

    /// Counts `entries` of one kind.
    pub(super) fn add(&mut self, kind: PteKind, entries: u64) {
        let at = match kind {
            PteKind::None => 0,
            PteKind::Page(_) => 1,
            PteKind::Special(_) => 2,
            PteKind::Swap => 3,
            PteKind::Migration(_) => 4,
            PteKind::Marker => 5,
            PteKind::Other => 6,
        };
        if let Some(count) = self.0.get_mut(at) {
            *count += entries;
        }
    }

    fn write(&self, out: &mut Report<'_>, prefix: fmt::Arguments<'_>) -> fmt::Result {
        for (name, count) in Self::NAMES.into_iter().zip(self.0) {
            figure(out, format_args!("{prefix}{name}"), count)?;
        }
        Ok(())
    }

    fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }
}

/// The kinds of a PTE table's entries, and its runs.
#[derive(Clone, Copy, Default)]
pub(super) struct Entries {
    kinds: Kinds,
    in_runs: u64,
}

impl Entries {
    /// Counts one entry.
    pub(super) fn add(&mut self, pte: Pte) {
        self.kinds.add(pte.kind(), 1);
        self.in_runs += u64::from(pte.is_in_run());
    }

    /// Counts entries that are none.
    pub(super) fn add_none(&mut self, entries: u64) {
        self.kinds.add(PteKind::None, entries);
    }
}

/// Huge pages of one size at one level.
#[derive(Clone, Copy)]
struct Huge {
    size: usize,
    level: Level,
    /// How many entries of the level a page takes.
    entries: usize,
    hugetlb: bool,
    kinds: Kinds,
}

/// How many different sizes there are at most: five of hugetlb, and two others.
const SIZES: usize = 8;

/// What a mapping, or all of them, has.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) tables: Tables,
    /// PTE tables all of whose entries are none.
    pub(super) empty: u64,
    /// PTE tables put aside for when a huge entry is split.
    pub(super) withheld: u64,
    /// PMD-sized pieces that could not be looked at.
    pub(super) busy: u64,
    /// Hugetlb pages whose entry the kernel finds in another place: there are none.
    pub(super) elsewhere: u64,
    entries: Entries,
    huge: [Option<Huge>; SIZES],
}

impl Counts {
    /// Counts the entries of one PTE table.
    pub(super) fn add_entries(&mut self, entries: &Entries) {
        self.entries.kinds.merge(&entries.kinds);
        self.entries.in_runs += entries.in_runs;
    }

    /// Counts an entry above the PTE tables that is neither none nor points to a table.
    pub(super) fn add_huge(&mut self, level: Level, value: Pmd) {
        let kind = match value {
            Pmd::None | Pmd::Table => return,
            Pmd::Huge(frame) => PteKind::Page(frame),
            Pmd::Special(frame) => PteKind::Special(frame),
            Pmd::Migration(frame) => PteKind::Migration(frame),
            Pmd::Other | Pmd::Bad => PteKind::Other,
        };
        self.add_size((1 << level.shift(), level, 1, false), kind);
    }

    /// Counts a hugetlb page, or a place that has none.
    #[cfg(CONFIG_HUGETLB_PAGE)]
    pub(super) fn add_hugetlb(&mut self, size: usize, place: Place, kind: PteKind) {
        self.add_size((size, place.level, place.entries, true), kind);
    }

    fn add_size(&mut self, key: (usize, Level, usize, bool), kind: PteKind) {
        let (size, level, entries, hugetlb) = key;
        let mut slots = self.huge.iter_mut();
        let found = slots.find_map(|slot| {
            let huge = slot.get_or_insert(Huge {
                size,
                level,
                entries,
                hugetlb,
                kinds: Kinds::default(),
            });
            let it = (huge.size, huge.level, huge.entries, huge.hugetlb);
            (it == key).then_some(huge)
        });
        if let Some(huge) = found {
            huge.kinds.add(kind, 1);
        }
    }

    /// Writes all figures that are not zero.
    pub(super) fn write(&self, out: &mut Report<'_>, run: u64) -> fmt::Result {
        let withheld = self.withheld * Level::Pte.table_bytes() as u64;
        self.tables.write(out)?;
        figure(out, "empty_tables", self.empty)?;
        figure(out, "withheld_tables", self.withheld)?;
        figure(out, "tables_kB", (self.tables.bytes() + withheld) / 1024)?;
        self.entries.kinds.write(out, format_args!(""))?;
        figure(
            out,
            "runs",
            self.entries.in_runs.checked_div(run).unwrap_or(0),
        )?;
        for huge in self.huge.iter().flatten() {
            let (kb, level) = (huge.size / 1024, huge.level.name());
            let what = if huge.hugetlb { "hugetlb" } else { "huge" };
            match huge.entries {
                1 => huge
                    .kinds
                    .write(out, format_args!("{what}_{kb}kB_{level}_"))?,
                n => huge
                    .kinds
                    .write(out, format_args!("{what}_{kb}kB_{n}{level}_"))?,
            }
        }
        figure(out, "elsewhere", self.elsewhere)?;
        figure(out, "busy", self.busy)
    }
}

/// Writes one figure, unless it is zero.
pub(super) fn figure(out: &mut Report<'_>, name: impl fmt::Display, count: u64) -> fmt::Result {
    match count {
        0 => Ok(()),
        count => write!(out, " {name}={count}"),
    }
}
