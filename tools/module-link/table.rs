// SPDX-License-Identifier: GPL-2.0

//! The section in which a module carries addresses twice.
//!
//! Each pair has the address of an exported variable as the kernel relocates it, and a place for
//! the address that a list of symbols says. The module's init compares them before it calls
//! anything, so that addresses of another boot or build do no harm. In front of the pairs are two
//! numbers: how the module was linked, and how many pairs there are.

use crate::{
    arch::Arch,
    elf::Elf,
    imports,
    symtab::{
        self,
        Symtab, //
    },
};

const SECTION: &str = ".module_link";
const WORD: usize = 8;
const FIRST_PAIR: usize = 2 * WORD;
const PAIR: usize = 2 * WORD;
/// One would only tell that the kernel lies elsewhere, not that it is another one.
const FEWEST_PAIRS: usize = 4;

/// How a module was linked. As the compiler leaves it, the number is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Livepatch = 1,
    Load = 2,
}

/// Where the table is, and the names of the variables in the order of the pairs.
#[derive(Debug)]
pub(crate) struct Table {
    section: usize,
    pub(crate) names: Vec<String>,
}

impl Table {
    /// The table of a module; `None` if it has none.
    pub(crate) fn find(
        module: &Elf<'_>,
        arch: &Arch,
        symtab: Symtab,
    ) -> Result<Option<Self>, String> {
        let Some(section) = module.find(SECTION) else {
            return Ok(None);
        };
        let damaged = || format!("its section {SECTION} is damaged");
        let data = &module.sections[section].data;
        let word = |at| module.endian.get_usize(data, at);
        let (Some(0), Some(count)) = (word(0), word(WORD)) else {
            return Err(damaged());
        };
        let size = count
            .checked_mul(PAIR)
            .and_then(|size| size.checked_add(FIRST_PAIR));
        if size != Some(data.len()) || count < FEWEST_PAIRS {
            return Err(damaged());
        }

        let mut names = vec![String::new(); count];
        for (number, relocations) in module.sections.iter().enumerate() {
            if imports::loaded_target(module, number)? != Some(section) {
                continue;
            }
            for (relocation, entry) in
                symtab::relocations(&relocations.data, module.endian).ok_or_else(damaged)?
            {
                let pair = usize::try_from(relocation.offset)
                    .ok()
                    .and_then(|offset| offset.checked_sub(FIRST_PAIR))
                    .filter(|offset| offset % PAIR == 0)
                    .and_then(|offset| names.get_mut(offset / PAIR))
                    .filter(|name| name.is_empty())
                    .ok_or_else(damaged)?;
                let addend = module.endian.get(entry, 16, 8);
                let symbol = symtab.symbol(module, relocation.symbol)?;
                if relocation.kind != arch.address
                    || addend != Some(0)
                    || symbol.section != symtab::SHN_UNDEF
                    || symbol.is_weak()
                {
                    return Err(damaged());
                }
                *pair = symbol.name.into();
            }
        }
        if names.iter().any(String::is_empty) {
            return Err(damaged());
        }
        Ok(Some(Self { section, names }))
    }

    /// Writes how the module was linked, where its init and who reads its log can see it.
    pub(crate) fn set_how(&self, module: &mut Elf<'_>, how: How) {
        self.write(module, 0, how as u64);
    }

    /// Writes the address that the variable of a pair has according to a list of symbols.
    pub(crate) fn set_address(&self, module: &mut Elf<'_>, pair: usize, address: u64) {
        self.write(module, FIRST_PAIR + pair * PAIR + WORD, address);
    }

    fn write(&self, module: &mut Elf<'_>, at: usize, value: u64) {
        let endian = module.endian;
        let data = module.sections[self.section].data.to_mut();
        let mut word = Vec::new();
        endian.push(&mut word, value, WORD);
        data[at..at + WORD].copy_from_slice(&word);
    }
}
