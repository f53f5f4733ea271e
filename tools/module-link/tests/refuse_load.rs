// SPDX-License-Identifier: GPL-2.0

//! What is not loaded, and with which words.

use super::{
    build::*,
    scene_load::*, //
};
use crate::{
    insert::{
        explain,
        Refusal, //
    },
    load::link,
    running::Rights, //
};

#[track_caller]
fn says(parts: &Parts, words: &str) {
    let error = refusal(&parts.file(), &running());
    assert!(error.contains(words), "{error}");
}

#[test]
fn names_that_stand_for_nothing_usable() {
    says(&Parts::calling("nowhere"), "nowhere is not in this kernel");
    says(
        &Parts::calling("in_module"),
        "in_module is not in this kernel",
    );
    says(
        &Parts::calling("twice"),
        "twice is ambiguous, 2 symbols have that name",
    );
    says(
        &Parts::calling("static_function"),
        "static_function is static",
    );
    says(
        &Parts::calling("init_function"),
        "init_function is freed when the kernel has started",
    );
    says(
        &Parts::calling("beyond"),
        "beyond lies outside of the kernel's image",
    );
}

#[test]
fn address_of_a_function() {
    for (machine, relocation) in [
        (X86_64, "R_X86_64_PC32"),
        (ARM64, "R_AARCH64_ADR_PREL_PG_HI21"),
    ] {
        let mut parts = Parts::new(machine);
        parts.modinfo[2] = "link_at_load=function,another".into();
        parts.used = "another";
        let words = format!("{relocation} in .text takes the address of the function another");
        says(&parts, &words);
    }
}

#[test]
fn use_before_the_init_can_check() {
    let parts = Parts::new(X86_64);
    let mut build = parts.build();
    let jumps = build.section("__jump_table", PROGBITS, ALLOC, &[0; 16]);
    // Of what the module itself has, or the kernel exports, there is nothing to say.
    build.rela(".rela__jump_table", jumps, &[(0, R_64, 2), (8, R_64, 3)]);
    let error = refusal(&build.finish(), &running());
    assert!(
        error.contains("takes the address of the function function"),
        "{error}"
    );

    let mut build = parts.build();
    let jumps = build.section("__jump_table", PROGBITS, ALLOC, &[0; 16]);
    build.rela(".rela__jump_table", jumps, &[(0, R_64, 3), (8, R_64, 1)]);
    let error = refusal(&build.finish(), &running());
    assert!(
        error.contains("variable is used in __jump_table, which the kernel reads"),
        "{error}"
    );
}

#[test]
fn name_that_is_not_needed() {
    let mut parts = Parts::new(X86_64);
    parts.modinfo[2] += ",twice";
    says(&parts, "it says that it needs twice, which it does not");
}

#[test]
fn module_of_another_kernel() {
    let mut parts = Parts::new(X86_64);
    parts.modinfo[1] = "vermagic=7.3.5-test SMP preempt mod_unload".into();
    says(
        &parts,
        "it was built for Linux 7.3.5-test, and this is Linux 7.3.4-test",
    );
    parts.modinfo.remove(1);
    says(&parts, "it was built for Linux , and this is");
}

#[test]
fn list_of_another_kernel() {
    for version in [
        // Another release, the same one built again, and none at all.
        "Linux version 7.3.5-test (debian@example) (gcc) #1 SMP Debian (2026-11-15)",
        "Linux version 7.3.4-test2 (debian@example) (gcc) #1 SMP Debian (2026-11-15)",
        "Linux version 7.3.4-test (debian@example) (gcc) #1 SMP Debian (2026-11-16)",
        "",
    ] {
        let mut kernel = running();
        kernel.proc_version = version.into();
        let error = refusal(&Parts::new(X86_64).file(), &kernel);
        assert!(
            error.starts_with("the list of symbols is that of another kernel"),
            "{error}"
        );
    }
}

