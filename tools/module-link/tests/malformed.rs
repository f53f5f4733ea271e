// SPDX-License-Identifier: GPL-2.0

//! Damaged files must give an error, never a panic or a damaged module.

use super::{
    build::*,
    scene::*, //
};
use crate::{
    check::check,
    convert::convert,
    elf::Elf,
    imports::find,
    kernel::Kernel,
    options::{
        Link,
        Options, //
    },
    symvers::Symvers, //
};

fn module() -> Build {
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

/// Does all that the tool does, but for reading and writing files.
fn whole(file: &[u8]) -> Result<Vec<u8>, String> {
    let mut module = Elf::parse(file)?;
    module.require_module(file)?;
    let imports = find(&module, &Symvers::parse(SYMVERS.as_bytes())?, "demo")?;
    let names: Vec<_> = imports.symbols.iter().map(|i| i.name.as_str()).collect();
    let mut kernel = Kernel::new(&names);
    kernel.add_map(MAP.as_bytes());
    check(&imports, &kernel).map_err(|errors| errors.join("\n"))?;
    convert(&mut module, &imports)?;
    Ok(module.to_bytes())
}

#[track_caller]
fn says(file: &[u8], words: &str) {
    let error = whole(file).unwrap_err();
    assert!(error.contains(words), "{error}");
}

#[test]
fn whole_file_is_fine() {
    assert!(whole(&module().finish()).is_ok());
}

#[test]
fn every_truncation_is_an_error() {
    let file = module().finish();
    for length in 0..file.len() {
        assert!(whole(&file[..length]).is_err(), "{length}");
    }
}

#[test]
fn no_changed_byte_panics() {
    let file = module().finish();
    for at in 0..file.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = file.clone();
            changed[at] = value;
            // Whatever comes out must at least be readable again.
            if let Ok(file) = whole(&changed) {
                assert!(Elf::parse(&file).is_ok(), "{at} {value}");
            }
        }
    }
}

#[test]
fn not_elf() {
    says(b"", "it is not an ELF file");
    says(b"#!/bin/sh\n", "it is not an ELF file");
    let mut file = module().finish();
    file[4] = 1;
    says(&file, "it is not a 64-bit ELF file");
}

#[test]
fn not_relocatable() {
    let mut build = module();
    build.file_type = 2;
    says(&build.finish(), "it is not a relocatable file");
}

#[test]
fn not_a_module() {
    let mut build = Build::new();
    build.section(".text", PROGBITS, TEXT, CODE);
    says(
        &build.finish(),
        "it has no .modinfo section, so it is not a module",
    );
}

#[test]
fn signed() {
    let mut file = module().finish();
    file.extend(b"~Module signature appended~\n");
    says(&file, "it is signed: convert it first, then sign it");
}

#[test]
fn more_sections_than_16_bits_can_count() {
    let mut build = module();
    build.section(".symtab_shndx", 18, 0, &[]);
    says(
        &build.finish(),
        "it has more sections than the module loader supports",
    );
}

#[test]
fn relocation_beyond_its_section() {
    let mut build = module();
    build.rela(".rela.more", 1, &[(1000, R_PLT32, 2)]);
    says(
        &build.finish(),
        "the relocation section .rela.more is damaged",
    );
}

#[test]
fn relocation_against_no_symbol() {
    let mut build = module();
    build.rela(".rela.more", 1, &[(CALL, R_PLT32, 1000)]);
    says(
        &build.finish(),
        "the relocation section .rela.more is damaged",
    );
}

#[test]
fn relocation_of_no_section() {
    let mut build = module();
    build.rela(".rela.more", 1000, &[(CALL, R_PLT32, 2)]);
    says(
        &build.finish(),
        ".rela.more relocates a section that does not exist",
    );
}

#[test]
fn half_a_relocation() {
    let mut build = module();
    let rela = build.rela(".rela.more", 1, &[(CALL, R_PLT32, 2)]);
    build.cut(rela, 12);
    says(
        &build.finish(),
        "the relocation section .rela.more is damaged",
    );
}

#[test]
fn modinfo_without_end() {
    let mut build = Build::new();
    build.section(".text", PROGBITS, TEXT, CODE);
    build.section(".modinfo", PROGBITS, ALLOC, b"license=GPL");
    build.undefined("function");
    says(&build.finish(), "its .modinfo section is cut off");
}

#[test]
fn impossible_alignment() {
    let mut file = module().finish();
    let table = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
    file[table + 64 + 48..table + 64 + 56].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    says(&file, ".text has an impossible alignment");
}

#[test]
fn alignment_that_is_no_power_of_two() {
    let mut file = module().finish();
    let table = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
    file[table + 64 + 48..table + 64 + 56].copy_from_slice(&48_u64.to_le_bytes());
    says(&file, ".text has an impossible alignment");
}

#[test]
fn sections_that_overlap() {
    let mut file = module().finish();
    let table = u64::from_le_bytes(file[40..48].try_into().unwrap()) as usize;
    let whole = file.len() as u64;
    for section in [1, 2] {
        let header = table + section * 64;
        file[header + 24..header + 32].copy_from_slice(&0_u64.to_le_bytes());
        file[header + 32..header + 40].copy_from_slice(&whole.to_le_bytes());
    }
    // Its contents are those of another section, but its relocations are too.
    says(&file, "its sections overlap or lie far apart");
}

#[test]
fn missing_file() {
    let options = Options {
        symvers: "no/such/Module.symvers".into(),
        btf: None,
        system_map: None,
        module_name: "demo".into(),
        link: Link::Livepatch,
        module: "no/such/demo.ko".into(),
    };
    let errors = crate::link(&options).unwrap_err();
    assert!(errors[0].starts_with("cannot read no/such/demo.ko"));
}
