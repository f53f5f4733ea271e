// SPDX-License-Identifier: GPL-2.0

//! What becomes of a module that is linked when it is loaded.

use super::{
    build::*,
    scene::{
        symbols,
        Scene, //
    },
    scene_load::*, //
};
use crate::{
    elf::Elf,
    load::{
        file_in_list,
        is_for_us, //
    },
    modinfo,
    options::Link,
    symtab::Symtab, //
};

const SHN_ABS: u16 = 0xfff1;

fn addresses(file: &[u8]) -> Vec<(String, u64)> {
    let elf = Elf::parse(file).unwrap();
    let symtab = Symtab::find(&elf).unwrap().unwrap();
    (0..symtab.len(&elf))
        .map(|index| symtab.symbol(&elf, index).unwrap())
        .filter(|symbol| symbol.section == SHN_ABS)
        .map(|symbol| (symbol.name.into(), symbol.value))
        .collect()
}

/// Checks that a module differs from what it was in nothing but the addresses that `KALLSYMS`
/// says, of what it said that it needs.
pub(super) fn assert_linked(before: &[u8], after: &[u8]) {
    let (old, new) = (Elf::parse(before).unwrap(), Elf::parse(after).unwrap());
    assert_eq!(old.sections.len(), new.sections.len());
    for (number, (old, new)) in old.sections.iter().zip(&new.sections).enumerate() {
        assert_eq!(
            (
                &old.name,
                old.kind,
                old.flags,
                old.link,
                old.info,
                old.size()
            ),
            (
                &new.name,
                new.kind,
                new.flags,
                new.link,
                new.info,
                new.size()
            )
        );
        if old.data != new.data {
            let name = old.name.as_str();
            assert!(name == ".module_link" || old.kind == 2, "{number} {name}");
        }
    }

    let names = modinfo::value(&old, "link_at_load").unwrap().unwrap();
    let (old, new) = (symbols(before), symbols(after));
    assert_eq!(old.len(), new.len());
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(old.0, new.0);
        if old.1 == 0 && names.split(',').any(|name| name == old.0) {
            assert_eq!(new.1, SHN_ABS);
        } else {
            assert_eq!(new.1, old.1);
        }
    }
    for (name, address) in addresses(after) {
        let line = format!("{address:016x} ");
        let listed = KALLSYMS
            .lines()
            .filter(|listed| listed.starts_with(&line) && listed.ends_with(&format!(" {name}")));
        assert!(
            listed.count() == 1 || old.contains(&(name.clone(), SHN_ABS)),
            "{name}"
        );
    }
}

#[test]
fn symbols_become_addresses() {
    for machine in MACHINES {
        let file = Parts::new(machine).file();
        let linked = link_file(&file, &running()).unwrap();
        assert_eq!(linked.symbols, 2);
        let expected = [
            ("function".into(), 0xffff_ffff_8100_0100),
            ("variable".into(), 0xffff_ffff_8200_0000),
        ];
        assert_eq!(addresses(&linked.file), expected);
        assert_linked(&file, &linked.file);
    }
}

#[test]
fn table_has_the_addresses_of_the_list() {
    let linked = link_file(&Parts::new(X86_64).file(), &running()).unwrap();
    let elf = Elf::parse(&linked.file).unwrap();
    let table = &elf.sections[elf.find(".module_link").unwrap()].data;
    let words: Vec<_> = table
        .chunks(8)
        .map(|word| u64::from_le_bytes(word.try_into().unwrap()))
        .collect();
    let base = 0xffff_ffff_8200_1000;
    // Linked at load, four pairs, and what the kernel puts in is left to it.
    assert_eq!(
        words,
        [2, 4, 0, base, 0, base + 8, 0, base + 16, 0, base + 24]
    );
}

#[test]
fn what_is_exported_is_left_to_the_kernel() {
    let linked = link_file(&Parts::new(X86_64).file(), &running()).unwrap();
    assert!(symbols(&linked.file).contains(&("exported".into(), 0)));
    assert!(symbols(&linked.file).contains(&("a".into(), 0)));
}

#[test]
fn variable_of_each_cpu() {
    let mut parts = Parts::new(X86_64);
    parts.modinfo[2] = "link_at_load=function,per_cpu".into();
    parts.used = "per_cpu";
    let linked = link_file(&parts.file(), &running()).unwrap();
    assert!(addresses(&linked.file).contains(&("per_cpu".into(), 0xffff_ffff_8300_0800)));
}

#[test]
fn letters_of_the_list_are_enough() {
    let file = Parts::new(ARM64).file();
    assert!(crate::load::link(&file, &running(), &root(), None).is_ok());
}

#[test]
fn kernel_without_build_id() {
    let mut kernel = running();
    kernel.build_id = None;
    let mut parts = Parts::new(X86_64);
    parts.modinfo.push("link_build_id=ffff".into());
    assert!(link_file(&parts.file(), &kernel).is_ok());
}