#[test]
fn image_of_another_build() {
    let mut parts = Parts::new(X86_64);
    parts.modinfo.push("link_build_id=ffff".into());
    says(
        &parts,
        "the image that it was linked for is that of another build of the kernel",
    );
    parts.modinfo[3] = format!("link_build_id={BUILD_ID}");
    assert!(link_file(&parts.file(), &running()).is_ok());

    let mut image = Build::new();
    image.section(".BTF", PROGBITS, ALLOC, &types());
    image.section(
        ".notes",
        7,
        ALLOC,
        b"\x04\0\0\0\x01\0\0\0\x03\0\0\0GNU\0\x99\0\0\0",
    );
    let errors = link(&parts.file(), &running(), &root(), Some(&image.finish())).unwrap_err();
    assert!(errors[0].contains("its build id is 99, not"), "{errors:?}");
}

#[test]
fn list_that_is_cut_off() {
    let file = Parts::new(X86_64).file();
    // What is missing at the end may as well be modules, which do not matter.
    let needed = KALLSYMS.find("\nffffffff84000100").unwrap();
    for length in 0..KALLSYMS.len() {
        let mut kernel = running();
        kernel.kallsyms.truncate(length);
        let result = link_file(&file, &kernel);
        let whole_lines = length > needed && KALLSYMS.as_bytes()[length - 1] == b'\n';
        assert_eq!(result.is_ok(), whole_lines, "{length}");
    }
}

#[test]
fn list_without_addresses() {
    let mut kernel = running();
    kernel.kallsyms = KALLSYMS
        .lines()
        .map(|line| format!("{:016x}{}\n", 0, &line[16..]))
        .collect::<String>()
        .into();
    let file = Parts::new(X86_64).file();
    let error = |rights: Rights| link(&file, &kernel, &rights, None).unwrap_err().concat();

    assert!(error(Rights::default()).contains("hidden from who lacks CAP_SYSLOG"));
    let restricted = Rights {
        kptr_restrict: 2,
        ..root()
    };
    assert!(error(restricted).contains("hidden from everybody: kernel.kptr_restrict is 2"));
    assert!(error(root()).contains("run this in the initial user namespace"));
}

#[test]
fn who_may_not_load() {
    let error = |rights: &Rights| rights.check().unwrap_err();
    assert_eq!(root().check(), Ok(()));
    assert_eq!(root().check_unsigned(), Ok(()));
    assert!(error(&Rights::default()).contains("needs CAP_SYS_MODULE: run this as root"));
    let mut rights = root();
    rights.modules_disabled = true;
    assert!(error(&rights).contains("kernel.modules_disabled is 1"));
    rights = root();
    rights.lockdown = Some("integrity".into());
    // One that is signed may still be loaded.
    assert_eq!(rights.check(), Ok(()));
    assert!(rights
        .check_unsigned()
        .unwrap_err()
        .contains("locked down (integrity)"));
}

#[test]
fn what_the_kernel_says() {
    let explanation = |errno| match explain(&std::io::Error::from_raw_os_error(errno)) {
        Refusal::LoadedAlready => "loaded".into(),
        Refusal::Error(error) => error,
    };
    assert_eq!(explanation(17), "loaded");
    assert!(explanation(1).contains("does not let this process load modules"));
    assert!(explanation(2).contains("lacks something that the module needs"));
    assert!(explanation(8).contains("says in its log why not"));
    assert!(explanation(116).contains("that of another boot or build"));
    assert!(explanation(129).contains("module.sig_enforce"));
    assert!(explanation(12).starts_with("it cannot be loaded: "));
}

#[test]
fn no_table() {
    let mut parts = Parts::new(X86_64);
    parts.with_table = false;
    says(&parts, "it cannot tell the addresses of another boot");
}

