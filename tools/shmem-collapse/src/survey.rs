// SPDX-License-Identifier: GPL-2.0

//! What each extent of some memory is made of, without the module's help.
//!
//! `cachestat()` counts an extent's pages, in memory and in swap. Whether they
//! are one huge page is found out by mapping the extent here, at an address that
//! suits one: the kernel maps a huge page huge when it can. Only pages that exist
//! are touched, and marked as not used, so that a look changes nothing.

use crate::{
    machine::{self, Geometry},
    shmem::{Mapping, Memory},
    sys::{self, PAGE_IS_HUGE, PAGE_IS_PRESENT, PAGE_IS_SWAPPED, Region, Window},
};
use anyhow::{Context, Result, bail};
use procfs::{
    KPageFlags, PhysicalPageFlags,
    process::{PageInfo, PageMap, Process},
};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, ErrorKind},
    ops::Range,
    path::Path,
};

/// What is in an extent of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Pages in memory.
    pub(crate) present: u64,
    /// Pages in swap.
    pub(crate) swapped: u64,
    /// It is one huge page.
    pub(crate) huge: bool,
    /// Some of it is in larger pages than the smallest.
    pub(crate) partly: bool,
}

/// What an extent looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A huge page that the process has mapped as one.
    HugeMapped,
    /// A huge page; the process has it mapped in small pieces or not yet.
    Huge,
    /// Small pages, some of them larger than the smallest.
    PartlyHuge,
    /// Small pages.
    Small,
    /// Mostly in swap.
    Swapped,
    /// Nothing.
    Hole,
}

impl Extent {
    /// The kind, where `mapped` tells that a page table maps it huge.
    pub(crate) fn kind(&self, mapped: bool) -> Kind {
        if self.huge {
            if mapped { Kind::HugeMapped } else { Kind::Huge }
        } else if self.swapped > self.present {
            Kind::Swapped
        } else if self.partly {
            Kind::PartlyHuge
        } else if self.present > 0 {
            Kind::Small
        } else {
            Kind::Hole
        }
    }
}

/// One cell of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Its address in the process, or its offset in the file.
    pub(crate) at: u64,
    pub(crate) kind: Kind,
    pub(crate) extent: Extent,
}

/// A file that is looked at.
pub(crate) struct FileSurvey {
    file: File,
    geometry: Geometry,
    window: Window,
    /// Looks at page frames: for root only.
    frames: Option<(PageMap, KPageFlags)>,
    own_pagemap: File,
}

impl FileSurvey {
    pub(crate) fn open(path: &Path, geometry: Geometry) -> Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("{} cannot be opened to be looked at", path.display()))?;
        let me = Process::myself()?;
        let frames = machine::is_root()
            .then(|| Some((me.pagemap().ok()?, KPageFlags::new().ok()?)))
            .flatten();
        Ok(Self {
            file,
            geometry,
            window: Window::new(geometry.extent)?,
            frames,
            own_pagemap: File::open("/proc/self/pagemap")?,
        })
    }

    /// Bytes in the file.
    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// What the extent at a byte offset is made of.
    pub(crate) fn extent(&mut self, offset: u64) -> Result<Extent> {
        let range = offset..offset + self.geometry.extent;
        let cached = sys::cached(&self.file, &range).map_err(explain_cachestat)?;
        let mut extent = Extent {
            present: cached.present,
            swapped: cached.evicted,
            ..Extent::default()
        };
        if extent.present > 0 {
            (extent.huge, extent.partly) = self.sizes(offset)?;
        }
        Ok(extent)
    }

    /// Is it one huge page, and are there larger pages than the smallest?
    fn sizes(&mut self, offset: u64) -> Result<(bool, bool)> {
        let page = self.geometry.page;
        let view = self
            .window
            .view(&self.file, offset)
            .context("the file cannot be mapped to be looked at")?;
        let resident = view.resident(page)?;
        for run in runs(&resident) {
            view.populate(run.start * page as usize..run.end * page as usize);
        }
        let huge = sys::scan_pagemap(&self.own_pagemap, &view.addresses(), PAGE_IS_HUGE)
            .map_err(explain_scan)?;
        if !huge.is_empty() {
            return Ok((true, false));
        }
        let Some((pagemap, flags)) = &mut self.frames else {
            return Ok((false, false));
        };
        let addresses = view.addresses();
        let pages = (addresses.start / page) as usize..(addresses.end / page) as usize;
        for info in pagemap.get_range_info(pages)? {
            let PageInfo::MemoryPage(info) = info else {
                continue;
            };
            let frame = info.get_page_frame_number();
            if frame.0 != 0 && is_large(flags.get_info(frame)?) {
                return Ok((false, true));
            }
        }
        Ok((false, false))
    }
}

