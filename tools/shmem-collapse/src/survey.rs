// SPDX-License-Identifier: GPL-2.0

//! What each extent of some memory is made of, without the module's help.
//!
//! `cachestat()` counts an extent's pages, in memory and in swap. Whether they
//! are one huge page is found out by mapping the extent here, at an address that
//! suits one: the kernel maps a huge page huge when it can. A guard keeps holes
//! as they are, and pages are marked as not used, so that a look changes nothing.
//!
//! Only extents that have pages are kept: what is said of a file of terabytes
//! takes as much time and memory as there is in it.

use crate::{
    machine::Geometry,
    name::Name,
    pages::Finder,
    shmem::Mapping,
    sys::{self, Cached, PAGE_IS_HUGE, Pages, Window},
};
use anyhow::{Context, Result};
use serde::Serialize;
use std::{
    fs::File,
    io::{self, ErrorKind},
    ops::Range,
    os::unix::fs::FileExt,
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

/// The extents of a file or of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Strip {
    /// Where the first begins, as cells have it.
    first: u64,
    /// Where the second begins.
    second: u64,
    extent: u64,
    /// How many there are, with holes.
    pub(crate) extents: u64,
    /// Those that have pages.
    pub(crate) cells: Vec<Cell>,
}

impl Strip {
    /// A whole file. Its last extent may be a part of one.
    pub(crate) fn of_file(len: u64, geometry: Geometry, cells: Vec<Cell>) -> Self {
        Self {
            first: 0,
            second: geometry.extent,
            extent: geometry.extent,
            extents: len.div_ceil(geometry.extent),
            cells,
        }
    }

    /// The extents of the file that a mapping shows, wholly or in part.
    pub(crate) fn of_mapping(mapping: &Mapping, geometry: Geometry, cells: Vec<Cell>) -> Self {
        let shown = mapping.shown();
        let begin = geometry.floor(shown.start);
        let head = geometry.extent - (shown.start - begin);
        Self {
            first: mapping.addresses.start,
            second: mapping.addresses.start.saturating_add(head),
            extent: geometry.extent,
            extents: shown.end.saturating_sub(begin).div_ceil(geometry.extent),
            cells,
        }
    }

    /// Which of the extents begins there.
    pub(crate) fn index(&self, at: u64) -> u64 {
        match at.checked_sub(self.second) {
            Some(behind) => (behind / self.extent).saturating_add(1),
            None => 0,
        }
    }

    /// Where an extent begins.
    pub(crate) fn at(&self, index: u64) -> u64 {
        match index.checked_sub(1) {
            Some(behind) => self
                .second
                .saturating_add(behind.saturating_mul(self.extent)),
            None => self.first,
        }
    }

    /// Extents that have no page.
    pub(crate) fn holes(&self) -> u64 {
        self.extents.saturating_sub(self.cells.len() as u64)
    }

    /// Only the extents that begin in a range.
    pub(crate) fn clipped(mut self, range: &Range<u64>) -> Self {
        let count_before = |at: u64| match at.checked_sub(self.first) {
            None | Some(0) => 0,
            Some(_) => (at.saturating_sub(self.second))
                .div_ceil(self.extent)
                .saturating_add(1)
                .min(self.extents),
        };
        let (skipped, end) = (count_before(range.start), count_before(range.end));
        self.extents = end.saturating_sub(skipped);
        (self.first, self.second) = (self.at(skipped), self.at(skipped.saturating_add(1)));
        self.cells.retain(|cell| range.contains(&cell.at));
        self
    }
}

/// A file that is looked at.
pub(crate) struct FileSurvey {
    file: File,
    geometry: Geometry,
    /// None where the kernel refuses what a look without a trace needs.
    window: Option<Window>,
    /// Flags of page frames: for root only.
    frames: Option<File>,
    own_pagemap: File,
}

