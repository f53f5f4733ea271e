// SPDX-License-Identifier: GPL-2.0

//! Where in a file there are pages, and how a process has it mapped.

use crate::{
    machine::Geometry,
    shmem::Mapping,
    survey::{Cell, Extent},
    sys::{
        self, Cached, PAGE_IS_FILE, PAGE_IS_HUGE, PAGE_IS_PRESENT, PAGE_IS_SWAPPED, Pages, Region,
    },
};
use std::{fs::File, io, ops::Range};

/// Looks for the extents of a file that have pages.
///
/// The more holes it finds the larger is the part that it asks about next, so
/// that the effort goes with the pages and not with the size of the file.
/// `SEEK_DATA` would not do: it does not see pages that are allocated and have
/// not been written, and takes the lock that writers wait for.
#[derive(Debug)]
pub(crate) struct Finder {
    at: u64,
    end: u64,
    extent: u64,
    /// Extents to ask about next.
    step: u64,
    /// There is something between here and `at`, or was.
    some_before: u64,
}

/// With that many pages in an extent on average, each is asked about.
const DENSE: u64 = 8;

impl Finder {
    /// Looks through whole extents.
    pub(crate) fn new(range: &Range<u64>, geometry: Geometry) -> Self {
        Self {
            at: range.start,
            end: range.end,
            extent: geometry.extent,
            step: 1,
            some_before: range.start,
        }
    }

    /// The next extent that is `wanted` and has pages: its offset and them.
    pub(crate) fn next(
        &mut self,
        mut wanted: impl FnMut(u64) -> bool,
        mut count: impl FnMut(&Range<u64>) -> io::Result<Cached>,
    ) -> io::Result<Option<(u64, Cached)>> {
        while self.at < self.end {
            let at = self.at;
            let bytes = self.step.saturating_mul(self.extent);
            let to = at.saturating_add(bytes).min(self.end);
            let is_one = to - at <= self.extent;
            if is_one && !wanted(at) {
                self.at = to;
                continue;
            }
            let found = count(&(at..to))?;
            let pages = found.present.saturating_add(found.evicted);
            if pages == 0 {
                self.at = to;
                let left = self.some_before.saturating_sub(to).div_ceil(self.extent);
                self.step = match left {
                    0 => self.step.saturating_mul(2),
                    left => left.div_ceil(2),
                };
            } else if is_one {
                self.at = to;
                self.some_before = to;
                return Ok(Some((at, found)));
            } else {
                let extents = (to - at).div_ceil(self.extent);
                let is_dense = pages / DENSE >= extents;
                self.some_before = if is_dense { at } else { to };
                self.step = if is_dense { 1 } else { extents / 2 };
            }
        }
        Ok(None)
    }
}

/// The page tables of a process.
pub(crate) struct Tables {
    pagemap: File,
    /// Addresses that `huge` knows of.
    seen: Range<u64>,
    huge: Vec<Region>,
}

impl Tables {
    /// Fails where the kernel does not tell what is in page tables.
    pub(crate) fn new(pagemap: File, geometry: Geometry) -> io::Result<Self> {
        let tables = Self {
            pagemap,
            seen: 0..0,
            huge: Vec::new(),
        };
        tables.scan(&(0..geometry.page), Pages::default())?;
        Ok(tables)
    }

    /// Has the process a huge page of the file at all of these addresses of a
    /// mapping?
    pub(crate) fn map_huge(
        &mut self,
        mapping: &Mapping,
        range: &Range<u64>,
        geometry: Geometry,
    ) -> io::Result<bool> {
        const AHEAD: u64 = 64;
        if range.start < self.seen.start || self.seen.end < range.end {
            let ahead = range
                .start
                .saturating_add(AHEAD.saturating_mul(geometry.extent));
            let seen = range.start..ahead.min(mapping.addresses.end).max(range.end);
            self.huge = self.scan(
                &seen,
                Pages {
                    // What a private mapping has of its own is none of the file's.
                    all_of: PAGE_IS_HUGE | PAGE_IS_PRESENT | PAGE_IS_FILE,
                    any_of: 0,
                },
            )?;
            self.seen = seen;
        }
        Ok(is_covered(range, overlapping(&self.huge, range)))
    }

    /// What they tell by themselves of a mapping: its cells that have pages.
    pub(crate) fn cells(&self, mapping: &Mapping, geometry: Geometry) -> io::Result<Vec<Cell>> {
        let pages = Pages {
            all_of: if mapping.is_private() {
                PAGE_IS_FILE
            } else {
                0
            },
            any_of: PAGE_IS_HUGE | PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
        };
        let regions = self.scan(&mapping.addresses, pages)?;
        Ok(cells_of_regions(mapping, &regions, geometry))
    }

