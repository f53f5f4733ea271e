// SPDX-License-Identifier: GPL-2.0

//! Recorded and broken `/proc` trees, and all that is done with them.
//!
//! Each round takes a recorded tree, breaks it in some places, adds lines that
//! are whole, and looks at it in every way there is. Nothing may panic or go on
//! for ever, and the whole lines come out. `SHMEM_COLLAPSE_FUZZ` is the number of
//! rounds; a round that fails names its seed.

use crate::{
    look::{Look, Survey},
    machine::X86,
    name::Name,
    pages::cells_of_regions,
    picture::{Picture, Piece, Totals, rows},
    proc::{Stat, tests::Tree},
    shmem::{Mapping, Memory, by_file},
    survey::{Cell, Extent, Kind, Strip},
    sys::Region,
};
use std::{fs, os::fd::AsRawFd, panic, path::Path};

const MAPS: [&[u8]; 5] = [
    include_bytes!("../tests/data/odd/maps"),
    include_bytes!("../tests/data/memfd.maps"),
    include_bytes!("../tests/data/sysv.maps"),
    include_bytes!("../tests/data/shared.maps"),
    include_bytes!("../tests/data/file.maps"),
];
const MOUNTS: [&[u8]; 2] = [
    include_bytes!("../tests/data/odd/mountinfo"),
    include_bytes!("../tests/data/mountinfo"),
];
const STAT: &[u8] = include_bytes!("../tests/data/odd/stat");

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// What a number, a name or the space between them may become.
const WORDS: [&[u8]; 16] = [
    b"",
    b"0",
    b"ffffffffffffffff",
    b"18446744073709551615",
    b"18446744073709551616",
    b"fffffffffffff000-ffffffffffffffff",
    b"-1",
    b"+1",
    b"\n",
    b"\0",
    b"\xff",
    b"/SYSV",
    b" (deleted)",
    b"\\012",
    b"\x1b[2J",
    b" - ",
];

/// Breaks a text in some places.
fn broken(text: &[u8], random: &mut Random) -> Vec<u8> {
    let mut text = text.to_vec();
    for _ in 0..random.below(12) {
        let at = random.below(text.len() + 1);
        let to = (at + random.below(40)).min(text.len());
        match random.below(6) {
            0 if at < text.len() => text[at] ^= 1 << random.below(8),
            1 => drop(text.drain(at..to)),
            2 => {
                let part = text[at..to].to_vec();
                let at = random.below(text.len() + 1);
                text.splice(at..at, part);
            }
            3 => drop(text.splice(at..at, random.of(&WORDS).iter().copied())),
            4 => drop(text.splice(at..to, random.of(&WORDS).iter().copied())),
            _ if random.below(8) == 0 => text.truncate(at),
            _ => {
                // A whole number becomes another.
                let is_end = |byte: &u8| !byte.is_ascii_hexdigit();
                let len = text[at..].iter().position(is_end).unwrap_or(0);
                text.splice(at..at + len, random.of(&WORDS).iter().copied());
            }
        }
    }
    text
}

/// Adds lines to a text, between those that it has.
fn with_lines(text: &[u8], lines: &[String], random: &mut Random) -> Vec<u8> {
    let mut all: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    for line in lines {
        let at = random.below(all.len() + 1);
        all.insert(at, line.as_bytes());
    }
    all.join(&b'\n')
}

/// One round.
fn round(seed: u64) {
    let mut random = Random(seed);
    let file =
        fs::File::from(rustix::fs::memfd_create("fuzz", rustix::fs::MemfdFlags::CLOEXEC).unwrap());
    file.set_len(4 * X86.extent).unwrap();
    rustix::io::pwrite(&file, b"x", X86.extent).unwrap();
    let stat = rustix::fs::fstat(&file).unwrap();
    let device = (
        rustix::fs::major(stat.st_dev),
        rustix::fs::minor(stat.st_dev),
    );
    let at = |index: u64| 0x10_0000_0000 + index * 2 * X86.extent;
    let entry = |index| format!("{:x}-{:x}", at(index), at(index) + X86.extent);
    let whole: Vec<_> = (0..3)
        .map(|index| {
            let (major, minor, inode) = (device.0, device.1, stat.st_ino);
            let offset = index * X86.extent;
            let range = entry(index);
            format!("{range} rw-s {offset:08x} {major:02x}:{minor:02x} {inode} /memfd:whole")
        })
        .collect();

    let maps = broken(random.of(&MAPS), &mut random);
    let maps = with_lines(&maps, &whole, &mut random);
    let mounts = broken(random.of(&MOUNTS), &mut random);
    let tree = Tree::new(&maps, &mounts);
    let pagemap = tree.proc().path(Tree::PID, "pagemap");
    std::os::unix::fs::symlink("/proc/self/pagemap", &pagemap).unwrap();
    let of_file = format!("/proc/self/fd/{}", file.as_raw_fd());
    tree.link(&entry(random.below(3) as u64), Path::new(&of_file));
    tree.write("stat", &broken(STAT, &mut random));
    let _ = tree.proc().stat(Tree::PID);
    assert!(tree.proc().stats().len() <= 1);

    let mut memory = Memory::in_proc(tree.proc(), Tree::PID).unwrap();
    let mappings = memory.mappings().unwrap();
    assert!(mappings.len() <= maps.split(|byte| *byte == b'\n').count());
    for index in 0..3 {
        let is_whole = |mapping: &&Mapping| mapping.addresses.start == at(index);
        let found = mappings.iter().find(is_whole);
        assert_eq!(found.map(|mapping| mapping.inode), Some(stat.st_ino));
    }
    // Some of it goes while it is looked at.
    match random.below(8) {
        0 => fs::remove_file(pagemap).unwrap(),
        1 => fs::remove_file(tree.proc().path(Tree::PID, "maps")).unwrap(),
        2 => fs::remove_dir_all(tree.proc().path(Tree::PID, "")).unwrap(),
        3 => file.set_len(0).unwrap(),
        _ => {}
    }
    look(&memory, &mappings);
    for mapping in &mappings {
        draw(mapping, &mut random);
    }
}