fn is_large(flags: PhysicalPageFlags) -> bool {
    flags.intersects(PhysicalPageFlags::COMPOUND_HEAD | PhysicalPageFlags::COMPOUND_TAIL)
}

/// Runs of set elements.
fn runs(set: &[bool]) -> Vec<Range<usize>> {
    let mut at = 0;
    set.chunk_by(|left, right| left == right)
        .filter_map(|chunk| {
            let run = at..at + chunk.len();
            at = run.end;
            chunk[0].then_some(run)
        })
        .collect()
}

fn explain_cachestat(error: io::Error) -> anyhow::Error {
    match error.raw_os_error() {
        Some(libc::EPERM) => anyhow::anyhow!(
            "this file's pages may only be looked at by its owner: run this as root (sudo)"
        ),
        Some(libc::ENOSYS) => anyhow::anyhow!(
            "this kernel has no cachestat(), which tells what is in a file: use Linux 6.7 or newer"
        ),
        _ => anyhow::Error::new(error).context("the pages of the file cannot be counted"),
    }
}

fn explain_scan(error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::PermissionDenied => anyhow::anyhow!(
            "the page tables of that process may not be looked at: run this as root (sudo)"
        ),
        _ if error.raw_os_error() == Some(libc::ENOTTY) => anyhow::anyhow!(
            "this kernel has no PAGEMAP_SCAN, which tells what is mapped huge: \
             use Linux 6.7 or newer"
        ),
        _ => anyhow::Error::new(error).context("the page tables cannot be looked at"),
    }
}

/// The cells of a whole file. Its last extent may be a part of one.
pub(crate) fn file(path: &Path, geometry: Geometry) -> Result<Vec<Cell>> {
    let mut survey = FileSurvey::open(path, geometry)?;
    (0..survey.len()?.div_ceil(geometry.extent))
        .map(|index| {
            let at = index * geometry.extent;
            let extent = survey.extent(at)?;
            Ok(Cell {
                at,
                kind: extent.kind(false),
                extent,
            })
        })
        .collect()
}

/// The cells of a mapping: the extents of the file that it shows, wholly or in
/// part.
pub(crate) fn mapping(memory: &Memory, mapping: &Mapping, geometry: Geometry) -> Result<Vec<Cell>> {
    some_of_mapping(memory, mapping, geometry, |_| true)
}

/// Those whose offset in the file is `wanted`.
pub(crate) fn some_of_mapping(
    memory: &Memory,
    mapping: &Mapping,
    geometry: Geometry,
    wanted: impl Fn(u64) -> bool,
) -> Result<Vec<Cell>> {
    let pid = memory.process.pid();
    let pagemap = File::open(format!("/proc/{pid}/pagemap")).map_err(explain_scan)?;
    let scanned =
        |what| sys::scan_pagemap(&pagemap, &mapping.addresses, what).map_err(explain_scan);
    if !machine::is_root() {
        let seen = scanned(PAGE_IS_HUGE | PAGE_IS_PRESENT | PAGE_IS_SWAPPED)?;
        return Ok(places(mapping, geometry)
            .filter(|place| wanted(place.offset))
            .map(|place| cell_of_regions(&place, &seen, geometry))
            .collect());
    }
    let huge = scanned(PAGE_IS_HUGE)?;
    let mut survey = match FileSurvey::open(&memory.map_file(mapping), geometry) {
        Ok(survey) => survey,
        // The process may have unmapped it, or ended, since we asked.
        Err(_) if !memory.process.is_alive() => bail!("process {pid} has ended"),
        Err(error) => return Err(error),
    };
    places(mapping, geometry)
        .filter(|place| wanted(place.offset))
        .map(|place| {
            let extent = survey.extent(place.offset)?;
            let mapped = is_covered(&place.addresses, &huge);
            Ok(Cell {
                at: place.addresses.start,
                kind: extent.kind(mapped),
                extent,
            })
        })
        .collect()
}

