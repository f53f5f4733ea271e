// SPDX-License-Identifier: GPL-2.0

//! What is converted, and into what.

use super::{
    build::*,
    scene::*, //
};
use crate::elf::Elf;

const KLP_TEXT: &str = ".klp.rela.vmlinux..text";

/// A module that calls one unexported and one exported function.
fn caller() -> Build {
    let mut build = Build::module();
    let function = build.undefined("function");
    let exported = build.undefined("exported");
    build.rela(
        ".rela.text",
        1,
        &[(CALL, R_PLT32, function), (JMP, R_PLT32, exported)],
    );
    build
}

#[test]
fn call_moves_to_livepatch() {
    let (report, file) = Scene::new(caller()).convert();
    assert_eq!(relas(&file, ".rela.text"), [(JMP, R_PLT32, 3)]);
    assert_eq!(relas(&file, KLP_TEXT), [(CALL, R_PLT32, 2)]);
    assert_eq!(
        symbols(&file)[2],
        (".klp.sym.vmlinux.function,0".into(), 0xff20)
    );
    assert_eq!(symbols(&file)[3], ("exported".into(), 0));
    assert_eq!(report[0], "function: function, 1 relocations");
    assert!(
        report[1].ends_with("demo.ko: 1 symbols, 1 relocations in 1 sections left to livepatch")
    );
}

#[test]
fn livepatch_section_has_the_documented_header() {
    let (_, file) = Scene::new(caller()).convert();
    let elf = Elf::parse(&file).unwrap();
    let section = elf.sections.last().unwrap();
    assert_eq!(section.name, KLP_TEXT);
    assert_eq!(section.kind, 4);
    assert_eq!(section.flags, 0x0010_0042);
    assert_eq!(section.link as usize, elf.find(".symtab").unwrap());
    assert_eq!(section.info as usize, elf.find(".text").unwrap());

    // Alignment and entry size, in the last of the section headers.
    let header = &file[file.len() - 64..];
    assert_eq!(header[48..56], 8_u64.to_le_bytes());
    assert_eq!(header[56..64], 24_u64.to_le_bytes());
}

#[test]
fn addend_is_kept() {
    let (_, file) = Scene::new(caller()).convert();
    let elf = Elf::parse(&file).unwrap();
    let section = &elf.sections[elf.find(KLP_TEXT).unwrap()];
    assert_eq!(section.data[16..24], (-4_i64).to_le_bytes());
}

#[test]
fn all_branches_count_as_calls() {
    let mut build = Build::module();
    let function = build.undefined("function");
    let uses = [
        (CALL, R_PLT32, function),
        (JE, R_PC32, function),
        (JMP, R_PC32, function),
    ];
    build.rela(".rela.text", 1, &uses);
    let (_, file) = Scene::new(build).convert();
    assert_eq!(relas(&file, KLP_TEXT), uses);
}

#[test]
fn data_may_be_used_in_any_way() {
    for kind in [R_64, R_PC32, R_32, R_32S, R_PC64] {
        let mut build = Build::module();
        let variable = build.undefined("variable");
        build.rela(".rela.text", 1, &[(LEA, kind, variable)]);
        let (report, file) = Scene::new(build).convert();
        assert_eq!(relas(&file, KLP_TEXT), [(LEA, kind, variable)]);
        assert_eq!(report[0], "variable: data, 1 relocations");
    }
}

#[test]
fn data_with_a_text_letter_is_data() {
    let mut build = Build::module();
    let variable = build.undefined("variable_in_text");
    build.rela(".rela.text", 1, &[(LEA, R_PC32, variable)]);
    let (report, _) = Scene::new(build).convert();
    assert_eq!(report[0], "variable_in_text: data, 1 relocations");
}

#[test]
fn weak_definition_in_the_kernel_is_callable() {
    let mut build = Build::module();
    let function = build.undefined("overridable");
    build.rela(".rela.text", 1, &[(CALL, R_PLT32, function)]);
    Scene::new(build).convert();
}

#[test]
fn every_loaded_section_is_converted() {
    const SECTIONS: &[(&str, &str, &str)] = &[
        (
            ".init.text",
            ".rela.init.text",
            ".klp.rela.vmlinux..init.text",
        ),
        (".rodata", ".rela.rodata", ".klp.rela.vmlinux..rodata"),
        (
            ".data..percpu",
            ".rela.data..percpu",
            ".klp.rela.vmlinux..data..percpu",
        ),
        (
            "__jump_table",
            ".rela__jump_table",
            ".klp.rela.vmlinux.__jump_table",
        ),
        (
            "__tracepoints",
            ".rela__tracepoints",
            ".klp.rela.vmlinux.__tracepoints",
        ),
        (
            "__bug_table",
            ".rela__bug_table",
            ".klp.rela.vmlinux.__bug_table",
        ),
        (
            ".altinstructions",
            ".rela.altinstructions",
            ".klp.rela.vmlinux..altinstructions",
        ),
        (
            ".static_call_sites",
            ".rela.static_call_sites",
            ".klp.rela.vmlinux..static_call_sites",
        ),
        (
            ".parainstructions",
            ".rela.parainstructions",
            ".klp.rela.vmlinux..parainstructions",
        ),
        (
            "__mcount_loc",
            ".rela__mcount_loc",
            ".klp.rela.vmlinux.__mcount_loc",
        ),
    ];
    let mut build = Build::module();
    let variable = build.undefined("variable");
    for (name, rela, _) in SECTIONS {
        let section = build.section(name, PROGBITS, ALLOC, &[0; 16]);
        build.rela(rela, section, &[(8, R_64, variable)]);
    }
    let (_, file) = Scene::new(build).convert();
    for (_, rela, klp) in SECTIONS {
        assert_eq!(relas(&file, rela), []);
        assert_eq!(relas(&file, klp), [(8, R_64, variable)]);
    }
}

