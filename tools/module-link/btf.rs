// SPDX-License-Identifier: GPL-2.0

//! BTF, the kernel's type information: which names are functions.

use crate::bytes::{
    string,
    Endian, //
};

const MAGIC: u64 = 0xeb9f;
const KIND_FUNC: u32 = 12;
const TYPE_SIZE: usize = 12;

/// A function and its linkage.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function<'a> {
    pub(crate) name: &'a str,
    pub(crate) is_static: bool,
}

/// Whether the data begins like BTF.
pub(crate) fn is_btf(data: &[u8]) -> bool {
    [Endian::Little, Endian::Big]
        .iter()
        .any(|endian| endian.get(data, 0, 2) == Some(MAGIC))
}

/// All functions, in the order of the file.
pub(crate) fn functions(data: &[u8]) -> Result<Vec<Function<'_>>, String> {
    let endian = match Endian::Little.get(data, 0, 2) {
        Some(MAGIC) => Endian::Little,
        _ => Endian::Big,
    };
    let (types, strings) = parts(data, endian).ok_or("its BTF is cut off or damaged")?;

    let mut functions = Vec::new();
    let mut rest = types;
    while !rest.is_empty() {
        let (function, next) = next_type(rest, strings, endian).ok_or("its BTF is damaged")?;
        functions.extend(function);
        rest = next;
    }
    Ok(functions)
}

/// The type section and the string section.
fn parts(data: &[u8], endian: Endian) -> Option<(&[u8], &[u8])> {
    let body = data.get(endian.get_u32(data, 4)? as usize..)?;
    let part = |at| {
        let start = endian.get_u32(data, at)? as usize;
        let size = endian.get_u32(data, at + 4)? as usize;
        body.get(start..start.checked_add(size)?)
    };
    Some((part(8)?, part(16)?))
}

type Step<'a> = (Option<Function<'a>>, &'a [u8]);

/// Splits the first type off: the function it may be, and what follows it.
fn next_type<'a>(types: &'a [u8], strings: &'a [u8], endian: Endian) -> Option<Step<'a>> {
    let name_at = endian.get_u32(types, 0)?;
    let info = endian.get_u32(types, 4)?;
    let (kind, count) = ((info >> 24) & 0x7f, (info & 0xff_ffff) as usize);

    // What follows the common part, by kind: an integer's encoding, an array's dimensions, the
    // members of a structure, and so on.
    let extra = match kind {
        2 | 7..=11 | 16 | 18 => 0,
        KIND_FUNC => 0,
        1 | 14 | 17 => 4,
        3 => 12,
        4 | 5 | 15 | 19 => count.checked_mul(12)?,
        6 | 13 => count.checked_mul(8)?,
        _ => return None,
    };
    let rest = types.get(TYPE_SIZE.checked_add(extra)?..)?;
    if kind != KIND_FUNC {
        return Some((None, rest));
    }
    // For a function, the count is its linkage; 0 is static.
    let function = Function {
        name: string(strings, name_at)?,
        is_static: count == 0,
    };
    Some((Some(function), rest))
}