/// Every way to look at what a process has.
fn look(memory: &Memory, mappings: &[Mapping]) {
    for group in by_file(mappings) {
        if let Ok(Some(mut look)) = Look::at(memory, &group, X86) {
            while let Ok(Some(found)) = look.next(|_| true) {
                let pages = found.extent.present + found.extent.swapped;
                assert!(pages > 0 && found.offset % X86.extent == 0);
            }
        }
    }
    if let Ok(mut survey) = Survey::new(memory, mappings, X86) {
        for mapping in mappings {
            if let Some(strip) = survey.strip(mapping) {
                assert!(strip.cells.len() as u64 <= strip.extents);
            }
        }
    }
}

/// Every way to show a mapping, whatever may be in it.
fn draw(mapping: &Mapping, random: &mut Random) {
    let text = mapping.name.to_string();
    assert_eq!(crate::name::harmless(&text), text.replace('\n', ""));
    let inside = mapping.extents_inside(X86);
    assert!(inside.start <= inside.end);
    let mut ends: Vec<_> = (0..2 * random.below(8))
        .map(|_| random.next() >> random.below(64))
        .collect();
    ends.sort_unstable();
    let regions: Vec<_> = ends
        .chunks_exact(2)
        .map(|ends| Region {
            range: ends[0]..ends[1],
            is: random.next() as u32 % 64,
        })
        .collect();
    // There is a cell for each extent of what is mapped.
    if mapping.shown().end - mapping.shown().start < 1 << 30 {
        cells_of_regions(mapping, &regions, X86);
    }
    let empty = Strip::of_mapping(mapping, X86, Vec::new());
    let mut indices: Vec<_> = (0..random.below(200))
        .map(|_| random.next() % empty.extents.max(1))
        .collect();
    indices.sort_unstable();
    indices.dedup();
    let cells: Vec<_> = indices
        .iter()
        .map(|index| Cell {
            at: empty.at(*index),
            kind: Kind::Small,
            extent: Extent {
                present: random.next() >> random.below(64),
                ..Extent::default()
            },
        })
        .collect();
    let strip = Strip::of_mapping(mapping, X86, cells);
    let start = random.next() >> random.below(64);
    let range = start..start.saturating_add(random.next() >> random.below(64));
    let clipped = strip.clone().clipped(&range);
    assert!(clipped.extents <= strip.extents && clipped.cells.len() as u64 <= clipped.extents);
    // As much work as there are cells.
    assert!(rows(&strip).count() <= 2 * strip.cells.len() + 3);
    let piece = Piece::of_mapping(mapping, strip, X86);
    let picture = Picture {
        geometry: X86,
        of_process: true,
        ascii: true,
    };
    let totals = Totals::of([&piece.strip], X86);
    let mut out = Vec::new();
    picture.draw(&mut out, &piece).unwrap();
    picture.totals(&mut out, &totals).unwrap();
    let name = serde_json::to_string(&piece.name).unwrap();
    assert_eq!(serde_json::from_str::<String>(&name).unwrap(), text);
}

#[test]
fn broken_trees_do_no_harm() {
    let rounds = std::env::var("SHMEM_COLLAPSE_FUZZ")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(300);
    for seed in 0..rounds {
        assert!(panic::catch_unwind(|| round(seed)).is_ok(), "seed {seed}");
    }
}

#[test]
fn texts_that_are_noise_are_read() {
    for seed in 0..2000 {
        let mut random = Random(seed);
        let noise: Vec<u8> = (0..random.below(200))
            .map(|_| random.next() as u8)
            .collect();
        let _ = Stat::parse(&noise);
        let _ = Name::of_maps(&noise).to_string();
    }
}

/// The limit of a process is some 65,000 mappings.
#[test]
fn maps_of_seventy_thousand_lines() {
    let line = |index: u64| {
        let start = (index + 1) * 2 * X86.extent;
        let end = start + X86.page;
        format!("{start:x}-{end:x} rw-s 00000000 00:01 {index} /memfd:many (deleted)\n")
    };
    let maps: String = (0..70_000).map(line).collect();
    let tree = Tree::new(maps.as_bytes(), b"");
    let mut memory = Memory::in_proc(tree.proc(), Tree::PID).unwrap();
    let mappings = memory.mappings().unwrap();
    assert_eq!(mappings.len(), 70_000);
    assert_eq!(by_file(&mappings).len(), 70_000);
}