#[test]
fn debug_sections_stay() {
    let mut build = caller();
    let debug = build.section(".debug_info", PROGBITS, 0, &[0; 8]);
    build.rela(".rela.debug_info", debug, &[(0, R_64, 2)]);
    let (report, file) = Scene::new(build).convert();
    assert_eq!(relas(&file, ".rela.debug_info"), [(0, R_64, 2)]);
    assert_eq!(
        Elf::parse(&file)
            .unwrap()
            .find(".klp.rela.vmlinux..debug_info"),
        None
    );
    assert_eq!(report[0], "function: function, 1 relocations");
}

#[test]
fn symbol_without_loaded_use_is_converted() {
    let mut build = Build::module();
    build.undefined("function");
    let (report, file) = Scene::new(build).convert();
    assert_eq!(symbols(&file)[2].1, 0xff20);
    assert_eq!(report[0], "function: function, 0 relocations");
}

#[test]
fn numbers_and_contents_stay() {
    let mut build = caller();
    build.section(".bss", NOBITS, ALLOC | 1, &[0; 40]);
    let before = build.finish();
    let (_, after) = Scene::of(before.clone()).convert();
    let (before, after) = (Elf::parse(&before).unwrap(), Elf::parse(&after).unwrap());
    assert_eq!(after.sections.len(), before.sections.len() + 1);

    for (old, new) in before.sections.iter().zip(&after.sections) {
        assert_eq!(
            (&old.name, old.kind, old.flags, old.link, old.info),
            (&new.name, new.kind, new.flags, new.link, new.info)
        );
        match old.name.as_str() {
            ".rela.text" | ".symtab" => (),
            // String tables and .modinfo only grow.
            _ => assert!(new.data.starts_with(&old.data), "{}", old.name),
        }
    }
}

#[test]
fn locals_stay_before_globals() {
    let (_, file) = Scene::new(caller()).convert();
    let elf = Elf::parse(&file).unwrap();
    assert_eq!(elf.sections[elf.find(".symtab").unwrap()].info, 2);
    assert_eq!(symbols(&file)[1], ("local".into(), 1));
}

#[test]
fn size_without_contents_stays() {
    let mut build = caller();
    build.section(".bss", NOBITS, ALLOC | 1, &[0; 40]);
    let (_, file) = Scene::new(build).convert();
    let elf = Elf::parse(&file).unwrap();
    let table = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
    let header = &file[table + elf.find(".bss").unwrap() * 64..];
    assert_eq!(header[32..40], 40_u64.to_le_bytes());
}

#[test]
fn string_tables_may_be_one() {
    let mut build = caller();
    build.one_string_table = true;
    let (_, file) = Scene::new(build).convert();
    assert_eq!(relas(&file, KLP_TEXT), [(CALL, R_PLT32, 2)]);
    assert_eq!(symbols(&file)[2].0, ".klp.sym.vmlinux.function,0");
}

#[test]
fn modinfo_says_livepatch() {
    let (_, file) = Scene::new(caller()).convert();
    let elf = Elf::parse(&file).unwrap();
    let modinfo = &elf.sections[elf.find(".modinfo").unwrap()].data;
    assert_eq!(&modinfo[..], b"license=GPL\0name=demo\0livepatch=Y\0");
}

#[test]
fn modinfo_says_livepatch_once() {
    let mut build = Build::new();
    build.section(".text", PROGBITS, TEXT, CODE);
    build.section(".modinfo", PROGBITS, ALLOC, b"livepatch=Y\0license=GPL\0");
    build.undefined("function");
    let (_, file) = Scene::new(build).convert();
    let elf = Elf::parse(&file).unwrap();
    let modinfo = &elf.sections[elf.find(".modinfo").unwrap()].data;
    assert_eq!(&modinfo[..], b"livepatch=Y\0license=GPL\0");
}

#[test]
fn module_with_exported_symbols_stays_identical() {
    let mut build = Build::module();
    let exported = build.undefined("exported");
    build.rela(".rela.text", 1, &[(CALL, R_PLT32, exported)]);
    let scene = Scene::new(build);
    let outcome = scene.run();
    assert_eq!(outcome.module, scene.module);
    assert!(outcome.result.unwrap()[0].ends_with("uses exported symbols only, left as it is"));
}

#[test]
fn second_run_changes_nothing() {
    let (_, file) = Scene::new(caller()).convert();
    let outcome = Scene::of(file.clone()).run();
    assert_eq!(outcome.module, file);
    assert!(outcome.result.unwrap()[0].ends_with("is already converted, left as it is"));
}

#[test]
fn nothing_else_is_left_in_the_folder() {
    let outcome = Scene::new(caller()).run();
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.files, 4);
}