    /// An address space that has gone has nothing in it.
    fn scan(&self, range: &Range<u64>, pages: Pages) -> io::Result<Vec<Region>> {
        match sys::scan_pagemap(&self.pagemap, range, pages) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(Vec::new()),
            // Nor have addresses that a process cannot have.
            Err(error) if error.raw_os_error() == Some(libc::EFAULT) => Ok(Vec::new()),
            result => result,
        }
    }
}

/// An extent of the file as far as a mapping shows it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) addresses: Range<u64>,
    /// Where in the file the extent begins.
    pub(crate) offset: u64,
}

/// The place of the extent that begins at an offset, if the mapping shows any of
/// it.
pub(crate) fn place(mapping: &Mapping, offset: u64, geometry: Geometry) -> Option<Place> {
    let shown = mapping.shown();
    let start = offset.max(shown.start);
    let end = offset.saturating_add(geometry.extent).min(shown.end);
    let len = end.checked_sub(start).filter(|len| *len > 0)?;
    let address = mapping.address_of(start)?;
    Some(Place {
        addresses: address..address.checked_add(len)?,
        offset,
    })
}

/// All places of a mapping that lie in a range of offsets of the file.
fn places_in(
    mapping: &Mapping,
    offsets: &Range<u64>,
    geometry: Geometry,
) -> impl Iterator<Item = Place> {
    let shown = mapping.shown();
    let start = geometry.floor(offsets.start.max(shown.start));
    (start..offsets.end.min(shown.end))
        .step_by(geometry.extent as usize)
        .filter_map(move |offset| place(mapping, offset, geometry))
}

pub(crate) fn cells_of_regions(
    mapping: &Mapping,
    regions: &[Region],
    geometry: Geometry,
) -> Vec<Cell> {
    let offset_of = |address: u64| {
        let into = address.saturating_sub(mapping.addresses.start);
        mapping.offset.saturating_add(into)
    };
    let mut cells = Vec::new();
    let mut done = 0;
    for region in regions {
        let offsets = offset_of(region.range.start).max(done)..offset_of(region.range.end);
        for place in places_in(mapping, &offsets, geometry) {
            done = place.offset.saturating_add(geometry.extent);
            let regions = overlapping(regions, &place.addresses);
            cells.push(cell_of_regions(&place, regions, geometry));
        }
    }
    cells
}

/// Those of sorted regions that have something of a range.
fn overlapping<'r>(regions: &'r [Region], range: &Range<u64>) -> &'r [Region] {
    let first = regions.partition_point(|region| region.range.end <= range.start);
    let end = regions.partition_point(|region| region.range.start < range.end);
    regions.get(first..end).unwrap_or_default()
}

fn is_covered(addresses: &Range<u64>, regions: &[Region]) -> bool {
    regions
        .iter()
        .any(|region| region.range.start <= addresses.start && addresses.end <= region.range.end)
}

