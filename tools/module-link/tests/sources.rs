// SPDX-License-Identifier: GPL-2.0

//! What the tool learns from the kernel's files.

use super::{
    build::*,
    scene::*, //
};
use crate::{
    btf::{
        functions,
        is_btf,
        Function, //
    },
    symvers::{
        Access,
        Symvers, //
    },
    sysmap,
};

fn caller() -> Scene {
    let mut build = Build::module();
    let function = build.undefined("function");
    build.rela(".rela.text", 1, &[(CALL, R_PLT32, function)]);
    Scene::new(build)
}

#[test]
fn btf_alone_is_enough_for_calls() {
    let mut scene = caller();
    scene.map = None;
    let (report, _) = scene.convert();
    assert!(report[0].starts_with("note: static and ambiguous names are not looked for"));
    assert_eq!(report[1], "function: function, 1 relocations");
}

#[test]
fn btf_with_linkage_needs_no_note() {
    let mut scene = caller();
    scene.map = None;
    scene.btf = Some(btf(&[("function", 1)]));
    assert_eq!(scene.convert().0[0], "function: function, 1 relocations");
}

#[test]
fn btf_alone_takes_the_rest_for_data() {
    let mut build = Build::module();
    let variable = build.undefined("variable");
    build.rela(".rela.text", 1, &[(LEA, R_PC32, variable)]);
    let mut scene = Scene::new(build);
    scene.map = None;
    let (report, _) = scene.convert();
    assert_eq!(
        report[1],
        "variable: data (no function in BTF), 1 relocations"
    );
}

#[test]
fn btf_in_an_image() {
    let mut image = Build::new();
    image.file_type = 2;
    image.section(".BTF", PROGBITS, ALLOC, &btf(FUNCTIONS));
    image.symbol("__BTF_ID__func__x__1", LOCAL_FUNC, 1);
    let mut scene = caller();
    (scene.btf, scene.map) = (Some(image.finish()), None);
    let (report, _) = scene.convert();
    // The few symbols of a stripped image are not taken for the kernel's.
    assert!(report[0].starts_with("note: static and ambiguous names"));
}

#[test]
fn symbols_of_an_image_are_enough() {
    let mut image = Build::new();
    image.symbol("_text", GLOBAL, 1);
    image.symbol("function", GLOBAL_FUNC, 1);
    image.symbol("variable", GLOBAL_OBJECT, 1);
    let mut build = Build::module();
    let variable = build.undefined("variable");
    let function = build.undefined("function");
    build.rela(
        ".rela.text",
        1,
        &[(LEA, R_PC32, variable), (CALL, R_PLT32, function)],
    );
    let mut scene = Scene::new(build);
    (scene.btf, scene.map) = (Some(image.finish()), None);
    let (report, _) = scene.convert();
    assert_eq!(report[0], "variable: data, 1 relocations");
    assert_eq!(report[1], "function: function, 1 relocations");
}

#[test]
fn image_without_anything_is_refused() {
    let mut scene = caller();
    scene.btf = Some(Build::new().finish());
    assert!(scene
        .refusal()
        .ends_with("vmlinux: it has neither symbols nor BTF"));
}

#[test]
fn map_alone_is_enough_for_calls_and_plain_data() {
    let mut build = Build::module();
    let variable = build.undefined("variable");
    let function = build.undefined("function");
    build.rela(
        ".rela.text",
        1,
        &[(LEA, R_PC32, variable), (CALL, R_PLT32, function)],
    );
    let mut scene = Scene::new(build);
    scene.btf = None;
    let (report, _) = scene.convert();
    assert_eq!(report[0], "variable: data, 1 relocations");
}

#[test]
fn stub_of_a_map_is_not_used() {
    let mut scene = caller();
    scene.map = Some("ffffffffffffffff B The real System.map is in another package\n".into());
    let (report, _) = scene.convert();
    assert!(
        report[0].ends_with("System.map is not the symbol table of a whole kernel, it is not used")
    );
    assert!(report[1].starts_with("note: static and ambiguous names"));

    scene.btf = None;
    assert!(scene.refusal().starts_with("nothing tells"));
}

#[test]
fn map_leaves_modules_out() {
    let list = b"0 T a\n0 t b\t[m]\n\n0 D\n0 TT x\nx T y\nffffffff81000000 d c\n";
    let found: Vec<_> = sysmap::symbols(list).collect();
    let symbol = |address, letter, name| sysmap::Symbol {
        address,
        letter,
        name,
    };
    let expected = [
        symbol(0, b'T', "a"),
        symbol(0xffff_ffff_8100_0000, b'd', "c"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn btf_lists_functions() {
    let data = btf(&[("a", 0), ("b", 1)]);
    assert!(is_btf(&data));
    let expected = [("a", true), ("b", false)];
    let expected = expected.map(|(name, is_static)| Function { name, is_static });
    assert_eq!(functions(&data).unwrap(), expected);
}

#[test]
fn cut_off_btf_is_an_error() {
    let data = btf(FUNCTIONS);
    for length in 2..data.len() {
        assert!(functions(&data[..length]).is_err(), "{length}");
    }
}

#[test]
fn unknown_kind_in_btf_is_an_error() {
    let mut data = btf(&[]);
    data[24 + 7] = 99;
    assert_eq!(functions(&data).unwrap_err(), "its BTF is damaged");
}

#[test]
fn symvers_tells_access() {
    let symvers = Symvers::parse(SYMVERS.as_bytes()).unwrap();
    assert_eq!(symvers.access("exported", "demo"), Access::Exported);
    assert_eq!(symvers.access("kvm_only", "demo"), Access::Unexported);
    assert_eq!(symvers.access("nowhere", "demo"), Access::Unexported);
    assert_eq!(
        symvers.access("of_kvm", "demo"),
        Access::OtherModules("arch/x86/kvm/kvm")
    );
}

#[test]
fn symvers_without_namespaces() {
    let symvers = Symvers::parse(b"0x0\tname\tvmlinux\tEXPORT_SYMBOL\n").unwrap();
    assert_eq!(symvers.access("name", "demo"), Access::Exported);
}

#[test]
fn symvers_that_is_none() {
    let error = |file: &[u8]| Symvers::parse(file).unwrap_err();
    assert_eq!(
        error(b"0x0\ta\tvmlinux\tEXPORT_SYMBOL\t\nnonsense\n"),
        "line 2 is not an export"
    );
    assert!(error(b"").starts_with("it lists no exports"));
    assert_eq!(error(b"\xff"), "it is not text");
}
