// SPDX-License-Identifier: GPL-2.0

//! What is refused, and with which words.

use super::{
    build::*,
    scene::*, //
};

/// A module that uses one symbol in `.text`.
fn user(name: &str, offset: u64, kind: u32) -> Scene {
    let mut build = Build::module();
    let symbol = build.undefined(name);
    build.rela(".rela.text", 1, &[(offset, kind, symbol)]);
    Scene::new(build)
}

/// A module that refers to one symbol from a section that holds no code.
fn holder(name: &str, kind: u32) -> Scene {
    let mut build = Build::module();
    let symbol = build.undefined(name);
    let section = build.section(".rodata", PROGBITS, ALLOC, &[0xe8; 8]);
    build.rela(".rela.rodata", section, &[(4, kind, symbol)]);
    Scene::new(build)
}

#[track_caller]
fn says(scene: &Scene, words: &str) {
    let error = scene.refusal();
    assert!(error.contains(words), "{error}");
}

#[test]
fn ambiguous_name() {
    says(
        &user("twice", CALL, R_PLT32),
        "twice is ambiguous, 2 symbols have that name",
    );
}

#[test]
fn static_function() {
    says(
        &user("static_function", CALL, R_PLT32),
        "static_function is static",
    );
}

#[test]
fn static_data() {
    says(
        &user("static_variable", LEA, R_PC32),
        "static_variable is static",
    );
}

#[test]
fn name_that_the_kernel_lacks() {
    says(
        &user("no_such_thing", CALL, R_PLT32),
        "no_such_thing is not in this kernel",
    );
}

#[test]
fn name_that_only_another_module_has() {
    says(
        &user("in_module", CALL, R_PLT32),
        "in_module is not in this kernel",
    );
}

#[test]
fn address_in_code() {
    let words = "R_X86_64_PC32 in .text takes the address of the function function";
    says(&user("function", LEA, R_PC32), words);
    says(
        &user("function", LEA, R_PLT32),
        "R_X86_64_PLT32 in .text takes the address",
    );
    says(
        &user("function", LEA, R_32S),
        "R_X86_64_32S in .text takes the address",
    );
}

#[test]
fn address_in_data() {
    for (kind, name) in [
        (R_64, "R_X86_64_64"),
        (R_32, "R_X86_64_32"),
        (R_32S, "R_X86_64_32S"),
        (R_PC32, "R_X86_64_PC32"),
        (R_PLT32, "R_X86_64_PLT32"),
        (R_PC64, "R_X86_64_PC64"),
    ] {
        let words = format!("{name} in .rodata takes the address of the function function");
        says(&holder("function", kind), &words);
    }
}

#[test]
fn address_of_what_is_called_elsewhere() {
    let mut build = Build::module();
    let symbol = build.undefined("asm_function");
    build.rela(
        ".rela.text",
        1,
        &[(LEA, R_PC32, symbol), (CALL, R_PLT32, symbol)],
    );
    says(
        &Scene::new(build),
        "takes the address of the function asm_function",
    );
}

#[test]
fn address_of_what_may_be_a_function() {
    let mut scene = user("variable_in_text", LEA, R_PC32);
    scene.btf = None;
    says(
        &scene,
        "variable_in_text may be a function whose address is taken",
    );
}

#[test]
fn function_by_the_symbols_of_the_image() {
    let mut image = Build::new();
    image.symbol("_text", GLOBAL, 1);
    image.symbol("function", GLOBAL_FUNC, 1);
    let mut scene = user("function", LEA, R_PC32);
    (scene.btf, scene.map) = (Some(image.finish()), None);
    says(&scene, "takes the address of the function function");
}

#[test]
fn offset_table() {
    let words = "R_X86_64_GOTPCREL against variable in .text needs an offset table";
    says(&user("variable", LEA, 9), words);
    says(&user("variable", LEA, 41), "R_X86_64_GOTPCRELX");
    says(&user("variable", LEA, 42), "R_X86_64_REX_GOTPCRELX");
}

#[test]
fn relocation_that_the_loader_does_not_know() {
    says(
        &user("variable", LEA, 99),
        "relocation type 99 against variable in .text is unknown",
    );
}

#[test]
fn weak_reference() {
    let mut build = Build::module();
    build.symbol("function", WEAK, 0);
    says(&Scene::new(build), "function is a weak reference");
}

#[test]
fn export_of_another_module() {
    says(
        &user("of_kvm", CALL, R_PLT32),
        "exported by the module arch/x86/kvm/kvm to other modules",
    );
}

#[test]
fn name_that_no_symbol_has() {
    says(
        &user("a,b", CALL, R_PLT32),
        "a,b cannot be the name of a symbol of the kernel",
    );
    let long = "x".repeat(512);
    says(
        &user(&long, CALL, R_PLT32),
        "cannot be the name of a symbol of the kernel",
    );
}

#[test]
fn unknown_machine() {
    let mut build = Build::module();
    build.machine = 243;
    says(
        &Scene::new(build),
        "ELF machine 243 is not supported, only x86_64 and arm64 are",
    );
}

#[test]
fn unknown_machine_of_the_other_byte_order() {
    let mut file = vec![0; 64];
    file[..6].copy_from_slice(b"\x7fELF\x02\x02");
    file[16..20].copy_from_slice(&[0, 1, 0, 22]);
    file[58..60].copy_from_slice(&64_u16.to_be_bytes());
    let error = crate::elf::Elf::parse(&file).unwrap_err();
    assert_eq!(error, "it has no section names");

    file[46..48].copy_from_slice(&64_u16.to_be_bytes());
    file[60..62].copy_from_slice(&1_u16.to_be_bytes());
    file.extend([0; 64]);
    let error = crate::arch::Arch::of(crate::elf::Elf::parse(&file).unwrap().machine).unwrap_err();
    assert!(error.contains("ELF machine 22 is not supported"));
}

#[test]
fn no_knowledge_of_the_kernel() {
    let mut scene = user("function", CALL, R_PLT32);
    (scene.btf, scene.map) = (None, None);
    says(&scene, "nothing tells the kernel's functions from its data");
}

#[test]
fn call_of_what_btf_does_not_have() {
    let mut scene = user("asm_function", CALL, R_PLT32);
    scene.map = None;
    says(
        &scene,
        "asm_function is called, but BTF has no such function",
    );
}

#[test]
fn static_function_by_btf_with_linkage() {
    let mut scene = user("hidden", CALL, R_PLT32);
    scene.map = None;
    scene.btf = Some(btf(&[("function", 1), ("hidden", 0)]));
    says(&scene, "hidden is static");
}

#[test]
fn half_converted_module() {
    let mut build = Build::module();
    build.symbol(".klp.sym.vmlinux.variable,0", GLOBAL, 0xff20);
    build.undefined("function");
    says(
        &Scene::new(build),
        "it is converted but still needs function: link it anew",
    );
}

#[test]
fn all_reasons_are_given() {
    let mut build = Build::module();
    build.undefined("twice");
    build.undefined("function");
    build.undefined("static_function");
    let outcome = Scene::new(build).run();
    let errors = outcome.result.unwrap_err();
    assert_eq!(errors.len(), 2);
    assert!(errors[0].contains("twice is ambiguous"));
    assert!(errors[1].contains("static_function is static"));
}
