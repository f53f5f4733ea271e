// SPDX-License-Identifier: GPL-2.0

//! Makes ELF files and BTF in memory.

pub(super) const PROGBITS: u32 = 1;
pub(super) const NOBITS: u32 = 8;
pub(super) const ALLOC: u64 = 2;
pub(super) const TEXT: u64 = 6;

pub(super) const R_64: u32 = 1;
pub(super) const R_PC32: u32 = 2;
pub(super) const R_PLT32: u32 = 4;
pub(super) const R_32: u32 = 10;
pub(super) const R_32S: u32 = 11;
pub(super) const R_PC64: u32 = 24;

pub(super) const GLOBAL: u8 = 0x10;
pub(super) const WEAK: u8 = 0x20;
pub(super) const GLOBAL_OBJECT: u8 = 0x11;
pub(super) const GLOBAL_FUNC: u8 = 0x12;
pub(super) const LOCAL_FUNC: u8 = 0x02;

/// Code in which a call, a load of an address, a conditional jump and a jump refer to symbols, with
/// the offsets of their operands.
pub(super) const CODE: &[u8] = &[
    0xe8, 0, 0, 0, 0, 0x48, 0x8d, 0x05, 0, 0, 0, 0, 0x0f, 0x84, 0, 0, 0, 0, 0xe9, 0, 0, 0, 0,
];
pub(super) const CALL: u64 = 1;
pub(super) const LEA: u64 = 8;
pub(super) const JE: u64 = 14;
pub(super) const JMP: u64 = 19;

struct Section {
    name: &'static str,
    kind: u32,
    flags: u64,
    link: u32,
    info: u32,
    data: Vec<u8>,
}

/// An ELF file in the making. Section 0 and symbol 0 are there from the start.
pub(super) struct Build {
    pub(super) machine: u16,
    pub(super) file_type: u16,
    /// Section names and symbol names share one table.
    pub(super) one_string_table: bool,
    sections: Vec<Section>,
    symbols: Vec<(String, u8, u16)>,
}

impl Build {
    /// A relocatable file for x86_64 without any section.
    pub(super) fn new() -> Self {
        let mut build = Self {
            machine: 62,
            file_type: 1,
            one_string_table: false,
            sections: Vec::new(),
            symbols: vec![(String::new(), 0, 0)],
        };
        build.section("", 0, 0, &[]);
        build
    }

    /// A module with code and a local symbol.
    pub(super) fn module() -> Self {
        let mut build = Self::new();
        let text = build.section(".text", PROGBITS, TEXT, CODE);
        build.section(".modinfo", PROGBITS, ALLOC, b"license=GPL\0name=demo\0");
        build.symbol("local", LOCAL_FUNC, text as u16);
        build
    }

    pub(super) fn section(
        &mut self,
        name: &'static str,
        kind: u32,
        flags: u64,
        data: &[u8],
    ) -> u32 {
        self.sections.push(Section {
            name,
            kind,
            flags,
            link: 0,
            info: 0,
            data: data.to_vec(),
        });
        self.sections.len() as u32 - 1
    }

    pub(super) fn symbol(&mut self, name: &str, info: u8, section: u16) -> u32 {
        self.symbols.push((name.into(), info, section));
        self.symbols.len() as u32 - 1
    }

    pub(super) fn undefined(&mut self, name: &str) -> u32 {
        self.symbol(name, GLOBAL, 0)
    }

    /// Adds relocations of the section `target`: offset, type, symbol; the addend is -4.
    pub(super) fn rela(
        &mut self,
        name: &'static str,
        target: u32,
        entries: &[(u64, u32, u32)],
    ) -> u32 {
        self.rela_with(name, target, entries, -4)
    }

    pub(super) fn rela_with(
        &mut self,
        name: &'static str,
        target: u32,
        entries: &[(u64, u32, u32)],
        addend: i64,
    ) -> u32 {
        let mut data = Vec::new();
        for &(offset, kind, symbol) in entries {
            data.extend(offset.to_le_bytes());
            data.extend(((u64::from(symbol) << 32) | u64::from(kind)).to_le_bytes());
            data.extend(addend.to_le_bytes());
        }
        let section = self.section(name, 4, 0x40, &data);
        self.sections[section as usize].info = target;
        section
    }

    /// Cuts a section off after `length` bytes.
    pub(super) fn cut(&mut self, section: u32, length: usize) {
        self.sections[section as usize].data.truncate(length);
    }

