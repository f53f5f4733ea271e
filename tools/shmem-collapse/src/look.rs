// SPDX-License-Identifier: GPL-2.0

//! What a process has of its shared memory: each file is looked at once, however
//! often it is mapped.

use crate::{
    machine::Geometry,
    pages::{Finder, Tables, place},
    shmem::{FileId, Mapping, Memory, Opened, by_file},
    survey::{Cell, Extent, FileSurvey, Strip, explain_cachestat, explain_scan},
    sys,
};
use anyhow::Result;
use std::{
    collections::{HashMap, VecDeque},
    io::{self, ErrorKind},
    ops::Range,
};

/// An extent that has pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where in the file it begins.
    pub(crate) offset: u64,
    pub(crate) extent: Extent,
    /// It is known to be huge because it is mapped so.
    pub(crate) mapped: bool,
}

/// A look at what a process has of one file, through all mappings that show it.
///
/// It goes on by one extent at each call, so that the caller can do something
/// else in between, or stop.
pub(crate) struct Look {
    geometry: Geometry,
    /// In the order of offsets.
    mappings: Vec<Mapping>,
    tables: Tables,
    source: Source,
}

/// Where a look gets its answers from.
enum Source {
    File {
        survey: FileSurvey,
        /// Parts of the file that are shown, the last one first.
        parts: Vec<Range<u64>>,
        finder: Option<Finder>,
    },
    /// The page tables: what the process itself has touched.
    Tables {
        is_overlay: bool,
        next: usize,
        found: VecDeque<Found>,
    },
}

impl Look {
    /// Begins to look at the file that all of these mappings show. There is
    /// nothing to look at if it has gone.
    pub(crate) fn at(
        memory: &Memory,
        mappings: &[&Mapping],
        geometry: Geometry,
    ) -> Result<Option<Self>> {
        let pagemap = match memory.pagemap() {
            Ok(pagemap) => pagemap,
            Err(error) if is_gone(&error) => return Ok(None),
            Err(error) => return Err(explain_scan(error)),
        };
        let tables = Tables::new(pagemap, geometry).map_err(explain_scan)?;
        let mut sorted: Vec<Mapping> = mappings.iter().copied().cloned().collect();
        sorted.sort_by_key(|mapping| mapping.offset);
        let source = match memory.open(mappings)? {
            Opened::Gone => return Ok(None),
            Opened::File(file) if sys::cached(&file, &(0..geometry.page)).is_ok() => Source::File {
                survey: FileSurvey::of(file, geometry)?,
                parts: parts(&sorted, geometry),
                finder: None,
            },
            opened => Source::Tables {
                is_overlay: matches!(opened, Opened::BehindOverlay),
                next: 0,
                found: VecDeque::new(),
            },
        };
        Ok(Some(Self {
            geometry,
            mappings: sorted,
            tables,
            source,
        }))
    }

    /// May be told which pages are huge that the process has not mapped so?
    pub(crate) fn sees_sizes(&self) -> bool {
        match &self.source {
            Source::File { survey, .. } => survey.sees_sizes(),
            Source::Tables { .. } => true,
        }
    }

    /// The next extent that has pages and whose offset is `wanted`.
    pub(crate) fn next(&mut self, mut wanted: impl FnMut(u64) -> bool) -> Result<Option<Found>> {
        let (geometry, tables, mappings) = (self.geometry, &mut self.tables, &self.mappings);
        match &mut self.source {
            Source::File {
                survey,
                parts,
                finder,
            } => loop {
                let search = match finder {
                    Some(search) => search,
                    None => match parts.pop() {
                        Some(part) => finder.insert(Finder::new(&part, geometry)),
                        None => return Ok(None),
                    },
                };
                let found = search
                    .next(&mut wanted, |range| survey.cached(range))
                    .map_err(explain_cachestat)?;
                let Some((offset, cached)) = found else {
                    *finder = None;
                    continue;
                };
                let is_huge = is_mapped_huge(tables, mappings, offset, geometry)?;
                let extent = survey.extent(offset, cached, is_huge)?;
                return Ok(Some(Found {
                    offset,
                    extent,
                    mapped: is_huge,
                }));
            },
            Source::Tables { next, found, .. } => loop {
                while let Some(found) = found.pop_front() {
                    if wanted(found.offset) {
                        return Ok(Some(found));
                    }
                }
                let Some(mapping) = mappings.get(*next) else {
                    return Ok(None);
                };
                *next += 1;
                let cells = tables.cells(mapping, geometry).map_err(explain_scan)?;
                found.extend(cells.iter().map(|cell| {
                    let into = cell.at.saturating_sub(mapping.addresses.start);
                    Found {
                        offset: geometry.floor(mapping.offset.saturating_add(into)),
                        extent: cell.extent,
                        mapped: cell.extent.huge,
                    }
                }));
            },
        }
    }
}

