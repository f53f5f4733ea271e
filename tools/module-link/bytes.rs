// SPDX-License-Identifier: GPL-2.0

//! Integers and strings in byte slices; every access is checked.

/// The byte order of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

impl Endian {
    /// The unsigned integer of `width` (at most 8) bytes at offset `at`.
    pub(crate) fn get(self, data: &[u8], at: usize, width: usize) -> Option<u64> {
        let field = data.get(at..at.checked_add(width)?)?;
        let fold = |value, byte: &u8| (value << 8) | u64::from(*byte);
        Some(match self {
            Self::Little => field.iter().rev().fold(0, fold),
            Self::Big => field.iter().fold(0, fold),
        })
    }

    /// Like [`Self::get`], for a field of four bytes.
    pub(crate) fn get_u32(self, data: &[u8], at: usize) -> Option<u32> {
        u32::try_from(self.get(data, at, 4)?).ok()
    }

    /// Like [`Self::get`], for a field of two bytes.
    pub(crate) fn get_u16(self, data: &[u8], at: usize) -> Option<u16> {
        u16::try_from(self.get(data, at, 2)?).ok()
    }

    /// Like [`Self::get`], for an offset or a size.
    pub(crate) fn get_usize(self, data: &[u8], at: usize) -> Option<usize> {
        usize::try_from(self.get(data, at, 8)?).ok()
    }

    /// Appends the low `width` (at most 8) bytes of `value`.
    pub(crate) fn push(self, data: &mut Vec<u8>, value: u64, width: usize) {
        match self {
            Self::Little => data.extend_from_slice(&value.to_le_bytes()[..width]),
            Self::Big => data.extend_from_slice(&value.to_be_bytes()[8 - width..]),
        }
    }
}

/// The NUL-terminated string at offset `at` of a string table.
pub(crate) fn string(table: &[u8], at: u32) -> Option<&str> {
    let tail = table.get(usize::try_from(at).ok()?..)?;
    let end = tail.iter().position(|&byte| byte == 0)?;
    std::str::from_utf8(&tail[..end]).ok()
}
