// SPDX-License-Identifier: GPL-2.0

//! Whether a module is whole and sound before it is loaded.
//!
//! The kernel checks the headers of what it loads, but applies relocations without looking where
//! they lead. What is damaged must not get as far as that.

use crate::{
    arch::{
        Arch,
        RelocationType, //
    },
    elf::{
        self,
        Elf, //
    },
    imports,
    symtab::{
        self,
        Symtab, //
    },
};

/// More than any section of a module has.
const MAX_SIZE: u64 = 1 << 30;

/// Checks all that the module loader relies on.
pub(crate) fn check(module: &Elf<'_>, arch: &Arch, symtab: Symtab) -> Result<(), String> {
    check_sections(module)?;
    check_symbols(module, symtab)?;
    for number in 0..module.sections.len() {
        if let Some(target) = imports::loaded_target(module, number)? {
            check_relocations(module, arch, symtab, number, target)?;
        }
    }
    Ok(())
}

fn check_sections(module: &Elf<'_>) -> Result<(), String> {
    if module.sections.first().map(|first| first.kind) != Some(elf::SHT_NULL) {
        return Err("its first section is not an empty one".into());
    }
    let too_large = |section: &&elf::Section<'_>| section.size() > MAX_SIZE;
    match module.sections.iter().find(too_large) {
        Some(section) => Err(format!("{} has an impossible size", section.name)),
        None => Ok(()),
    }
}

fn check_symbols(module: &Elf<'_>, symtab: Symtab) -> Result<(), String> {
    let strings = &module.sections[symtab.strings];
    if strings.kind != elf::SHT_STRTAB
        || strings.data.first() != Some(&0)
        || strings.data.last() != Some(&0)
        || symtab.len(module) == 0
    {
        return Err("its symbol table is damaged".into());
    }
    for index in 0..symtab.len(module) {
        let symbol = symtab.symbol(module, index)?;
        let sound = match symbol.section {
            symtab::SHN_UNDEF | symtab::SHN_ABS | symtab::SHN_LIVEPATCH => true,
            number => module
                .sections
                .get(usize::from(number))
                .is_some_and(|section| symbol.value <= section.size()),
        };
        if !sound {
            return Err(format!("its symbol {} lies nowhere", symbol.name));
        }
    }
    Ok(())
}

fn check_relocations(
    module: &Elf<'_>,
    arch: &Arch,
    symtab: Symtab,
    number: usize,
    target: usize,
) -> Result<(), String> {
    let section = &module.sections[number];
    let damaged = || format!("the relocation section {} is damaged", section.name);
    let room = module.sections[target].data.len();
    let count = symtab.len(module);

    if section.kind != elf::SHT_RELA || section.link as usize != symtab.section {
        return Err(damaged());
    }
    for (relocation, _) in symtab::relocations(&section.data, module.endian).ok_or_else(damaged)? {
        let end = usize::try_from(relocation.offset)
            .ok()
            .and_then(|offset| offset.checked_add(arch.width(relocation.kind)));
        if relocation.symbol >= count || end.is_none_or(|end| end > room) {
            return Err(damaged());
        }
        if !matches!(
            arch.relocation_type(relocation.kind),
            RelocationType::Applied(_)
        ) {
            return Err(format!(
                "relocation type {} in {} is unknown to the module loader",
                relocation.kind, section.name
            ));
        }
    }
    Ok(())
}