/// The cells of a mapping that shows a file of these extents.
fn cells(
    tables: &mut Tables,
    mapping: &Mapping,
    seen: &[Found],
    geometry: Geometry,
) -> io::Result<Vec<Cell>> {
    let shown = mapping.shown();
    let begin = geometry.floor(shown.start);
    let first = seen.partition_point(|found| found.offset < begin);
    let end = seen.partition_point(|found| found.offset < shown.end);
    let mut cells = Vec::new();
    for found in seen.get(first..end).unwrap_or_default() {
        let Some(place) = place(mapping, found.offset, geometry) else {
            continue;
        };
        let mapped = found.extent.huge && tables.map_huge(mapping, &place.addresses, geometry)?;
        cells.push(Cell {
            at: place.addresses.start,
            kind: found.extent.kind(mapped),
            extent: found.extent,
        });
    }
    Ok(cells)
}

/// The parts of a file that mappings show, as whole extents; the last one first.
fn parts(sorted: &[Mapping], geometry: Geometry) -> Vec<Range<u64>> {
    let mut parts = Vec::<Range<u64>>::new();
    for mapping in sorted {
        let shown = mapping.shown();
        let part = geometry.floor(shown.start)..geometry.ceil(shown.end);
        match parts.last_mut() {
            Some(last) if part.start <= last.end => last.end = last.end.max(part.end),
            _ => parts.push(part),
        }
    }
    parts.reverse();
    parts
}

