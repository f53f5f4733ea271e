// SPDX-License-Identifier: GPL-2.0

//! `System.map`, or what `/proc/kallsyms` shows.

/// One symbol of the kernel proper.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Symbol<'a> {
    pub(crate) address: u64,
    pub(crate) letter: u8,
    pub(crate) name: &'a str,
}

/// The symbols of the kernel proper, in the order of the file.
pub(crate) fn symbols(file: &[u8]) -> impl Iterator<Item = Symbol<'_>> {
    file.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        let (address, letter, name) = (fields.next()?, fields.next()?, fields.next()?);
        // A fourth field names the module that a symbol of kallsyms belongs to.
        let &[letter] = letter.as_bytes() else {
            return None;
        };
        fields.next().is_none().then_some(Symbol {
            address: u64::from_str_radix(address, 16).ok()?,
            letter,
            name,
        })
    })
}
