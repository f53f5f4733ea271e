// SPDX-License-Identifier: GPL-2.0

//! `System.map`, or what `/proc/kallsyms` shows.

/// The symbols of the kernel proper, as type letter and name.
pub(crate) fn symbols(file: &[u8]) -> impl Iterator<Item = (u8, &str)> {
    file.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
        let (_, letter, name) = (fields.next()?, fields.next()?, fields.next()?);
        // A fourth field names the module that a symbol of kallsyms belongs to.
        let &[letter] = letter.as_bytes() else {
            return None;
        };
        fields.next().is_none().then_some((letter, name))
    })
}