impl FileSurvey {
    pub(crate) fn open(path: &Path, geometry: Geometry) -> Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("{} cannot be opened to be looked at", Name::from(path)))?;
        Self::of(file, geometry)
    }

    pub(crate) fn of(file: File, geometry: Geometry) -> Result<Self> {
        Ok(Self {
            file,
            geometry,
            window: Window::new(geometry.extent).ok(),
            frames: File::open("/proc/kpageflags").ok(),
            own_pagemap: File::open("/proc/self/pagemap").context("/proc/self/pagemap")?,
        })
    }

    /// Bytes in the file.
    pub(crate) fn len(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// May be told from here which pages are huge?
    pub(crate) fn sees_sizes(&self) -> bool {
        self.window.is_some()
    }

    /// Counts the pages of a range.
    pub(crate) fn cached(&self, range: &Range<u64>) -> io::Result<Cached> {
        sys::cached(&self.file, range)
    }

    /// What the extent at an offset is made of that has these pages.
    pub(crate) fn extent(&mut self, offset: u64, cached: Cached, is_huge: bool) -> Result<Extent> {
        let (huge, partly) = if is_huge || cached.present == 0 {
            (is_huge, false)
        } else {
            self.sizes(offset)?
        };
        Ok(Extent {
            present: cached.present,
            swapped: cached.evicted,
            huge,
            partly,
        })
    }

    /// Is it one huge page, and are there larger pages than the smallest?
    fn sizes(&mut self, offset: u64) -> Result<(bool, bool)> {
        let page = self.geometry.page;
        let Some(window) = &mut self.window else {
            return Ok((false, false));
        };
        let view = window
            .view(&self.file, offset)
            .context("the file cannot be mapped to be looked at")?;
        let resident = view.resident(page)?;
        for run in runs(&resident) {
            view.populate(run.start * page as usize..run.end * page as usize);
        }
        let huge = Pages {
            all_of: PAGE_IS_HUGE,
            any_of: 0,
        };
        let huge =
            sys::scan_pagemap(&self.own_pagemap, &view.addresses(), huge).map_err(explain_scan)?;
        if !huge.is_empty() {
            return Ok((true, false));
        }
        let Some(flags) = &self.frames else {
            return Ok((false, false));
        };
        let frames = frames(&self.own_pagemap, &view.addresses(), page)?;
        Ok((false, has_large(flags, &frames)?))
    }

    /// Looks at the whole file.
    fn strip(&mut self) -> Result<Strip> {
        let geometry = self.geometry;
        let len = self.len()?;
        let end = len
            .div_ceil(geometry.extent)
            .saturating_mul(geometry.extent);
        let mut finder = Finder::new(&(0..end), geometry);
        let mut cells = Vec::new();
        while let Some((at, cached)) = finder
            .next(|_| true, |range| sys::cached(&self.file, range))
            .map_err(explain_cachestat)?
        {
            let extent = self.extent(at, cached, false)?;
            cells.push(Cell {
                at,
                kind: extent.kind(false),
                extent,
            });
        }
        Ok(Strip::of_file(len, geometry, cells))
    }
}

/// The page frames that are mapped at some addresses of this process.
fn frames(pagemap: &File, addresses: &Range<u64>, page: u64) -> io::Result<Vec<u64>> {
    const PRESENT: u64 = 1 << 63;
    const FRAME: u64 = (1 << 55) - 1;
    let pages = addresses.end.saturating_sub(addresses.start) / page;
    let mut entries = vec![0; pages.saturating_mul(8) as usize];
    pagemap.read_exact_at(&mut entries, addresses.start / page * 8)?;
    Ok(words(&entries)
        .filter(|entry| entry & PRESENT != 0)
        .map(|entry| entry & FRAME)
        // Zero is what those see who may not know.
        .filter(|frame| *frame != 0)
        .collect())
}

