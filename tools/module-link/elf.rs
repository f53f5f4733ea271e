// SPDX-License-Identifier: GPL-2.0

//! ELF files: sections in, sections out.

use std::borrow::Cow;

use crate::bytes::{
    string,
    Endian, //
};

pub(crate) const SHT_NULL: u32 = 0;
pub(crate) const SHT_STRTAB: u32 = 3;
pub(crate) const SHT_RELA: u32 = 4;
pub(crate) const SHT_NOTE: u32 = 7;
pub(crate) const SHT_NOBITS: u32 = 8;
pub(crate) const SHT_REL: u32 = 9;
pub(crate) const SHF_ALLOC: u64 = 0x2;
pub(crate) const SHF_EXECINSTR: u64 = 0x4;
pub(crate) const SHF_INFO_LINK: u64 = 0x40;
pub(crate) const SHF_RELA_LIVEPATCH: u64 = 0x0010_0000;

const SHT_SYMTAB_SHNDX: u32 = 18;
const SHN_LORESERVE: usize = 0xff00;
const ET_REL: u16 = 1;
const HEADER_SIZE: usize = 64;
const SECTION_HEADER_SIZE: usize = 64;
/// That of a large page, which is what the kernel's text has at most.
const MAX_ALIGN: u64 = 1 << 21;
const MAX_GAPS: u64 = 16 * MAX_ALIGN;
const SIGNATURE_TRAILER: usize = 12;
const SIGNATURE_MARK: &[u8] = b"~Module signature appended~\n";

/// One section with its header and its contents.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) name: String,
    name_at: u32,
    pub(crate) kind: u32,
    pub(crate) flags: u64,
    addr: u64,
    /// For a section without contents, the size it has in memory.
    size: u64,
    pub(crate) link: u32,
    pub(crate) info: u32,
    align: u64,
    entsize: u64,
    pub(crate) data: Cow<'a, [u8]>,
}

/// A 64-bit ELF file.
#[derive(Debug)]
pub(crate) struct Elf<'a> {
    pub(crate) endian: Endian,
    pub(crate) machine: u16,
    header: Vec<u8>,
    names: usize,
    pub(crate) sections: Vec<Section<'a>>,
}

impl<'a> Elf<'a> {
    /// Reads a file and checks that all it refers to lies within it.
    pub(crate) fn parse(file: &'a [u8]) -> Result<Self, String> {
        if !file.starts_with(b"\x7fELF") {
            return Err("it is not an ELF file".into());
        }
        let endian = match file.get(4..6) {
            Some([2, 1]) => Endian::Little,
            Some([2, 2]) => Endian::Big,
            _ => return Err("it is not a 64-bit ELF file".into()),
        };
        let mut elf = Self::parse_header(file, endian).ok_or("its ELF header is cut off")??;
        elf.name_sections()?;
        Ok(elf)
    }

    fn parse_header(file: &'a [u8], endian: Endian) -> Option<Result<Self, String>> {
        let header = file.get(..HEADER_SIZE)?.to_vec();
        let machine = endian.get_u16(file, 18)?;
        let table = endian.get_usize(file, 40)?;
        let entry_size = endian.get_u16(file, 58)?;
        let count = endian.get_u16(file, 60)?;
        let names = usize::from(endian.get_u16(file, 62)?);

        if usize::from(entry_size) != SECTION_HEADER_SIZE {
            return Some(Err("its section headers have an unknown size".into()));
        }
        let sections: Option<Vec<_>> = (0..usize::from(count))
            .map(|index| {
                Section::parse(
                    file,
                    table.checked_add(index * SECTION_HEADER_SIZE)?,
                    endian,
                )
            })
            .collect();
        let Some(sections) = sections else {
            return Some(Err(
                "a section lies outside of the file, it is cut off or damaged".into(),
            ));
        };
        Some(Ok(Self {
            endian,
            machine,
            header,
            names,
            sections,
        }))
    }

    fn name_sections(&mut self) -> Result<(), String> {
        let names = self
            .sections
            .get(self.names)
            .ok_or("it has no section names")?;
        let names = names.data.clone();
        for (index, section) in self.sections.iter_mut().enumerate() {
            if section.kind != SHT_NULL {
                section.name = string(&names, section.name_at)
                    .ok_or_else(|| format!("section {index} has no valid name"))?
                    .into();
            }
        }
        Ok(())
    }

    /// Checks that the file is a module that may be rewritten.
    pub(crate) fn require_module(&self, file: &[u8]) -> Result<(), String> {
        if self.endian.get_u16(&self.header, 16) != Some(ET_REL) {
            return Err("it is not a relocatable file".into());
        }
        if self.find(".modinfo").is_none() {
            return Err("it has no .modinfo section, so it is not a module".into());
        }
        if file.ends_with(SIGNATURE_MARK) {
            return Err("it is signed: convert it first, then sign it".into());
        }
        if self
            .sections
            .iter()
            .any(|section| section.kind == SHT_SYMTAB_SHNDX)
        {
            return Err("it has more sections than the module loader supports".into());
        }
        let aligned = |align: u64| align == 0 || align.is_power_of_two() && align <= MAX_ALIGN;
        if let Some(section) = self.sections.iter().find(|section| !aligned(section.align)) {
            return Err(format!("{} has an impossible alignment", section.name));
        }
        // What is written out must not be much larger than what was read.
        let contents: usize = self.sections.iter().map(|section| section.data.len()).sum();
        let gaps: u64 = self.sections.iter().map(|section| section.align).sum();
        if contents > file.len() || gaps > MAX_GAPS {
            return Err("its sections overlap or lie far apart, it is damaged".into());
        }
        Ok(())
    }

