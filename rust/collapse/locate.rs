// SPDX-License-Identifier: GPL-2.0

//! Locate: from an address of a process to an extent of a file.

use super::outcome::Outcome;
use crate::{
    mm::{
        backing::{
            Backing,
            Mapping, //
        },
        extent::Extent,
        process::{
            Process,
            ShmemVma, //
        },
    },
    pgtable::pmd_size::{
        pmd_pages,
        pmd_size, //
    },
};
use core::ops::Range;
use kernel::page::PAGE_SIZE;

/// The part of an extent that one VMA maps.
struct Piece {
    backing: Backing,
    index: usize,
    end: usize,
    writable: bool,
}

/// The reference that keeps a file.
enum Kept<'b> {
    /// A reference of this place.
    Here(Backing),
    /// A reference that is held elsewhere.
    Elsewhere(Mapping<'b>),
}

/// The place of an extent that a request is about to try.
pub(super) struct Place<'b> {
    file: Kept<'b>,
    index: usize,
    /// All of it is mapped shared and writable.
    writable: bool,
    /// Holes may be filled.
    pub(super) may_fill: bool,
}

impl<'b> Place<'b> {
    /// Returns the place of an extent of a file that the administrator has named.
    pub(super) fn in_file(mapping: Mapping<'b>, index: usize) -> Self {
        Self {
            file: Kept::Elsewhere(mapping),
            index,
            writable: false,
            may_fill: true,
        }
    }

    /// Returns the same place for a process that asks for its own memory: a reader must not fill
    /// the holes of another's sparse file.
    pub(super) fn filled_by_writers(self) -> Self {
        Self {
            may_fill: self.writable,
            ..self
        }
    }

    /// Returns the extent.
    pub(super) fn extent(&self) -> Extent<'_> {
        let mapping = match &self.file {
            Kept::Here(backing) => backing.mapping(),
            Kept::Elsewhere(mapping) => *mapping,
        };
        Extent::around(mapping, self.index)
    }
}

impl Piece {
    /// Returns the extent that begins at the address, if one does.
    fn extent(&self) -> Option<Extent<'_>> {
        Extent::new(self.backing.mapping(), self.index)
    }
}

/// Finds the file and the extent that a process maps at `addr`.
///
/// The addresses of the extent may belong to several VMAs of the same file (after an `mprotect()`
/// of a part), as long as these continue each other.
pub(super) fn locate(process: &Process, addr: usize) -> Result<Place<'static>, Outcome> {
    let first = piece(process, addr)?;
    if first.extent().is_none() {
        return Err(Outcome::Misaligned);
    }
    let mut writable = first.writable;
    let mut at = first.end;
    while at < addr + pmd_size() {
        let next = piece(process, at)?;
        let goes_on = next.backing.mapping().id() == first.backing.mapping().id()
            && next.index == first.index + (at - addr) / PAGE_SIZE;
        if !goes_on {
            return Err(Outcome::Misaligned);
        }
        writable &= next.writable;
        at = next.end;
    }
    Ok(Place {
        file: Kept::Here(first.backing),
        index: first.index,
        writable,
        may_fill: true,
    })
}

fn piece(process: &Process, addr: usize) -> Result<Piece, Outcome> {
    process
        .look(addr, |vma| look(vma, addr))
        .unwrap_or_else(|| Err(absent(process, addr)))
}

fn look(vma: &ShmemVma<'_>, addr: usize) -> Result<Piece, Outcome> {
    let backing = vma.backing().ok_or(Outcome::NotShmem)?;
    if vma.is_thp_disabled() {
        return Err(Outcome::ThpDisabled);
    }
    if vma.is_uffd_armed() {
        return Err(Outcome::UffdArmed);
    }
    Ok(Piece {
        backing,
        index: vma.index_at(addr),
        end: vma.range().end,
        writable: vma.is_shared_writable(),
    })
}

/// Returns why no VMA could be read: nothing is mapped, or its lock is taken.
fn absent(process: &Process, addr: usize) -> Outcome {
    match process.next_range(addr) {
        Some(range) if range.contains(&addr) => Outcome::VmaBusy,
        _ => Outcome::Unmapped,
    }
}

/// Returns whether the VMA at these addresses is certainly not one of shmem.
pub(super) fn is_foreign(process: &Process, range: &Range<usize>) -> bool {
    process
        .look(range.start, |vma| vma.backing().is_none())
        .unwrap_or(false)
}

/// Returns how many of the `most` extents from `addr` on end as `outcome`, that of the previous
/// one, as far as this is known without examining each of them.
pub(super) fn stretch(process: &Process, addr: usize, most: usize, outcome: Outcome) -> usize {
    let shift = pmd_size().trailing_zeros();
    let inside = |end: usize| end.saturating_sub(addr) >> shift;
    let begun = |end: usize| (end.saturating_sub(addr) + pmd_size() - 1) >> shift;
    let extents = match piece(process, addr) {
        // All extents that begin in the gap.
        Err(Outcome::Unmapped) if outcome == Outcome::Unmapped => process
            .next_range(addr)
            .map_or(most, |range| begun(range.start)),
        // All extents that begin in the VMA.
        Err(reason) if reason == outcome => process
            .next_range(addr)
            .filter(|range| range.contains(&addr))
            .map_or(0, |range| begun(range.end)),
        Ok(piece) => match piece.extent() {
            // All extents that lie in the VMA and have no page.
            Some(extent) => holes(extent, most.min(inside(piece.end)), outcome),
            None if outcome == Outcome::Misaligned => begun(piece.end),
            None => 0,
        },
        Err(_) => 0,
    };
    extents.min(most)
}

/// Returns how many of the `most` extents from `extent` on have no page, neither in memory nor in
/// swap, and therefore end as `outcome`, that of the previous one.
pub(super) fn holes(extent: Extent<'_>, most: usize, outcome: Outcome) -> usize {
    let first = extent.first();
    match outcome {
        Outcome::Empty | Outcome::ThpDisabled | Outcome::Frozen => extent
            .mapping()
            .next_page(first)
            .map_or(most, |page| (page - first) >> pmd_pages().trailing_zeros())
            .min(most),
        _ => 0,
    }
}
