// SPDX-License-Identifier: GPL-2.0

//! A module that is linked at load, and the kernel that runs.

use super::build::*;
use crate::{
    load::{
        link,
        Linked, //
    },
    running::{
        Rights,
        Running, //
    },
};

pub(super) const RELEASE: &str = "7.3.4-test";
pub(super) const VERMAGIC: &str = "vermagic=7.3.4-test SMP preempt mod_unload";
pub(super) const BUILD_ID: &str = "0123abcd";

/// What the kernel lists when it runs.
pub(super) const KALLSYMS: &str = "\
ffffffff81000000 T _text
ffffffff81000100 T function
ffffffff81000200 T another
ffffffff81000500 t static_function
ffffffff81000700 T twice
ffffffff81000800 t twice
ffffffff82000000 D variable
ffffffff82000600 d static_variable
ffffffff82001000 D a
ffffffff82001008 R b
ffffffff82001010 B c
ffffffff82001018 T d
ffffffff82001020 D a_second
ffffffff82001028 d a_second
ffffffff83000000 T __init_begin
ffffffff83000100 T init_function
ffffffff83000800 D __per_cpu_start
ffffffff83000800 D per_cpu
ffffffff83000900 D __per_cpu_end
ffffffff83001000 T __init_end
ffffffff84000000 B _end
ffffffff84000100 T beyond
ffffffffc0000000 T in_module\t[other]
";

/// The numbers of an architecture's ELF files.
#[derive(Clone, Copy)]
pub(super) struct Machine {
    pub(super) number: u16,
    pub(super) address: u32,
    pub(super) call: u32,
    pub(super) load: u32,
    call_at: u64,
    load_at: u64,
}

pub(super) const X86_64: Machine = Machine {
    number: 62,
    address: R_64,
    call: R_PLT32,
    load: R_PC32,
    call_at: CALL,
    load_at: LEA,
};
pub(super) const ARM64: Machine = Machine {
    number: 183,
    address: 257,
    call: 283,
    load: 275,
    call_at: 0,
    load_at: 4,
};
pub(super) const MACHINES: [Machine; 2] = [X86_64, ARM64];

/// The parts of a module, to be changed before they are put together.
pub(super) struct Parts {
    pub(super) machine: Machine,
    pub(super) modinfo: Vec<String>,
    /// What the code calls, and what it uses as data.
    pub(super) called: &'static str,
    pub(super) used: &'static str,
    /// What the table compares, and its first two numbers.
    pub(super) compared: Vec<&'static str>,
    pub(super) head: [u64; 2],
    pub(super) with_table: bool,
}

impl Parts {
    pub(super) fn new(machine: Machine) -> Self {
        Self {
            machine,
            modinfo: vec![
                "license=GPL".into(),
                VERMAGIC.into(),
                "link_at_load=function,variable".into(),
            ],
            called: "function",
            used: "variable",
            compared: vec!["a", "b", "c", "d"],
            head: [0, 4],
            with_table: true,
        }
    }

    /// The same for a module that needs `name` in place of the function.
    pub(super) fn calling(name: &'static str) -> Self {
        Self {
            modinfo: vec![VERMAGIC.into(), format!("link_at_load={name},variable")],
            called: name,
            ..Self::new(X86_64)
        }
    }

    pub(super) fn build(&self) -> Build {
        let machine = self.machine;
        let mut build = Build::new();
        build.machine = machine.number;
        let text = build.section(".text", PROGBITS, TEXT, CODE);
        let modinfo = self.modinfo.join("\0") + "\0";
        build.section(".modinfo", PROGBITS, ALLOC, modinfo.as_bytes());
        build.symbol("local", LOCAL_FUNC, text as u16);
        let called = build.undefined(self.called);
        let used = build.undefined(self.used);
        let exported = build.undefined("exported");
        build.rela(
            ".rela.text",
            text,
            &[
                (machine.call_at, machine.call, called),
                (machine.load_at, machine.load, used),
                (JMP, machine.load, exported),
            ],
        );
        if self.with_table {
            let mut data: Vec<u8> = self
                .head
                .iter()
                .flat_map(|word| word.to_le_bytes())
                .collect();
            data.extend(vec![0; 16 * self.compared.len()]);
            let table = build.section(".module_link", PROGBITS, ALLOC, &data);
            let entries: Vec<_> = (1_u64..)
                .zip(&self.compared)
                .map(|(pair, name)| (16 * pair, machine.address, build.undefined(name)))
                .collect();
            build.rela_with(".rela.module_link", table, &entries, 0);
        }
        build.section(".bss", NOBITS, ALLOC | 1, &[0; 40]);
        build
    }

    pub(super) fn file(&self) -> Vec<u8> {
        self.build().finish()
    }
}

/// The kernel that the modules were built for.
pub(super) fn running() -> Running {
    Running {
        release: RELEASE.into(),
        version: "#1 SMP Debian (2026-11-15)".into(),
        build_id: Some(BUILD_ID.into()),
        proc_version: "Linux version 7.3.4-test (debian@example) (gcc) #1 SMP Debian (2026-11-15)"
            .into(),
        kallsyms: KALLSYMS.into(),
    }
}

pub(super) fn root() -> Rights {
    Rights {
        may_load: true,
        may_see: true,
        ..Rights::default()
    }
}

/// BTF of that kernel.
pub(super) fn types() -> Vec<u8> {
    btf(&[("function", 0), ("another", 0), ("static_function", 0)])
}

pub(super) fn link_file(file: &[u8], running: &Running) -> Result<Linked, Vec<String>> {
    link(file, running, &root(), Some(&types()))
}

/// The one sentence with which a module or a kernel is refused.
pub(super) fn refusal(file: &[u8], running: &Running) -> String {
    let mut errors = link_file(file, running).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}