    /// The number of the section called `name`.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.sections
            .iter()
            .position(|section| section.name == name)
    }

    /// Appends a string to the string table `section` and returns its offset.
    pub(crate) fn push_string(&mut self, section: usize, text: &str) -> Result<u32, String> {
        let table = self.sections[section].data.to_mut();
        let at = u32::try_from(table.len()).map_err(|_| "a string table is full")?;
        table.extend_from_slice(text.as_bytes());
        table.push(0);
        Ok(at)
    }

    /// Appends a relocation section that livepatch applies to the section `target`.
    pub(crate) fn push_livepatch_section(
        &mut self,
        target: usize,
        symtab: usize,
        data: Vec<u8>,
    ) -> Result<(), String> {
        if self.sections.len() + 1 >= SHN_LORESERVE {
            return Err("it has no room for another section".into());
        }
        // The dot after the object's name is the separator even if the section's name has its own.
        let name = format!(".klp.rela.vmlinux.{}", self.sections[target].name);
        let name_at = self.push_string(self.names, &name)?;
        let number = |index| u32::try_from(index).map_err(|_| "too many sections");
        self.sections.push(Section {
            name,
            name_at,
            kind: SHT_RELA,
            flags: SHF_ALLOC | SHF_INFO_LINK | SHF_RELA_LIVEPATCH,
            addr: 0,
            size: 0,
            link: number(symtab)?,
            info: number(target)?,
            align: 8,
            entsize: crate::symtab::RELA_SIZE as u64,
            data: Cow::Owned(data),
        });
        Ok(())
    }

    /// The file, with its sections in the order of their numbers.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut file = self.header.clone();
        let mut headers = Vec::new();
        for section in &self.sections {
            pad(&mut file, section.align);
            section.push_header(&mut headers, file.len(), self.endian);
            file.extend_from_slice(&section.data);
        }
        pad(&mut file, 8);

        // What changes in the ELF header: where the section headers are, and their number.
        let mut field = Vec::new();
        self.endian.push(&mut field, file.len() as u64, 8);
        file[40..48].copy_from_slice(&field);
        field.clear();
        self.endian.push(&mut field, self.sections.len() as u64, 2);
        file[60..62].copy_from_slice(&field);
        file.extend_from_slice(&headers);
        file
    }
}

/// The file without the signature that is appended to it, if there is one.
pub(crate) fn without_signature(file: &[u8]) -> Result<&[u8], String> {
    let Some(signed) = file.strip_suffix(SIGNATURE_MARK) else {
        return Ok(file);
    };
    // What precedes the mark ends with the signature's size.
    let trailer = signed.len().checked_sub(SIGNATURE_TRAILER);
    trailer
        .zip(Endian::Big.get_u32(signed, signed.len().saturating_sub(4)))
        .and_then(|(end, size)| end.checked_sub(size as usize))
        .map(|end| &signed[..end])
        .ok_or_else(|| "its signature is damaged".into())
}

fn pad(file: &mut Vec<u8>, align: u64) {
    let align = usize::try_from(align).unwrap_or(1).max(1);
    file.resize(file.len().next_multiple_of(align), 0);
}

impl<'a> Section<'a> {
    fn parse(file: &'a [u8], at: usize, endian: Endian) -> Option<Self> {
        let header = file.get(at..at.checked_add(SECTION_HEADER_SIZE)?)?;
        let kind = endian.get_u32(header, 4)?;
        let size = endian.get_usize(header, 32)?;
        let data = match kind {
            SHT_NULL | SHT_NOBITS => &[][..],
            _ => {
                let start = endian.get_usize(header, 24)?;
                file.get(start..start.checked_add(size)?)?
            }
        };
        Some(Self {
            name: String::new(),
            name_at: endian.get_u32(header, 0)?,
            kind,
            flags: endian.get(header, 8, 8)?,
            addr: endian.get(header, 16, 8)?,
            size: size as u64,
            link: endian.get_u32(header, 40)?,
            info: endian.get_u32(header, 44)?,
            align: endian.get(header, 48, 8)?,
            entsize: endian.get(header, 56, 8)?,
            data: Cow::Borrowed(data),
        })
    }

    /// The size it has in memory, if it is loaded.
    pub(crate) fn size(&self) -> u64 {
        match self.kind {
            SHT_NULL | SHT_NOBITS => self.size,
            _ => self.data.len() as u64,
        }
    }

    fn push_header(&self, headers: &mut Vec<u8>, offset: usize, endian: Endian) {
        let offset = if self.kind == SHT_NULL {
            0
        } else {
            offset as u64
        };
        for (value, width) in [
            (u64::from(self.name_at), 4),
            (u64::from(self.kind), 4),
            (self.flags, 8),
            (self.addr, 8),
            (offset, 8),
            (self.size(), 8),
            (u64::from(self.link), 4),
            (u64::from(self.info), 4),
            (self.align, 8),
            (self.entsize, 8),
        ] {
            endian.push(headers, value, width);
        }
    }
}
