// SPDX-License-Identifier: GPL-2.0

//! The module itself with random changes, for each machine that it is linked at load on.

use std::{
    fmt::Write,
    ops::Range, //
};

use super::{
    mutate::{
        assert_neither_is_rare,
        assert_sound,
        Random, //
    },
    scene_load::root, //
};
use crate::{
    arch::Arch,
    elf::{
        Elf,
        SHT_NOBITS,
        SHT_NULL, //
    },
    imports,
    load::link,
    modinfo,
    running::Running,
    symtab::Symtab,
    table::Table, //
};

const FILES: usize = 1_000;

/// A kernel that has what the module needs, and that it was built for.
fn kernel_of(file: &[u8]) -> Running {
    let module = Elf::parse(file).unwrap();
    let value = |tag| modinfo::value(&module, tag).unwrap().unwrap();
    let symtab = Symtab::find(&module).unwrap().unwrap();
    let table = Table::find(&module, Arch::of(module.machine).unwrap(), symtab)
        .unwrap()
        .unwrap();
    let names: Vec<_> = value(modinfo::LINK_AT_LOAD).split(',').collect();
    let imports = imports::find_named(&module, &names).unwrap();
    let imported = imports.symbols.iter().map(|import| {
        let is_called = import.uses.iter().all(|found| found.branch);
        (if is_called { "T" } else { "D" }, import.name.as_str())
    });
    let compared = table.names.iter().map(|name| ("D", name.as_str()));

    let mut kallsyms = String::from("ffffffff81000000 T _text\n");
    for (number, (letter, name)) in imported.chain(compared).enumerate() {
        let address = 0xffff_ffff_8100_0040 + 64 * number as u64;
        writeln!(kallsyms, "{address:016x} {letter} {name}").unwrap();
    }
    kallsyms += "ffffffff83000000 T __init_begin\nffffffff83001000 T __init_end\n";
    kallsyms += "ffffffff84000000 B _end\n";

    let release = value("vermagic").split(' ').next().unwrap();
    Running {
        release: release.into(),
        version: "#1 SMP".into(),
        build_id: None,
        proc_version: format!("Linux version {release} (gcc) #1 SMP"),
        kallsyms: kallsyms.into(),
    }
}

/// What changes are made in: the ELF header, the section headers, and what each section has. So
/// sections that are small change as often as large ones.
fn places(file: &[u8]) -> Vec<Range<usize>> {
    let number = |at: usize, width: usize| {
        file[at..at + width]
            .iter()
            .rev()
            .fold(0, |number, &byte| number << 8 | usize::from(byte))
    };
    let (headers, count) = (number(0x28, 8), number(0x3c, 2));
    let mut places = vec![0..64, headers..headers + 64 * count];
    for header in (0..count).map(|index| headers + 64 * index) {
        let (start, size) = (number(header + 0x18, 8), number(header + 0x20, 8));
        if ![SHT_NULL, SHT_NOBITS].contains(&(number(header + 4, 4) as u32)) && size > 0 {
            places.push(start..start + size);
        }
    }
    places
}

#[test]
#[ignore = "needs the module, whose file MODULE names"]
fn changed_copies_of_the_module_are_refused_or_sound() {
    let file = std::env::var_os("MODULE").expect("MODULE is not set");
    let file = std::fs::read(file).unwrap();
    let running = kernel_of(&file);
    assert!(link(&file, &running, &root(), None).unwrap().symbols > 0);

    let places = places(&file);
    let mut random = Random(0x2026_1129);
    let mut linked_files = 0;
    for _ in 0..FILES {
        let mut changed = file.clone();
        for _ in 0..=random.below(3) {
            let place = &places[random.below(places.len())];
            let at = place.start + random.below(place.len());
            // The file may be shorter by now.
            let at = at.min(changed.len() - 1);
            random.change_at(&mut changed, at);
        }
        let Ok(linked) = link(&changed, &running, &root(), None) else {
            continue;
        };
        assert_sound(&linked.file);
        linked_files += 1;
    }
    assert_neither_is_rare(linked_files, FILES);
}
