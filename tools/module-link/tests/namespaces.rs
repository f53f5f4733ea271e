// SPDX-License-Identifier: GPL-2.0

//! Which exports are meant for the module.

use super::{
    build::*,
    scene::*, //
};

/// Whether a call to `symbol` from the module `name` becomes livepatch's.
fn converted(symbol: &str, name: &'static str) -> bool {
    let mut build = Build::module();
    let function = build.undefined(symbol);
    build.rela(".rela.text", 1, &[(CALL, R_PLT32, function)]);
    let mut scene = Scene::new(build);
    scene.name = name;
    let outcome = scene.run();
    outcome.result.unwrap();
    symbols(&outcome.module)[2].1 == 0xff20
}

#[test]
fn export_to_other_modules_is_converted() {
    assert!(converted("kvm_only", "demo"));
    assert!(converted("kvm_only", "kv"));
}

#[test]
fn export_to_this_module_is_not_converted() {
    assert!(!converted("demo_too", "demo"));
    assert!(!converted("kvm_only", "kvm_amd"));
    assert!(!converted("dashed", "my_demo"));
    assert!(!converted("globbed", "demo"));
}

#[test]
fn ordinary_namespace_is_not_converted() {
    assert!(!converted("namespaced", "demo"));
}
