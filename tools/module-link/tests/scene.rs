// SPDX-License-Identifier: GPL-2.0

//! Runs the tool on files in a directory of its own.

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{
        AtomicU32,
        Ordering, //
    },
};

use super::build::{
    btf,
    Build, //
};
use crate::{
    elf::Elf,
    link,
    options::{
        Link,
        Options, //
    },
    symtab::{
        relocations,
        Symtab, //
    },
};

pub(super) const SYMVERS: &str = "\
0x00000000\texported\tvmlinux\tEXPORT_SYMBOL\t
0x00000000\tnamespaced\tvmlinux\tEXPORT_SYMBOL_GPL\tSOME_NS
0x00000000\tkvm_only\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm,kvm-amd
0x00000000\tdemo_too\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:kvm,demo
0x00000000\tdashed\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:my-demo
0x00000000\tglobbed\tvmlinux\tEXPORT_SYMBOL_GPL\tmodule:de*
0x00000000\tof_kvm\tarch/x86/kvm/kvm\tEXPORT_SYMBOL_GPL\tmodule:kvm-intel
";
pub(super) const MAP: &str = "\
ffffffff81000000 T _text
ffffffff81000100 T function
ffffffff81000200 T kvm_only
ffffffff81000300 D variable
ffffffff81000400 T variable_in_text
ffffffff81000500 t static_function
ffffffff81000600 d static_variable
ffffffff81000700 T twice
ffffffff81000800 t twice
ffffffff81000900 W overridable
ffffffff81000a00 T asm_function
ffffffffc0000000 T in_module\t[other]
";
/// As pahole writes it: every function is static.
pub(super) const FUNCTIONS: &[(&str, u32)] = &[
    ("function", 0),
    ("kvm_only", 0),
    ("static_function", 0),
    ("overridable", 0),
];

/// The tool's input.
pub(super) struct Scene {
    pub(super) module: Vec<u8>,
    pub(super) symvers: String,
    pub(super) map: Option<String>,
    pub(super) btf: Option<Vec<u8>>,
    pub(super) name: &'static str,
    pub(super) link: Link,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) result: Result<Vec<String>, Vec<String>>,
    pub(super) module: Vec<u8>,
    pub(super) files: usize,
}

impl Scene {
    pub(super) fn new(build: Build) -> Self {
        Self::of(build.finish())
    }

    pub(super) fn of(module: Vec<u8>) -> Self {
        Self {
            module,
            symvers: SYMVERS.into(),
            map: Some(MAP.into()),
            btf: Some(btf(FUNCTIONS)),
            name: "demo",
            link: Link::Livepatch,
        }
    }

    pub(super) fn run(&self) -> Outcome {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("module-link-test-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();

        let file = |name: &str, data: &[u8]| -> PathBuf {
            let path = folder.join(name);
            fs::write(&path, data).unwrap();
            path
        };
        let options = Options {
            symvers: file("Module.symvers", self.symvers.as_bytes()),
            btf: self.btf.as_ref().map(|data| file("vmlinux", data)),
            system_map: self
                .map
                .as_ref()
                .map(|text| file("System.map", text.as_bytes())),
            module_name: self.name.into(),
            link: self.link,
            module: file("demo.ko", &self.module),
        };
        let result = link(&options);
        let outcome = Outcome {
            result,
            module: fs::read(&options.module).unwrap(),
            files: fs::read_dir(&folder).unwrap().count(),
        };
        fs::remove_dir_all(folder).unwrap();
        outcome
    }

    /// Runs the tool, which must convert the module.
    pub(super) fn convert(&self) -> (Vec<String>, Vec<u8>) {
        let outcome = self.run();
        let report = outcome.result.unwrap();
        assert_ne!(outcome.module, self.module);
        (report, outcome.module)
    }

    /// Runs the tool, which must not touch the module, and returns the one sentence it says.
    pub(super) fn refusal(&self) -> String {
        let outcome = self.run();
        assert_eq!(outcome.module, self.module);
        let mut errors = outcome.result.unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors.remove(0)
    }
}

/// The names and section numbers of all symbols.
pub(super) fn symbols(file: &[u8]) -> Vec<(String, u16)> {
    let elf = Elf::parse(file).unwrap();
    let symtab = Symtab::find(&elf).unwrap().unwrap();
    (0..symtab.len(&elf))
        .map(|index| symtab.symbol(&elf, index).unwrap())
        .map(|symbol| (symbol.name.into(), symbol.section))
        .collect()
}

/// The relocations of the section called `name`: offset, type, symbol.
pub(super) fn relas(file: &[u8], name: &str) -> Vec<(u64, u32, u32)> {
    let elf = Elf::parse(file).unwrap();
    let section = &elf.sections[elf.find(name).unwrap()];
    relocations(&section.data, elf.endian)
        .unwrap()
        .map(|(entry, _)| (entry.offset, entry.kind, entry.symbol as u32))
        .collect()
}