/// Is one of the frames a part of a larger page?
fn has_large(flags: &File, frames: &[u64]) -> io::Result<bool> {
    const COMPOUND: u64 = (1 << 15) | (1 << 16);
    for run in frames.chunk_by(|left, right| left.checked_add(1) == Some(*right)) {
        let Some(first) = run.first() else { continue };
        let mut entries = vec![0; run.len().saturating_mul(8)];
        flags.read_exact_at(&mut entries, first.saturating_mul(8))?;
        if words(&entries).any(|flags| flags & COMPOUND != 0) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    bytes
        .chunks_exact(8)
        .filter_map(|word| Some(u64::from_ne_bytes(word.try_into().ok()?)))
}

/// Runs of set elements.
fn runs(set: &[bool]) -> Vec<Range<usize>> {
    let mut at = 0;
    set.chunk_by(|left, right| left == right)
        .filter_map(|chunk| {
            let run = at..at + chunk.len();
            at = run.end;
            chunk.first()?.then_some(run)
        })
        .collect()
}

pub(crate) fn explain_cachestat(error: io::Error) -> anyhow::Error {
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

pub(crate) fn explain_scan(error: io::Error) -> anyhow::Error {
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

/// The cells of a whole file, and whether it could be told which pages are huge.
pub(crate) fn file(path: &Path, geometry: Geometry) -> Result<(Strip, bool)> {
    let mut survey = FileSurvey::open(path, geometry)?;
    let sees_sizes = survey.sees_sizes();
    Ok((survey.strip()?, sees_sizes))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::machine::X86;
    use rustix::fs::MemfdFlags;
    use std::os::fd::AsRawFd;

    pub(crate) const M: u64 = 1 << 20;

    pub(crate) fn mapping(addresses: Range<u64>, offset: u64) -> Mapping {
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
    fn extents_are_counted_with_holes() {
        let strip = Strip::of_mapping(&mapping(65 * M..70 * M, M), X86, Vec::new());
        assert_eq!((strip.extents, strip.holes()), (3, 3));
        let starts = [65 * M, 66 * M, 68 * M];
        for (index, at) in (0u64..).zip(starts) {
            assert_eq!((strip.at(index), strip.index(at)), (at, index));
        }
        assert_eq!(strip.index(67 * M), 1);
        let whole = Strip::of_file(u64::MAX, X86, Vec::new());
        assert_eq!(whole.extents, 1 << 43);
        assert_eq!(whole.at(whole.extents), u64::MAX);
    }

    #[test]
    fn a_strip_can_be_clipped() {
        let extent = Extent {
            present: 1,
            ..Extent::default()
        };
        let cells: Vec<_> = [65 * M, 68 * M]
            .map(|at| Cell {
                at,
                kind: Kind::Small,
                extent,
            })
            .into();
        let strip = Strip::of_mapping(&mapping(65 * M..72 * M, M), X86, cells);
        assert_eq!(strip.extents, 4);
        for (range, extents, cells) in [
            (0..100 * M, 4, 2),
            (66 * M..72 * M, 3, 1),
            (66 * M..68 * M, 1, 0),
            (65 * M..66 * M, 1, 1),
            (70 * M..u64::MAX, 1, 0),
            (0..65 * M, 0, 0),
            (80 * M..90 * M, 0, 0),
        ] {
            let clipped = strip.clone().clipped(&range);
            let counts = (clipped.extents, clipped.cells.len());
            assert_eq!(counts, (extents, cells), "{range:?}");
        }
        assert_eq!(strip.clipped(&(66 * M..72 * M)).at(1), 68 * M);
    }

    /// A file of that many extents, with a page at some offsets.
    pub(crate) fn file_with_pages(extents: u64, offsets: &[u64]) -> (File, std::path::PathBuf) {
        let file = File::from(rustix::fs::memfd_create("survey", MemfdFlags::CLOEXEC).unwrap());
        file.set_len(extents * X86.extent).unwrap();
        for offset in offsets {
            file.write_at(b"x", *offset).unwrap();
        }
        let path = format!("/proc/self/fd/{}", file.as_raw_fd()).into();
        (file, path)
    }

    #[test]
    fn a_sparse_file_is_looked_at_where_it_has_pages() {
        let offsets: Vec<_> = (0..17).map(|page| page * 61_680 * X86.extent).collect();
        let (file, path) = file_with_pages(1 << 20, &offsets);
        let (strip, _) = super::file(&path, X86).unwrap();
        assert_eq!(strip.extents, 1 << 20);
        assert_eq!(strip.cells.len(), 17);
        assert!(strip.cells.iter().all(|cell| cell.extent.present == 1));
        let blocks = rustix::fs::fstat(&file).unwrap().st_blocks;
        assert_eq!(blocks, 17 * 8, "the look has filled something");
    }

    #[test]
    fn pages_that_were_not_written_count() {
        use rustix::fs::{FallocateFlags, fallocate};
        let (file, path) = file_with_pages(8, &[0]);
        let keep = FallocateFlags::KEEP_SIZE;
        fallocate(&file, keep, 6 * M, 3 * X86.page).unwrap();
        let (strip, _) = super::file(&path, X86).unwrap();
        let present: Vec<_> = strip
            .cells
            .iter()
            .map(|cell| (cell.at, cell.extent.present))
            .collect();
        assert_eq!(present, [(0, 1), (6 * M, 3)]);
    }
}