/// What the page tables of the process tell by themselves.
fn cell_of_regions(place: &Place, regions: &[Region], geometry: Geometry) -> Cell {
    let count = |bit| {
        regions
            .iter()
            .filter(|region| region.is & bit != 0)
            .map(|region| {
                let start = region.range.start.max(place.addresses.start);
                let end = region.range.end.min(place.addresses.end);
                end.saturating_sub(start) / geometry.page
            })
            .sum::<u64>()
    };
    let extent = Extent {
        present: count(PAGE_IS_PRESENT),
        swapped: count(PAGE_IS_SWAPPED),
        huge: count(PAGE_IS_HUGE) > 0,
        partly: false,
    };
    Cell {
        at: place.addresses.start,
        kind: extent.kind(true),
        extent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::X86,
        survey::{
            Kind,
            tests::{M, mapping},
        },
    };

    fn region(range: Range<u64>, is: u32) -> Region {
        Region { range, is }
    }

    fn places(mapping: &Mapping) -> Vec<Place> {
        places_in(mapping, &mapping.shown(), X86).collect()
    }

    #[test]
    fn an_aligned_mapping_has_whole_extents() {
        let places = places(&mapping(64 * M..68 * M, 2 * M));
        let place = |addresses, offset| Place { addresses, offset };
        assert_eq!(
            places,
            [place(64 * M..66 * M, 2 * M), place(66 * M..68 * M, 4 * M)]
        );
    }

    #[test]
    fn a_mapping_may_begin_and_end_inside_an_extent() {
        let places = places(&mapping(65 * M..68 * M, M));
        let place = |addresses, offset| Place { addresses, offset };
        assert_eq!(
            places,
            [place(65 * M..66 * M, 0), place(66 * M..68 * M, 2 * M)]
        );
    }

    #[test]
    fn an_extent_is_mapped_huge_if_all_of_it_is() {
        let huge = [region(64 * M..68 * M, PAGE_IS_HUGE)];
        assert!(is_covered(&(66 * M..68 * M), &huge));
        assert!(!is_covered(&(67 * M..69 * M), &huge));
        assert!(!is_covered(&(66 * M..68 * M), &[]));
    }

    #[test]
    fn page_tables_alone_tell_what_is_mapped() {
        let seen = [
            region(64 * M..66 * M, PAGE_IS_PRESENT | PAGE_IS_HUGE),
            region(66 * M..66 * M + 8192, PAGE_IS_PRESENT),
            region(67 * M..68 * M, PAGE_IS_SWAPPED),
        ];
        let mapping = mapping(64 * M..70 * M, 0);
        let cells: Vec<_> = places(&mapping)
            .iter()
            .map(|place| cell_of_regions(place, &seen, X86))
            .collect();
        assert_eq!(
            cells.iter().map(|cell| cell.kind).collect::<Vec<_>>(),
            [Kind::HugeMapped, Kind::Swapped, Kind::Hole]
        );
        assert_eq!(cells[1].extent.present, 2);
        assert_eq!(cells[1].extent.swapped, 256);
        // The hole has no cell of its own.
        assert_eq!(cells_of_regions(&mapping, &seen, X86), cells[..2]);
    }

    /// The extents found in a file that has that many pages in some, and how
    /// often was asked.
    fn search(pages: &[(u64, u64)], extents: u64) -> (Vec<(u64, u64)>, u64) {
        let mut finder = Finder::new(&(0..extents * X86.extent), X86);
        let mut calls = 0;
        let mut found = Vec::new();
        let mut count = |range: &Range<u64>| {
            calls += 1;
            let inside = |at: u64| range.contains(&(at * X86.extent));
            let present = pages
                .iter()
                .filter(|(at, _)| inside(*at))
                .map(|(_, count)| count)
                .sum();
            Ok(Cached {
                present,
                evicted: 0,
            })
        };
        while let Some((at, cached)) = finder.next(|_| true, &mut count).unwrap() {
            found.push((at / X86.extent, cached.present));
        }
        (found, calls)
    }

    #[test]
    fn the_effort_goes_with_the_pages() {
        // 17 pages of 2 TiB.
        let pages: Vec<_> = (0..17).map(|page| (page * 61_680, 1)).collect();
        let (found, calls) = search(&pages, 1 << 20);
        assert_eq!(found, pages);
        assert!(calls < 1000, "{calls}");
        // None in as large a file as there can be.
        let (found, calls) = search(&[], 1 << 42);
        assert!(found.is_empty());
        assert!(calls < 50, "{calls}");
        // Full extents are asked about once each, but for some at the start.
        let pages: Vec<_> = (0..1000).map(|extent| (extent + 5000, 512)).collect();
        let (found, calls) = search(&pages, 1 << 20);
        assert_eq!(found, pages);
        assert!(calls < 1200, "{calls}");
        // Every other one.
        let pages: Vec<_> = (0..1000).map(|extent| (2 * extent + 1, 512)).collect();
        let (found, calls) = search(&pages, 1 << 20);
        assert_eq!(found, pages);
        assert!(calls < 4100, "{calls}");
    }

    #[test]
    fn nothing_is_overlooked() {
        let mut state = 7u64;
        for extents in 1..60 {
            let pages: Vec<_> = (0..extents)
                .filter_map(|extent| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    (state >> 62 == 0).then_some((extent, 1 + (state >> 40) % 512))
                })
                .collect();
            assert_eq!(search(&pages, extents).0, pages);
        }
    }

    #[test]
    fn what_is_not_wanted_is_not_asked_about() {
        let mut finder = Finder::new(&(0..64 * M), X86);
        let mut asked = Vec::new();
        let full = |range: &Range<u64>| {
            asked.push(range.clone());
            Ok(Cached {
                present: 512,
                evicted: 0,
            })
        };
        let found = finder.next(|at| at == 6 * M, full).unwrap();
        assert_eq!(found.unwrap().0, 6 * M);
        assert_eq!(asked, [6 * M..8 * M]);
    }

    #[test]
    fn numbers_at_the_end_do_not_overflow() {
        let end = u64::MAX - u64::MAX % X86.extent;
        let odd = mapping(end - 4 * M..end, u64::MAX - 4 * M);
        assert!(places(&odd).len() <= 3);
        assert!(place(&odd, u64::MAX, X86).is_none());
        let regions = [region(0..u64::MAX, PAGE_IS_PRESENT)];
        assert!(cells_of_regions(&odd, &regions, X86).len() <= 3);
    }
}
