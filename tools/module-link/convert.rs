// SPDX-License-Identifier: GPL-2.0

//! Rewrites a module so that livepatch resolves its imports.

use std::{
    borrow::Cow,
    collections::HashSet, //
};

use crate::{
    elf::Elf,
    imports::{
        loaded_target,
        Imports, //
    },
    modinfo, symtab,
    table::{
        How,
        Table, //
    },
};

/// Converts the symbols of `imports`, which were found in `module`; returns the number of sections
/// that had relocations against them.
pub(crate) fn convert(module: &mut Elf<'_>, imports: &Imports) -> Result<usize, String> {
    let indices: HashSet<_> = imports.symbols.iter().map(|import| import.index).collect();
    let table = Table::find(module, imports.arch, imports.symtab)?;
    let mut sections = 0;
    for number in 0..module.sections.len() {
        let Some(target) = loaded_target(module, number)? else {
            continue;
        };
        let moved = take_relocations(module, number, &indices)?;
        if !moved.is_empty() {
            module.push_livepatch_section(target, imports.symtab.section, moved)?;
            sections += 1;
        }
    }
    // Symbols keep their numbers, so that all other relocations stay valid.
    for import in &imports.symbols {
        imports
            .symtab
            .make_livepatch(module, import.index, &import.name)?;
    }
    mark_livepatch(module)?;
    if let Some(table) = table {
        table.set_how(module, How::Livepatch);
    }
    Ok(sections)
}

/// Leaves the symbols of `imports` to this program's second form, which is told their names.
/// `build_id` is that of the kernel's image, if one was looked at.
pub(crate) fn leave(
    module: &mut Elf<'_>,
    imports: &Imports,
    build_id: Option<&str>,
) -> Result<(), String> {
    if Table::find(module, imports.arch, imports.symtab)?.is_none() {
        return Err("it has no section .module_link, so it cannot be linked at load".into());
    }
    let names: Vec<_> = imports.symbols.iter().map(|i| i.name.as_str()).collect();
    modinfo::push(module, modinfo::LINK_AT_LOAD, &names.join(","))?;
    if let Some(build_id) = build_id {
        modinfo::push(module, modinfo::LINK_BUILD_ID, build_id)?;
    }
    Ok(())
}

/// Takes the relocations against `symbols` out of a section, which stays even if it gets empty:
/// the numbers of the others must not change.
fn take_relocations(
    module: &mut Elf<'_>,
    number: usize,
    symbols: &HashSet<usize>,
) -> Result<Vec<u8>, String> {
    let section = &mut module.sections[number];
    let (mut moved, mut kept) = (Vec::new(), Vec::new());
    for (relocation, entry) in symtab::relocations(&section.data, module.endian)
        .ok_or_else(|| format!("the relocation section {} is damaged", section.name))?
    {
        let list = if symbols.contains(&relocation.symbol) {
            &mut moved
        } else {
            &mut kept
        };
        list.extend_from_slice(entry);
    }
    section.data = Cow::Owned(kept);
    Ok(moved)
}

/// Tells the loader that this is a livepatch module, unless it says so itself.
fn mark_livepatch(module: &mut Elf<'_>) -> Result<(), String> {
    if modinfo::value(module, "livepatch")?.is_none() {
        modinfo::push(module, "livepatch", "Y")?;
    }
    Ok(())
}