#[test]
fn signature_is_left_out() {
    let file = Parts::new(X86_64).file();
    let mut signed = file.clone();
    signed.extend([0xa5; 300]);
    signed.extend([0, 0, 2, 0, 0, 0, 0, 0]);
    signed.extend(300_u32.to_be_bytes());
    signed.extend(b"~Module signature appended~\n");
    let linked = link_file(&signed, &running()).unwrap();
    assert_eq!(linked.file, link_file(&file, &running()).unwrap().file);
}

#[test]
fn only_what_says_so_is_linked() {
    assert_eq!(is_for_us(&Parts::new(X86_64).file()), Ok(true));
    assert_eq!(is_for_us(&Build::module().finish()), Ok(false));
    let mut signed = Build::module().finish();
    signed.extend(b"~Module signature appended~\n");
    assert_eq!(is_for_us(&signed), Ok(false));
    assert!(is_for_us(b"no module").is_err());
}

#[test]
fn file_of_a_name() {
    let list = "kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko.xz\n\
                updates/dkms/shmem-collapse.ko.xz:\nextra/plain.ko:\n";
    let file = |name| file_in_list(list, name);
    assert_eq!(
        file("shmem_collapse"),
        Some("updates/dkms/shmem-collapse.ko.xz")
    );
    assert_eq!(
        file("shmem-collapse"),
        Some("updates/dkms/shmem-collapse.ko.xz")
    );
    assert_eq!(file("plain"), Some("extra/plain.ko"));
    assert_eq!(file("jbd2"), None);
    assert_eq!(file("shmem"), None);
}

/// A module as the build leaves it, before its names are noted.
fn unprepared() -> Scene {
    let mut parts = Parts::new(X86_64);
    parts.modinfo = vec![VERMAGIC.into()];
    let mut scene = Scene::of(parts.file());
    for name in ["a", "b", "c", "d"] {
        scene.symvers += &format!("0x00000000\t{name}\tvmlinux\tEXPORT_SYMBOL\t\n");
    }
    scene.link = Link::Load;
    scene
}

#[test]
fn build_notes_the_names() {
    let (report, file) = unprepared().convert();
    let elf = Elf::parse(&file).unwrap();
    let value = |tag| modinfo::value(&elf, tag).unwrap();
    assert_eq!(value("link_at_load"), Some("function,variable"));
    assert_eq!(value("link_build_id"), None);
    assert_eq!(value("livepatch"), None);
    assert!(report
        .last()
        .unwrap()
        .ends_with("2 relocations left to 'module-link load'"));
    // It is what can be loaded.
    assert!(link_file(&file, &running()).is_ok());
}

#[test]
fn build_notes_the_build_id() {
    let mut image = Build::new();
    image.file_type = 2;
    image.section(".BTF", PROGBITS, ALLOC, &types());
    let mut note = Vec::new();
    for word in [4_u32, 3, 3] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"GNU\0\x01\x02\xff\0");
    image.section(".notes", 7, ALLOC, &note);
    let mut scene = unprepared();
    scene.btf = Some(image.finish());
    let (_, file) = scene.convert();
    let elf = Elf::parse(&file).unwrap();
    assert_eq!(modinfo::value(&elf, "link_build_id"), Ok(Some("0102ff")));
    let error = refusal(&file, &running());
    assert!(
        error.contains("its build id is 0102ff, not 0123abcd"),
        "{error}"
    );
}

#[test]
fn second_build_changes_nothing() {
    let mut scene = unprepared();
    scene.module = scene.convert().1;
    let outcome = scene.run();
    assert_eq!(outcome.module, scene.module);
    assert!(outcome.result.unwrap()[0].ends_with("is already prepared, left as it is"));
}

#[test]
fn another_way_needs_another_link() {
    let mut scene = unprepared();
    let livepatch = Scene {
        link: Link::Livepatch,
        ..unprepared()
    };
    scene.module = livepatch.convert().1;
    assert!(scene
        .refusal()
        .ends_with("it was linked in another way: link it anew"));

    let mut scene = livepatch;
    scene.module = unprepared().convert().1;
    assert!(scene
        .refusal()
        .ends_with("it was linked in another way: link it anew"));
}

#[test]
fn livepatch_is_told_in_the_table() {
    let scene = Scene {
        link: Link::Livepatch,
        ..unprepared()
    };
    let (_, file) = scene.convert();
    let elf = Elf::parse(&file).unwrap();
    let table = &elf.sections[elf.find(".module_link").unwrap()].data;
    assert_eq!(table[..8], 1_u64.to_le_bytes());
    assert!(table[16..].iter().all(|&byte| byte == 0));
}

#[test]
fn build_refuses_the_same_as_for_livepatch() {
    let mut parts = Parts::calling("static_function");
    parts.modinfo = vec![VERMAGIC.into()];
    let mut scene = unprepared();
    scene.module = parts.file();
    assert!(scene.refusal().contains("static_function is static"));

    let mut parts = Parts::new(X86_64);
    parts.modinfo = vec![VERMAGIC.into()];
    parts.with_table = false;
    scene.module = parts.file();
    assert!(scene
        .refusal()
        .ends_with("it has no section .module_link, so it cannot be linked at load"));
}