/// Is the extent seen to be huge without looking at the file?
fn is_mapped_huge(
    tables: &mut Tables,
    sorted: &[Mapping],
    offset: u64,
    geometry: Geometry,
) -> Result<bool> {
    let behind = sorted.partition_point(|mapping| mapping.offset <= offset);
    let mapping = behind.checked_sub(1).and_then(|last| sorted.get(last));
    let Some(mapping) = mapping.filter(|mapping| mapping.is_aligned(geometry)) else {
        return Ok(false);
    };
    match place(mapping, offset, geometry) {
        Some(place) if place.addresses.end - place.addresses.start == geometry.extent => tables
            .map_huge(mapping, &place.addresses, geometry)
            .map_err(explain_scan),
        _ => Ok(false),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// A picture of all shared memory of a process. Each file is looked at once,
/// however often it is mapped.
pub(crate) struct Survey<'m> {
    memory: &'m Memory,
    geometry: Geometry,
    /// None of a process that has ended.
    tables: Option<Tables>,
    mappings: HashMap<FileId, Vec<&'m Mapping>>,
    files: HashMap<FileId, Seen>,
    /// Only what the process itself has touched is seen of some file, for want of
    /// a privilege.
    pub(crate) is_partial: bool,
    /// As well, because an overlay is before it.
    pub(crate) has_overlay: bool,
    /// It is told of all files which pages are huge.
    pub(crate) sees_sizes: bool,
    /// What could not be looked at, and why: once for each file.
    pub(crate) problems: Vec<String>,
}

/// What is known of a file.
enum Seen {
    Extents(Vec<Found>),
    /// It may not be looked at: the page tables have to tell.
    Hidden,
    Gone,
}

impl<'m> Survey<'m> {
    /// Fails where page tables cannot be looked at.
    pub(crate) fn new(
        memory: &'m Memory,
        mappings: &'m [Mapping],
        geometry: Geometry,
    ) -> Result<Self> {
        let tables = match memory.pagemap() {
            Err(error) if mappings.is_empty() || is_gone(&error) => None,
            pagemap => Some(
                pagemap
                    .and_then(|pagemap| Tables::new(pagemap, geometry))
                    .map_err(explain_scan)?,
            ),
        };
        let mappings = by_file(mappings)
            .into_iter()
            .filter_map(|group| Some((group.first()?.file(), group)))
            .collect();
        Ok(Self {
            memory,
            geometry,
            tables,
            mappings,
            files: HashMap::new(),
            is_partial: false,
            has_overlay: false,
            sees_sizes: true,
            problems: Vec::new(),
        })
    }

    /// The extents of a mapping; none if it has gone or cannot be looked at.
    pub(crate) fn strip(&mut self, mapping: &Mapping) -> Option<Strip> {
        let id = mapping.file();
        if !self.files.contains_key(&id) {
            let seen = self.look(&id).unwrap_or_else(|error| {
                self.problems.push(format!("{}: {error:#}", mapping.name));
                Seen::Gone
            });
            self.files.insert(id.clone(), seen);
        }
        let (tables, geometry) = (self.tables.as_mut()?, self.geometry);
        let cells = match self.files.get(&id)? {
            Seen::Extents(seen) => cells(tables, mapping, seen, geometry),
            Seen::Hidden => tables.cells(mapping, geometry),
            Seen::Gone => return None,
        };
        match cells {
            Ok(cells) => Some(Strip::of_mapping(mapping, geometry, cells)),
            Err(error) => {
                self.problems.push(format!("{}: {error}", mapping.name));
                None
            }
        }
    }

    fn look(&mut self, id: &FileId) -> Result<Seen> {
        let mappings = self.mappings.get(id).map(Vec::as_slice).unwrap_or_default();
        let Some(mut look) = Look::at(self.memory, mappings, self.geometry)? else {
            return Ok(Seen::Gone);
        };
        self.sees_sizes &= look.sees_sizes();
        if let Source::Tables { is_overlay, .. } = look.source {
            self.has_overlay |= is_overlay;
            self.is_partial |= !is_overlay;
            return Ok(Seen::Hidden);
        }
        let mut seen = Vec::new();
        while let Some(found) = look.next(|_| true)? {
            seen.push(found);
        }
        Ok(Seen::Extents(seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        machine::X86,
        proc::tests::Tree,
        survey::tests::{M, file_with_pages, mapping},
    };

    #[test]
    fn what_mappings_show_is_looked_at_once() {
        let mut sorted = vec![
            mapping(64 * M..65 * M, 0),
            mapping(80 * M..84 * M, M),
            mapping(90 * M..91 * M, 8 * M),
        ];
        assert_eq!(parts(&sorted, X86), [8 * M..10 * M, 0..6 * M]);
        sorted.truncate(1);
        assert_eq!(parts(&sorted, X86), [0..2 * M]);
    }

    #[test]
    fn thousands_of_mappings_are_one_look() {
        let (file, path) = file_with_pages(4, &[0, 4 * M]);
        let stat = rustix::fs::fstat(&file).unwrap();
        let (major, minor) = (
            rustix::fs::major(stat.st_dev),
            rustix::fs::minor(stat.st_dev),
        );
        let count = 3000u64;
        let line = |at: u64| {
            // Backwards, so that nothing is joined.
            let first = (at + 1) * 4 * M;
            format!(
                "{first:x}-{:x} rw-s {:08x} {major:02x}:{minor:02x} {} /memfd:x (deleted)\n",
                first + 2 * M,
                (count - at) % 4 * 2 * M,
                stat.st_ino
            )
        };
        let maps: String = (0..count).map(line).collect();
        let tree = Tree::new(maps.as_bytes(), b"");
        tree.link(&format!("{:x}-{:x}", 4 * M, 6 * M), &path);
        std::os::unix::fs::symlink("/proc/self/pagemap", tree.proc().path(Tree::PID, "pagemap"))
            .unwrap();
        let mut memory = Memory::in_proc(tree.proc(), Tree::PID).unwrap();
        let mappings = memory.mappings().unwrap();
        assert_eq!(mappings.len(), count as usize);
        let mut survey = Survey::new(&memory, &mappings, X86).unwrap();
        let strips: Vec<_> = mappings
            .iter()
            .map(|mapping| survey.strip(mapping).unwrap())
            .collect();
        assert_eq!(survey.files.len(), 1);
        let with_pages = strips.iter().filter(|strip| strip.holes() == 0).count();
        assert_eq!(with_pages as u64, count / 2);
        assert!(survey.problems.is_empty(), "{:?}", survey.problems);
    }
}
