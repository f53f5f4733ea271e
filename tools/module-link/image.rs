// SPDX-License-Identifier: GPL-2.0

//! What tells one build of the kernel, and one boot of it, from others.

use crate::{
    bytes::Endian,
    elf::{
        self,
        Elf, //
    },
    sysmap, //
};

const NT_GNU_BUILD_ID: u64 = 3;

/// The build id in ELF notes, in hexadecimal digits.
pub(crate) fn build_id(notes: &[u8], endian: Endian) -> Option<String> {
    let mut rest = notes;
    loop {
        let name_size = endian.get_u32(rest, 0)? as usize;
        let size = endian.get_u32(rest, 4)? as usize;
        let kind = endian.get(rest, 8, 4)?;
        let start = name_size.checked_next_multiple_of(4)?.checked_add(12)?;
        let id = rest.get(start..start.checked_add(size)?)?;
        if kind == NT_GNU_BUILD_ID && rest.get(12..12 + name_size)? == b"GNU\0" {
            return Some(id.iter().map(|byte| format!("{byte:02x}")).collect());
        }
        rest = rest.get(start.checked_add(size.checked_next_multiple_of(4)?)?..)?;
    }
}

/// The build id of a `vmlinux`; `None` also if the file is something else.
pub(crate) fn build_id_of(file: &[u8]) -> Option<String> {
    let image = Elf::parse(file).ok()?;
    image
        .sections
        .iter()
        .filter(|section| section.kind == elf::SHT_NOTE)
        .find_map(|section| build_id(&section.data, image.endian))
}

/// What marks the beginning and the end of parts of the image.
const MARKS: [(&str, &str); 3] = [
    ("_text", "_end"),
    ("__init_begin", "__init_end"),
    ("__per_cpu_start", "__per_cpu_end"),
];

/// Where the parts of the running kernel lie.
#[derive(Debug)]
pub(crate) struct Layout {
    image: (u64, u64),
    /// What was freed when the kernel had started.
    init: (u64, u64),
    /// The pattern of the variables that each CPU has its own copy of, which may lie in what was
    /// freed: nobody uses it itself.
    per_cpu: (u64, u64),
}

impl Layout {
    /// The layout that a list of symbols shows.
    pub(crate) fn of(kallsyms: &[u8]) -> Result<Self, String> {
        let mut parts = [(None, None); 3];
        for symbol in sysmap::symbols(kallsyms) {
            for ((start, end), part) in MARKS.iter().zip(&mut parts) {
                if symbol.name == *start {
                    part.0 = Some(symbol.address);
                } else if symbol.name == *end {
                    part.1 = Some(symbol.address);
                }
            }
        }
        let whole = |(start, end): (Option<u64>, Option<u64>)| start.zip(end);
        match (whole(parts[0]), whole(parts[1])) {
            // The last line may be half of one.
            (Some(image), Some(init)) if kallsyms.ends_with(b"\n") => Ok(Self {
                image,
                init,
                // A kernel for one CPU has none.
                per_cpu: whole(parts[2]).unwrap_or((0, 0)),
            }),
            _ => Err("the list of symbols is not that of a whole kernel".into()),
        }
    }

    /// Whether the addresses are there at all.
    pub(crate) fn is_hidden(&self) -> bool {
        self.image.0 == 0
    }

    /// Checks that something may be used when the kernel runs.
    pub(crate) fn check(&self, name: &str, address: u64) -> Result<(), String> {
        let within = |(start, end)| (start..end).contains(&address);
        if !within(self.image) {
            return Err(format!(
                "{name} lies outside of the kernel's image: do without it"
            ));
        }
        if within(self.init) && !within(self.per_cpu) {
            return Err(format!(
                "{name} is freed when the kernel has started: do without it"
            ));
        }
        Ok(())
    }
}