#[test]
fn damaged_tables() {
    const DAMAGED: &str = "its section .module_link is damaged";
    let with_head = |head| Parts {
        head,
        ..Parts::new(X86_64)
    };
    // Linked already, or another number of pairs than there are.
    for head in [[1, 4], [2, 4], [0, 3], [0, 5], [0, u64::MAX], [0, 1 << 60]] {
        says(&with_head(head), DAMAGED);
    }
    let mut few = with_head([0, 3]);
    few.compared.pop();
    says(&few, DAMAGED);

    // An address that the module has itself, two in one place, and none.
    let build = |entries: &[(u64, u32, u32)], addend| {
        let mut parts = Parts::new(X86_64);
        parts.with_table = false;
        let mut build = parts.build();
        let table = build.section(".module_link", PROGBITS, ALLOC, &{
            let mut data = vec![0; 80];
            data[8] = 4;
            data
        });
        build.rela_with(".rela.module_link", table, entries, addend);
        refusal(&build.finish(), &running())
    };
    let good = [(16, R_64, 4), (32, R_64, 4), (48, R_64, 4), (64, R_64, 4)];
    assert!(build(&good, 0).contains("list of symbols does not have exported once"));
    assert!(build(&good, 8).contains(DAMAGED));
    assert!(build(&good[..3], 0).contains(DAMAGED));
    for wrong in [
        (16, R_64, 1),
        (16, R_PC64, 4),
        (24, R_64, 4),
        (0, R_64, 4),
        (32, R_64, 4),
    ] {
        let mut entries = good;
        entries[0] = wrong;
        assert!(build(&entries, 0).contains(DAMAGED), "{wrong:?}");
    }
}

#[test]
fn variable_that_is_not_unique() {
    let mut parts = Parts::new(X86_64);
    parts.compared[0] = "a_second";
    says(&parts, "the list of symbols does not have a_second once");
    parts.compared[0] = "nowhere";
    says(&parts, "the list of symbols does not have nowhere once");
}

#[test]
fn linked_twice() {
    let linked = link_file(&Parts::new(X86_64).file(), &running()).unwrap();
    let error = refusal(&linked.file, &running());
    assert!(
        error.contains("it says that it needs function, which it does not"),
        "{error}"
    );

    let parts = Parts::new(X86_64);
    let mut build = parts.build();
    build.symbol(".klp.sym.vmlinux.x,0", GLOBAL, 0xff20);
    let error = refusal(&build.finish(), &running());
    assert!(
        error.contains("it is linked for livepatch as well"),
        "{error}"
    );
}

#[test]
fn signature_that_is_none() {
    let mut file = Parts::new(X86_64).file();
    file.extend(b"~Module signature appended~\n");
    // What is taken for its size is what the module ends with, or less than there is.
    assert!(refusal(&file, &running()).contains("a section lies outside of the file"));
    for size in [0x7fff_ffff_u32, u32::MAX] {
        let mut file = Parts::new(X86_64).file();
        file.extend([0; 8]);
        file.extend(size.to_be_bytes());
        file.extend(b"~Module signature appended~\n");
        assert!(refusal(&file, &running()).contains("its signature is damaged"));
    }
    let error = refusal(b"~Module signature appended~\n", &running());
    assert!(error.contains("its signature is damaged"));
}

#[test]
fn damaged_shapes() {
    let damage = |change: &dyn Fn(&mut Build), words: &str| {
        let mut build = Parts::new(X86_64).build();
        change(&mut build);
        let error = refusal(&build.finish(), &running());
        assert!(error.contains(words), "{error}");
    };
    damage(
        &|build| {
            build.rela(".rela.more", 1, &[(CODE.len() as u64 - 3, R_PC32, 4)]);
        },
        "the relocation section .rela.more is damaged",
    );
    damage(
        &|build| {
            build.rela(".rela.more", 1, &[(0, 99, 1)]);
        },
        "relocation type 99 in .rela.more is unknown",
    );
    damage(
        &|build| {
            build.symbol("adrift", LOCAL_FUNC, 4000);
        },
        "its symbol adrift lies nowhere",
    );
    damage(
        &|build| {
            build.symbol("common", GLOBAL_OBJECT, 0xfff2);
        },
        "its symbol common lies nowhere",
    );
}