    /// The file: a header, the sections one after the other, the section headers.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let symtab = self.sections.len() as u32;
        for section in &mut self.sections {
            if matches!(section.kind, 4 | 9) {
                section.link = symtab;
            }
        }
        self.section(".symtab", 2, 0, &[]);
        self.section(".strtab", 3, 0, &[]);
        if !self.one_string_table {
            self.section(".shstrtab", 3, 0, &[]);
        }
        let names = self.sections.len() - 1;

        let mut strings = vec![0];
        let mut symbols = Vec::new();
        for (name, info, section) in &self.symbols {
            symbols.extend(push_string(&mut strings, name).to_le_bytes());
            symbols.extend([*info, 0]);
            symbols.extend(section.to_le_bytes());
            symbols.extend([0; 16]);
        }
        let mut section_strings = if self.one_string_table {
            strings.clone()
        } else {
            vec![0]
        };
        let name_offsets: Vec<_> = self
            .sections
            .iter()
            .map(|section| push_string(&mut section_strings, section.name))
            .collect();
        let table = &mut self.sections[symtab as usize];
        (table.data, table.link) = (symbols, symtab + 1);
        table.info = self
            .symbols
            .iter()
            .filter(|symbol| symbol.1 < GLOBAL)
            .count() as u32;
        self.sections[symtab as usize + 1].data = strings;
        self.sections[names].data = section_strings;
        self.assemble(&name_offsets, names as u16)
    }

    fn assemble(&self, name_offsets: &[u32], names: u16) -> Vec<u8> {
        let mut file = vec![0; 64];
        let mut headers = Vec::new();
        for (section, name) in self.sections.iter().zip(name_offsets) {
            file.resize(file.len().next_multiple_of(8), 0);
            headers.extend(name.to_le_bytes());
            headers.extend(section.kind.to_le_bytes());
            headers.extend(section.flags.to_le_bytes());
            headers.extend([0; 8]);
            let offset = if section.kind == 0 {
                0
            } else {
                file.len() as u64
            };
            headers.extend(offset.to_le_bytes());
            headers.extend((section.data.len() as u64).to_le_bytes());
            headers.extend(section.link.to_le_bytes());
            headers.extend(section.info.to_le_bytes());
            headers.extend(8_u64.to_le_bytes());
            headers.extend([0; 8]);
            if section.kind != NOBITS {
                file.extend(&section.data);
            }
        }
        file.resize(file.len().next_multiple_of(8), 0);

        let table = file.len() as u64;
        file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        file[16..18].copy_from_slice(&self.file_type.to_le_bytes());
        file[18..20].copy_from_slice(&self.machine.to_le_bytes());
        file[40..48].copy_from_slice(&table.to_le_bytes());
        file[52..54].copy_from_slice(&64_u16.to_le_bytes());
        file[58..60].copy_from_slice(&64_u16.to_le_bytes());
        file[60..62].copy_from_slice(&(self.sections.len() as u16).to_le_bytes());
        file[62..64].copy_from_slice(&names.to_le_bytes());
        file.extend(headers);
        file
    }
}

fn push_string(table: &mut Vec<u8>, text: &str) -> u32 {
    if text.is_empty() {
        return 0;
    }
    let at = table.len() as u32;
    table.extend(text.as_bytes());
    table.push(0);
    at
}

/// BTF with an integer, a structure and the given functions with their linkage.
pub(super) fn btf(functions: &[(&str, u32)]) -> Vec<u8> {
    let mut strings = vec![0];
    let mut types = Vec::new();
    let mut push = |words: &[u32]| types.extend(words.iter().flat_map(|word| word.to_le_bytes()));

    push(&[push_string(&mut strings, "int"), 1 << 24, 4, 0x0100_0020]);
    push(&[
        push_string(&mut strings, "pair"),
        (4 << 24) | 2,
        8,
        0,
        1,
        0,
        0,
        1,
        32,
    ]);
    push(&[0, (13 << 24) | 1, 1, 0, 1]);
    for (name, linkage) in functions {
        push(&[push_string(&mut strings, name), (12 << 24) | linkage, 3]);
    }

    let mut data = vec![0x9f, 0xeb, 1, 0];
    for word in [
        24,
        0,
        types.len() as u32,
        types.len() as u32,
        strings.len() as u32,
    ] {
        data.extend(word.to_le_bytes());
    }
    data.extend(types);
    data.extend(strings);
    data
}
