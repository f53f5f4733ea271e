// SPDX-License-Identifier: GPL-2.0

//! Refuses what cannot be resolved by its name, or would be resolved to something unsafe to use.

use std::fmt;

use crate::{
    arch::RelocationType,
    imports::{
        Import,
        Imports,
        Use, //
    },
    kernel::{
        Facts,
        Kernel, //
    },
};

/// The kernel's `KSYM_NAME_LEN`, which counts the terminating NUL.
const NAME_LEN: usize = 512;

/// What a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    Data,
    /// Data as far as BTF, which has functions but not all data, can tell.
    NotInBtf,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Function => "function",
            Self::Data => "data",
            Self::NotInBtf => "data (no function in BTF)",
        })
    }
}

/// The kinds of all imports in their order, or a sentence about each one that is refused.
pub(crate) fn check(imports: &Imports, kernel: &Kernel) -> Result<Vec<Kind>, Vec<String>> {
    let mut kinds = Vec::new();
    let mut errors = Vec::new();
    for import in &imports.symbols {
        let facts = kernel.facts(&import.name);
        let kind = check_name(import)
            .and_then(|()| check_definition(import, &facts))
            .and_then(|()| kind_of(import, &facts))
            .and_then(|kind| check_uses(imports, import, kind).map(|()| kind));
        match kind {
            Ok(kind) => kinds.push(kind),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(kinds)
    } else {
        Err(errors)
    }
}

/// Whether a symbol of the kernel can have the name at all.
fn check_name(import: &Import) -> Result<(), String> {
    let name = &import.name;
    if name.is_empty() || name.contains(',') || name.len() >= NAME_LEN {
        return Err(format!(
            "{name} cannot be the name of a symbol of the kernel"
        ));
    }
    if let Some(owner) = &import.owner {
        return Err(format!(
            "{name} is exported by the module {owner} to other modules only: do without it"
        ));
    }
    if import.weak {
        return Err(format!(
            "{name} is a weak reference, but what is not exported must exist: make it a plain one"
        ));
    }
    Ok(())
}

/// Whether the name stands for exactly one symbol that other files of the kernel may use.
fn check_definition(import: &Import, facts: &Facts) -> Result<(), String> {
    let name = &import.name;
    match facts.definitions {
        Some(0) => return Err(format!("{name} is not in this kernel: do without it")),
        Some(count) if count > 1 => {
            return Err(format!(
                "{name} is ambiguous, {count} symbols have that name: do without it"
            ));
        }
        _ => (),
    }
    if facts.is_static {
        return Err(format!(
            "{name} is static, so the compiler may have changed its interface: do without it"
        ));
    }
    Ok(())
}

fn kind_of(import: &Import, facts: &Facts) -> Result<Kind, String> {
    let name = &import.name;
    if import.uses.iter().any(|found| found.branch) {
        // BTF leaves out functions with conflicting definitions, so one of them may be meant.
        if facts.definitions.is_none() && facts.not_in_btf {
            return Err(format!(
                "{name} is called, but BTF has no such function: \
                 give the kernel's System.map or /proc/kallsyms with --system-map"
            ));
        }
        return Ok(Kind::Function);
    }
    match facts.function {
        Some(true) => Ok(Kind::Function),
        Some(false) => Ok(Kind::Data),
        None if facts.not_in_btf && facts.definitions.is_none() => Ok(Kind::NotInBtf),
        None if facts.not_in_btf || import.uses.is_empty() => Ok(Kind::Data),
        None => Err(format!(
            "{name} may be a function whose address is taken: \
             give the kernel's vmlinux with --btf to tell"
        )),
    }
}

/// Whether the loader can apply the relocations, and whether only calls refer to a function: the
/// kernel seals the entries of functions whose address it never takes itself, and an indirect call
/// to one of them is then a fault.
fn check_uses(imports: &Imports, import: &Import, kind: Kind) -> Result<(), String> {
    let name = &import.name;
    for Use {
        section,
        kind: number,
        branch,
        ..
    } in &import.uses
    {
        let relocation = match imports.arch.relocation_type(*number) {
            RelocationType::Applied(relocation) => relocation,
            RelocationType::Got(relocation) => {
                return Err(format!(
                    "{relocation} against {name} in {section} needs an offset table, which modules \
                     do not have: compile without -fPIC"
                ));
            }
            RelocationType::Unknown => {
                return Err(format!(
                    "relocation type {number} against {name} in {section} is unknown to the module \
                     loader"
                ));
            }
        };
        if kind == Kind::Function && !branch {
            return Err(format!(
                "{relocation} in {section} takes the address of the function {name}, which is not \
                 exported: call it directly, or through a function of the module"
            ));
        }
    }
    Ok(())
}
