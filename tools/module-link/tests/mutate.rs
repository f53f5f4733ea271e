// SPDX-License-Identifier: GPL-2.0

//! Modules with random changes: each ends with an error or as a module that is sound.

use super::{
    load::assert_linked,
    scene_load::*, //
};
use crate::{
    arch::Arch,
    elf::Elf,
    shape,
    symtab::Symtab, //
};

const FILES: usize = 10_000;

/// The generator of xorshift64, so that every run changes the same.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    /// A number as it is found where one is just too large, or very much so.
    fn number(&mut self) -> u64 {
        let any = self.below(usize::MAX) as u64;
        match self.below(6) {
            0 => any & 0xff,
            1 => any & 0xffff,
            2 => any,
            3 => u64::MAX - (any & 0xff),
            4 => 1 << (any & 63),
            _ => (1 << (any & 63)) - 1,
        }
    }

    /// Changes a byte, a number, a stretch or the length.
    fn change(&mut self, file: &mut Vec<u8>) {
        let at = self.below(file.len());
        self.change_at(file, at);
    }

    /// The same at a place in the file, or near it.
    pub(super) fn change_at(&mut self, file: &mut Vec<u8>, at: usize) {
        let width = [1, 2, 4, 8][self.below(4)].min(file.len() - at);
        match self.below(8) {
            0 => file.truncate(at.max(1)),
            1 => {
                let end = (at + self.below(64)).min(file.len());
                file[at..end].fill(self.below(256) as u8);
            }
            2 => {
                let from = self.below(file.len() - width + 1);
                file.copy_within(from..from + width, at);
            }
            3 => {
                file[at] ^= 1 << self.below(8);
            }
            _ => {
                let at = at - at % width;
                let number = self.number().to_le_bytes();
                file[at..at + width].copy_from_slice(&number[..width]);
            }
        }
    }
}

/// Checks a file that was linked.
pub(super) fn assert_sound(linked: &[u8]) {
    let elf = Elf::parse(linked).unwrap();
    let symtab = Symtab::find(&elf).unwrap().unwrap();
    shape::check(&elf, Arch::of(elf.machine).unwrap(), symtab).unwrap();
}

/// Checks that both ends, an error and a linked file, were put to the test.
pub(super) fn assert_neither_is_rare(linked: usize, files: usize) {
    assert!((files / 10..files * 9 / 10).contains(&linked), "{linked}");
}

#[test]
fn changed_modules_are_refused_or_sound() {
    let mut random = Random(0x2026_1128);
    let mut linked_files = 0;
    for number in 0..FILES {
        let mut file = Parts::new(MACHINES[number % MACHINES.len()]).file();
        for _ in 0..=random.below(3) {
            random.change(&mut file);
        }
        let Ok(linked) = link_file(&file, &running()) else {
            continue;
        };
        assert_linked(&file, &linked.file);
        assert_sound(&linked.file);
        linked_files += 1;
    }
    assert_neither_is_rare(linked_files, FILES);
}

#[test]
fn every_truncation_is_an_error() {
    for machine in MACHINES {
        let file = Parts::new(machine).file();
        for length in 0..file.len() {
            assert!(link_file(&file[..length], &running()).is_err(), "{length}");
        }
    }
}

#[test]
fn changed_lists_never_panic() {
    let file = Parts::new(X86_64).file();
    let mut random = Random(0x2026);
    for _ in 0..FILES / 10 {
        let mut kernel = running();
        random.change(&mut kernel.kallsyms);
        let _ = link_file(&file, &kernel);
    }
}
