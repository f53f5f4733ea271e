// SPDX-License-Identifier: GPL-2.0

//! Symbol tables and relocations of ELF files.

use crate::{
    bytes::{
        string,
        Endian, //
    },
    elf::Elf,
};

pub(crate) const SHN_UNDEF: u16 = 0;
pub(crate) const SHN_LIVEPATCH: u16 = 0xff20;
pub(crate) const SHN_ABS: u16 = 0xfff1;
pub(crate) const RELA_SIZE: usize = 24;

const SHT_SYMTAB: u32 = 2;
const SYMBOL_SIZE: usize = 24;
const STB_LOCAL: u8 = 0;
const STB_WEAK: u8 = 2;
const STT_OBJECT: u8 = 1;
const STT_FUNC: u8 = 2;

/// One entry of a symbol table.
#[derive(Debug)]
pub(crate) struct Symbol<'e> {
    pub(crate) name: &'e str,
    pub(crate) section: u16,
    pub(crate) value: u64,
    info: u8,
}

impl Symbol<'_> {
    pub(crate) fn is_local(&self) -> bool {
        self.info >> 4 == STB_LOCAL
    }

    pub(crate) fn is_weak(&self) -> bool {
        self.info >> 4 == STB_WEAK
    }

    /// Whether it is a function, if its type tells.
    pub(crate) fn is_function(&self) -> Option<bool> {
        match self.info & 0xf {
            STT_FUNC => Some(true),
            STT_OBJECT => Some(false),
            _ => None,
        }
    }
}

/// Where a file's symbol table and its names are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symtab {
    pub(crate) section: usize,
    pub(crate) strings: usize,
}

impl Symtab {
    /// The only symbol table of a file; `None` if it has none.
    pub(crate) fn find(elf: &Elf<'_>) -> Result<Option<Self>, String> {
        let is_symtab = |&index: &usize| elf.sections[index].kind == SHT_SYMTAB;
        let mut tables = (0..elf.sections.len()).filter(is_symtab);
        let Some(section) = tables.next() else {
            return Ok(None);
        };
        let table = &elf.sections[section];
        let strings = table.link as usize;
        if tables.next().is_some()
            || strings >= elf.sections.len()
            || table.data.len() % SYMBOL_SIZE != 0
        {
            return Err("its symbol table is damaged".into());
        }
        Ok(Some(Self { section, strings }))
    }

    /// The number of symbols.
    pub(crate) fn len(self, elf: &Elf<'_>) -> usize {
        elf.sections[self.section].data.len() / SYMBOL_SIZE
    }

    /// The symbol with the given number.
    pub(crate) fn symbol<'e>(self, elf: &'e Elf<'_>, index: usize) -> Result<Symbol<'e>, String> {
        let table = &elf.sections[self.section].data;
        let strings = &elf.sections[self.strings].data;
        let at = index * SYMBOL_SIZE;
        (|| {
            Some(Symbol {
                name: string(strings, elf.endian.get_u32(table, at)?)?,
                section: elf.endian.get_u16(table, at + 6)?,
                value: elf.endian.get(table, at + 8, 8)?,
                info: *table.get(at + 4)?,
            })
        })()
        .ok_or_else(|| format!("symbol {index} has no valid name"))
    }

    /// Makes a symbol, which exists, one that livepatch resolves.
    pub(crate) fn make_livepatch(
        self,
        elf: &mut Elf<'_>,
        index: usize,
        name: &str,
    ) -> Result<(), String> {
        let name = format!(".klp.sym.vmlinux.{name},0");
        let name_at = elf.push_string(self.strings, &name)?;
        self.write(elf, index, 0, u64::from(name_at), 4);
        self.write(elf, index, 6, u64::from(SHN_LIVEPATCH), 2);
        Ok(())
    }

    /// Makes a symbol, which exists, one that stands for an address.
    pub(crate) fn make_absolute(self, elf: &mut Elf<'_>, index: usize, address: u64) {
        self.write(elf, index, 6, u64::from(SHN_ABS), 2);
        self.write(elf, index, 8, address, 8);
    }

    fn write(self, elf: &mut Elf<'_>, index: usize, field: usize, value: u64, width: usize) {
        let mut bytes = Vec::new();
        elf.endian.push(&mut bytes, value, width);
        let at = index * SYMBOL_SIZE + field;
        elf.sections[self.section].data.to_mut()[at..at + width].copy_from_slice(&bytes);
    }
}

/// One entry of a relocation section.
#[derive(Debug)]
pub(crate) struct Relocation {
    /// Where in its section the relocated field is.
    pub(crate) offset: u64,
    pub(crate) kind: u32,
    pub(crate) symbol: usize,
}

/// The entries of a relocation section, each also in its raw form.
pub(crate) fn relocations(
    data: &[u8],
    endian: Endian,
) -> Option<impl Iterator<Item = (Relocation, &[u8])>> {
    let entries = data.chunks_exact(RELA_SIZE);
    if !entries.remainder().is_empty() {
        return None;
    }
    Some(entries.filter_map(move |entry| {
        let relocation = Relocation {
            offset: endian.get(entry, 0, 8)?,
            kind: u32::try_from(endian.get(entry, 8, 8)? & 0xffff_ffff).ok()?,
            symbol: usize::try_from(endian.get(entry, 8, 8)? >> 32).ok()?,
        };
        Some((relocation, entry))
    }))
}
