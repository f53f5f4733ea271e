// SPDX-License-Identifier: GPL-2.0

//! The kernel's own page tables: by how large pages its memory is mapped.

use super::{
    counts::figure,
    report::Report, //
};
use crate::pgtable::{
    kernel_region::Region,
    kernel_table::{
        KernelPlace,
        KernelPteTable,
        KernelTables, //
    },
    level::Level,
    lowest::run_pages,
    pmd_size::pmd_pages,
    pte_index::PteIndex, //
};
use core::{
    fmt::{
        self,
        Write, //
    },
    ops::Range, //
};
use kernel::{
    alloc::flags::GFP_KERNEL_ACCOUNT,
    page::PAGE_SIZE,
    prelude::*, //
};

/// Entries above the PTE tables that are looked at under one lock.
const ENTRIES_AT_ONCE: usize = 512;

/// How many different sizes there are at most: an entry and a run of each level.
const SIZES: usize = 8;

/// Writes how the kernel's regions are mapped; where they are, if `with_addresses`.
pub(crate) fn report(with_addresses: bool, out: &mut Report<'_>) -> Result {
    for region in Region::ALL {
        let Some(range) = region.range() else {
            continue;
        };
        let mut sizes = Sizes::default();
        walk(range.clone(), out, |_, piece| {
            sizes.add(&piece);
            Ok(())
        })?;
        out.line(|out| {
            out.write_str(region.name())?;
            if with_addresses {
                write!(out, " {:x}-{:x}", range.start, range.end)?;
            }
            sizes.write(out)
        })?;
    }
    Ok(())
}

/// Writes how the addresses in `range` are mapped: a line for each stretch of pages of one size.
pub(crate) fn report_range(range: Range<usize>, out: &mut Report<'_>) -> Result {
    let lowest = Region::ALL.into_iter().filter_map(Region::range);
    let lowest = lowest.map(|region| region.start).min();
    if range.start > range.end || lowest.is_none_or(|lowest| range.start < lowest) {
        return Err(EINVAL);
    }
    let mut sizes = Sizes::default();
    let mut stretch = Stretch::default();
    let mut more = None;
    walk(range, out, |out, piece| {
        if more.is_none() && !out.has_room() {
            more = Some(piece.range.start);
        }
        if more.is_none() {
            sizes.add(&piece);
            stretch.add(piece, out)?;
        }
        Ok(())
    })?;
    stretch.end(out)?;
    if let Some(more) = more {
        out.line(|out| write!(out, "more {more:#x}"))?;
    }
    out.line(|out| {
        out.write_str("total")?;
        sizes.write(out)
    })
}

/// Addresses that are mapped alike.
#[derive(Default)]
struct Piece {
    range: Range<usize>,
    /// The size of the pages that map it, or 0.
    size: usize,
}

/// Walks the addresses in `range` from the bottom.
fn walk(
    range: Range<usize>,
    out: &mut Report<'_>,
    mut visit: impl FnMut(&mut Report<'_>, Piece) -> Result,
) -> Result {
    let room = ENTRIES_AT_ONCE + pmd_pages();
    let mut pieces = VVec::with_capacity(room, GFP_KERNEL_ACCOUNT)?;
    let mut at = range.start & !(PAGE_SIZE - 1);
    while at < range.end {
        out.rest()?;
        at = step(at..range.end, &mut pieces);
        for piece in pieces.drain_all() {
            visit(out, piece)?;
        }
    }
    Ok(())
}

/// Looks at a stretch from the start of `range` on, up to the end of one PTE table at most, with
/// the kernel's tables locked; returns where it ends.
fn step(range: Range<usize>, pieces: &mut VVec<Piece>) -> usize {
    let tables = KernelTables::lock();
    let mut at = range.start;
    for _ in 0..ENTRIES_AT_ONCE {
        if at >= range.end {
            break;
        }
        let (level, size) = match tables.look(at) {
            KernelPlace::Table(pmd) => {
                let end = range.end.min(Level::Pmd.end_of_entry(at));
                table(pmd.offset_kernel(), at..end, pieces);
                return end;
            }
            KernelPlace::Leaf { level, size, .. } => (level, size),
            KernelPlace::Nothing(level) => (level, 0),
        };
        let range = at..level.end_of_entry(at).min(range.end);
        at = range.end;
        note(pieces, Piece { range, size });
    }
    at
}

/// Looks at the entries of a PTE table.
fn table(table: KernelPteTable<'_>, range: Range<usize>, pieces: &mut VVec<Piece>) {
    let run = run_pages();
    for at in range.clone().step_by(PAGE_SIZE) {
        let pte = table.read(PteIndex::of(at));
        let size = match pte.page() {
            Some(_) if pte.is_in_run() => run * PAGE_SIZE,
            Some(_) => PAGE_SIZE,
            None => 0,
        };
        let range = at..range.end.min(at + PAGE_SIZE);
        note(pieces, Piece { range, size });
    }
}

/// Notes a piece. There is room: a stretch has no more entries.
fn note(pieces: &mut VVec<Piece>, piece: Piece) {
    match pieces.last_mut() {
        Some(last) if last.range.end == piece.range.start && last.size == piece.size => {
            last.range.end = piece.range.end;
        }
        _ => {
            let _ = pieces.push_within_capacity(piece);
        }
    }
}

/// Bytes by the size of the pages that map them.
#[derive(Default)]
struct Sizes([(usize, u64); SIZES]);

impl Sizes {
    fn add(&mut self, piece: &Piece) {
        if piece.size == 0 {
            return;
        }
        let mut slots = self.0.iter_mut();
        if let Some(slot) = slots.find(|slot| slot.0 == piece.size || slot.0 == 0) {
            slot.0 = piece.size;
            slot.1 += piece.range.len() as u64;
        }
    }

    fn write(&mut self, out: &mut Report<'_>) -> fmt::Result {
        self.0.sort_unstable();
        for (size, bytes) in self.0.into_iter().filter(|(size, _)| *size > 0) {
            let pages = bytes.div_ceil(size as u64);
            figure(out, format_args!("{}kB_pages", size / 1024), pages)?;
        }
        Ok(())
    }
}

/// Pieces that become one line, as far as they go on from each other.
#[derive(Default)]
struct Stretch(Piece);

impl Stretch {
    fn add(&mut self, piece: Piece, out: &mut Report<'_>) -> Result {
        if self.0.range.end == piece.range.start && self.0.size == piece.size {
            self.0.range.end = piece.range.end;
            return Ok(());
        }
        self.end(out)?;
        self.0 = piece;
        Ok(())
    }

    fn end(&self, out: &mut Report<'_>) -> Result {
        let Piece { range, size } = &self.0;
        if *size == 0 {
            return Ok(());
        }
        out.line(|out| write!(out, "{:x}-{:x} {}kB", range.start, range.end, size / 1024))
    }
}