/// An extent of the file as far as a mapping shows it.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    addresses: Range<u64>,
    /// Where in the file the extent begins.
    offset: u64,
}

fn places(mapping: &Mapping, geometry: Geometry) -> impl Iterator<Item = Place> {
    let shown = mapping.offset..mapping.offset + (mapping.addresses.end - mapping.addresses.start);
    let address = mapping.addresses.start;
    (geometry.floor(shown.start)..shown.end)
        .step_by(geometry.extent as usize)
        .map(move |offset| {
            let start = offset.max(shown.start);
            let end = (offset + geometry.extent).min(shown.end);
            Place {
                addresses: address + (start - shown.start)..address + (end - shown.start),
                offset,
            }
        })
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
    use crate::machine::X86;

    const M: u64 = 1 << 20;

    fn mapping(addresses: Range<u64>, offset: u64) -> Mapping {
        Mapping {
            addresses,
            offset,
            device: (0, 1),
            inode: 7,
            name: "/memfd:x (deleted)".into(),
            permissions: "rw-s".into(),
            map_file: String::new(),
        }
    }

    fn region(range: Range<u64>, is: u32) -> Region {
        Region { range, is }
    }

    #[test]
    fn kinds() {
        let extent = |present, swapped, huge, partly| Extent {
            present,
            swapped,
            huge,
            partly,
        };
        for (extent, mapped, kind) in [
            (extent(512, 0, true, false), true, Kind::HugeMapped),
            (extent(512, 0, true, false), false, Kind::Huge),
            (extent(512, 0, false, true), false, Kind::PartlyHuge),
            (extent(512, 0, false, false), false, Kind::Small),
            (extent(1, 0, false, false), false, Kind::Small),
            (extent(256, 256, false, false), false, Kind::Small),
            (extent(255, 256, false, true), false, Kind::Swapped),
            (extent(0, 1, false, false), false, Kind::Swapped),
            (extent(0, 0, false, false), false, Kind::Hole),
        ] {
            assert_eq!(extent.kind(mapped), kind, "{extent:?}");
        }
    }

    #[test]
    fn runs_of_resident_pages() {
        assert_eq!(runs(&[]), []);
        assert_eq!(runs(&[false, false]), []);
        assert_eq!(runs(&[true, true, false, true]), [0..2, 3..4]);
        assert_eq!(runs(&[false, true]), [1..2]);
    }

    #[test]
    fn an_aligned_mapping_has_whole_extents() {
        let places: Vec<_> = places(&mapping(64 * M..68 * M, 2 * M), X86).collect();
        let place = |addresses, offset| Place { addresses, offset };
        assert_eq!(
            places,
            [place(64 * M..66 * M, 2 * M), place(66 * M..68 * M, 4 * M)]
        );
    }

    #[test]
    fn a_mapping_may_begin_and_end_inside_an_extent() {
        let places: Vec<_> = places(&mapping(65 * M..68 * M, M), X86).collect();
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
        let cells: Vec<_> = places(&mapping(64 * M..70 * M, 0), X86)
            .map(|place| cell_of_regions(&place, &seen, X86))
            .collect();
        assert_eq!(
            cells.iter().map(|cell| cell.kind).collect::<Vec<_>>(),
            [Kind::HugeMapped, Kind::Swapped, Kind::Hole]
        );
        assert_eq!(cells[1].extent.present, 2);
        assert_eq!(cells[1].extent.swapped, 256);
    }
}
