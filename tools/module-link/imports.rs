// SPDX-License-Identifier: GPL-2.0

//! The undefined symbols of a module that ordinary imports cannot provide, and their uses.

use std::collections::{
    HashMap,
    HashSet, //
};

use crate::{
    arch::Arch,
    elf::{
        self,
        Elf, //
    },
    symtab::{
        self,
        Relocation,
        Symtab, //
    },
    symvers::{
        Access,
        Symvers, //
    },
};

/// A symbol that the kernel does not export.
#[derive(Debug)]
pub(crate) struct Import {
    /// Its number in the symbol table.
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) weak: bool,
    /// The module that exports it to others.
    pub(crate) owner: Option<String>,
    /// The relocations that the module loader would apply.
    pub(crate) uses: Vec<Use>,
}

/// A relocation against a symbol.
#[derive(Debug)]
pub(crate) struct Use {
    /// The name of the section that is relocated.
    pub(crate) section: String,
    /// Whether that has code, which nobody runs before the module's init.
    pub(crate) code: bool,
    pub(crate) kind: u32,
    pub(crate) branch: bool,
}

/// All that is to be converted in a module.
#[derive(Debug)]
pub(crate) struct Imports {
    pub(crate) arch: &'static Arch,
    pub(crate) symtab: Symtab,
    pub(crate) symbols: Vec<Import>,
    /// The module already has livepatch symbols.
    pub(crate) converted: bool,
}

/// Finds what `module`, called `name`, uses without the kernel exporting it.
pub(crate) fn find(module: &Elf<'_>, symvers: &Symvers<'_>, name: &str) -> Result<Imports, String> {
    let imports = find_if(module, |symbol| symvers.access(symbol, name))?;
    if imports.converted && !imports.symbols.is_empty() {
        return Err(format!(
            "it is converted but still needs {}: link it anew",
            imports.symbols[0].name
        ));
    }
    Ok(imports)
}

/// Finds what `module` uses of `names`, of which it must use each.
pub(crate) fn find_named(module: &Elf<'_>, names: &[&str]) -> Result<Imports, String> {
    let wanted: HashSet<_> = names.iter().copied().collect();
    let imports = find_if(module, |symbol| {
        if wanted.contains(symbol) {
            Access::Unexported
        } else {
            Access::Exported
        }
    })?;
    let found: HashSet<_> = imports.symbols.iter().map(|i| i.name.as_str()).collect();
    match names.iter().find(|&&name| !found.contains(name)) {
        Some(name) => Err(format!("it says that it needs {name}, which it does not")),
        None => Ok(imports),
    }
}

fn find_if<'a>(module: &Elf<'_>, access: impl Fn(&str) -> Access<'a>) -> Result<Imports, String> {
    let arch = Arch::of(module.machine)?;
    let symtab = Symtab::find(module)?.ok_or("it has no symbol table, it was stripped")?;
    let mut imports = Imports {
        arch,
        symtab,
        symbols: Vec::new(),
        converted: false,
    };

    for index in 1..symtab.len(module) {
        let symbol = symtab.symbol(module, index)?;
        imports.converted |= symbol.section == symtab::SHN_LIVEPATCH;
        // Local ones are nobody's imports; the loader provides the offset table, if any.
        if symbol.section != symtab::SHN_UNDEF
            || symbol.is_local()
            || symbol.name == "_GLOBAL_OFFSET_TABLE_"
        {
            continue;
        }
        let owner = match access(symbol.name) {
            Access::Exported => continue,
            Access::Unexported => None,
            Access::OtherModules(owner) => Some(owner.into()),
        };
        imports.symbols.push(Import {
            index,
            name: symbol.name.into(),
            weak: symbol.is_weak(),
            owner,
            uses: Vec::new(),
        });
    }
    imports.find_uses(module)?;
    Ok(imports)
}

/// The section that a relocation section applies to, if the module loader applies it at all: it
/// ignores the relocations of sections that are not loaded, such as debugging information.
pub(crate) fn loaded_target(module: &Elf<'_>, relocations: usize) -> Result<Option<usize>, String> {
    let section = &module.sections[relocations];
    if !matches!(section.kind, elf::SHT_RELA | elf::SHT_REL) {
        return Ok(None);
    }
    let target = section.info as usize;
    match module.sections.get(target) {
        Some(section) if section.flags & elf::SHF_ALLOC != 0 => Ok(Some(target)),
        Some(_) => Ok(None),
        None => Err(format!(
            "{} relocates a section that does not exist",
            section.name
        )),
    }
}

impl Imports {
    fn find_uses(&mut self, module: &Elf<'_>) -> Result<(), String> {
        let by_index: HashMap<_, _> = self.symbols.iter().map(|i| i.index).zip(0..).collect();
        let count = self.symtab.len(module);

        for (number, section) in module.sections.iter().enumerate() {
            let Some(target) = loaded_target(module, number)? else {
                continue;
            };
            let damaged = || format!("the relocation section {} is damaged", section.name);
            if section.kind == elf::SHT_REL || section.link as usize != self.symtab.section {
                return Err(damaged());
            }
            for (relocation, _) in
                symtab::relocations(&section.data, module.endian).ok_or_else(damaged)?
            {
                if relocation.symbol >= count {
                    return Err(damaged());
                }
                let Some(&import) = by_index.get(&relocation.symbol) else {
                    continue;
                };
                let found = self
                    .examine(module, target, &relocation)
                    .ok_or_else(damaged)?;
                let import: &mut Import = &mut self.symbols[import];
                import.uses.push(found);
            }
        }
        Ok(())
    }

    /// `None` if the relocation lies outside of its section.
    fn examine(&self, module: &Elf<'_>, target: usize, relocation: &Relocation) -> Option<Use> {
        let section = &module.sections[target];
        let before = section
            .data
            .get(..usize::try_from(relocation.offset).ok()?)?;
        let code = section.flags & elf::SHF_EXECINSTR != 0;
        Some(Use {
            section: section.name.clone(),
            code,
            kind: relocation.kind,
            branch: code && self.arch.is_branch(relocation.kind, before),
        })
    }
}
