// SPDX-License-Identifier: GPL-2.0

//! Names that others have chosen.
//!
//! A name of the kernel is bytes: a file, a memfd or a mount point may be called
//! by any of them but NUL. What is shown of it is text that a terminal can do no
//! harm with, and that tells different names apart: a backslash is `\\`, and a
//! byte that is no UTF-8, or belongs to a character that is not seen or moves
//! others, is `\xNN`. JSON has the same text.

use serde::{Serialize, Serializer};
use std::{
    ffi::OsStr,
    fmt::{self, Write as _},
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// Bytes that name something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Name(Vec<u8>);

impl Name {
    /// Takes a name from `/proc/PID/maps`, where a newline is `\012`.
    pub(crate) fn of_maps(bytes: &[u8]) -> Self {
        const NEWLINE: &[u8] = b"\\012";
        let mut name = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some((first, behind)) = rest.split_first() {
            if let Some(behind) = rest.strip_prefix(NEWLINE) {
                name.push(b'\n');
                rest = behind;
            } else {
                name.push(*first);
                rest = behind;
            }
        }
        Self(name)
    }

    pub(crate) fn starts_with(&self, start: &[u8]) -> bool {
        self.0.starts_with(start)
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<&OsStr> for Name {
    fn from(text: &OsStr) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<&Path> for Name {
    fn from(path: &Path) -> Self {
        path.as_os_str().into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\\' => out.write_str("\\\\")?,
                    _ => show(out, character)?,
                }
            }
            for byte in chunk.invalid() {
                write!(out, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
impl PartialEq<&str> for Name {
    fn eq(&self, text: &&str) -> bool {
        self.0 == text.as_bytes()
    }
}

/// A message that may have names of others in it, as a terminal can take it.
pub(crate) fn harmless(message: &str) -> String {
    message.chars().fold(String::new(), |mut text, character| {
        let _ = match character {
            '\n' => text.write_char(character),
            _ => show(&mut text, character),
        };
        text
    })
}

fn show(out: &mut impl fmt::Write, character: char) -> fmt::Result {
    if !is_unseen(character) {
        return out.write_char(character);
    }
    let mut bytes = [0; 4];
    for byte in character.encode_utf8(&mut bytes).bytes() {
        write!(out, "\\x{byte:02x}")?;
    }
    Ok(())
}

/// Controls, and characters that have no width, change the direction of others
/// or end a line.
fn is_unseen(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        Name::from(OsStr::from_bytes(bytes)).to_string()
    }

    #[test]
    fn what_can_be_read_is_shown_as_it_is() {
        for name in [
            "",
            "/dev/shm/segment",
            "/memfd:a b (deleted)",
            "/tmp/média/日本",
        ] {
            assert_eq!(shown(name.as_bytes()), name);
        }
    }

    #[test]
    fn what_a_terminal_would_act_on_is_shown_as_bytes() {
        for (name, text) in [
            (&b"caf\xe9"[..], r"caf\xe9"),
            (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
            (b"a\r\nb\tc\x7f", r"a\x0d\x0ab\x09c\x7f"),
            ("\u{9b}31m".as_bytes(), r"\xc2\x9b31m"),
            ("a\u{202e}b".as_bytes(), r"a\xe2\x80\xaeb"),
            ("a\u{200b}\u{feff}".as_bytes(), r"a\xe2\x80\x8b\xef\xbb\xbf"),
            (
                "\u{2028}\u{e0041}".as_bytes(),
                r"\xe2\x80\xa8\xf3\xa0\x81\x81",
            ),
            (b"\xf0\x9f", r"\xf0\x9f"),
        ] {
            assert_eq!(shown(name), text);
        }
    }

    #[test]
    fn different_names_are_shown_differently() {
        assert_ne!(shown(b"\x1b"), shown(br"\x1b"));
        assert_ne!(shown(br"\"), shown(br"\\"));
    }

    #[test]
    fn every_name_is_harmless() {
        for seed in 0..2000u32 {
            let bytes: Vec<u8> = (0..16u32)
                .map(|at| (seed.wrapping_mul(2_654_435_761).wrapping_add(at * seed) >> 7) as u8)
                .collect();
            let text = shown(&bytes);
            assert!(!text.chars().any(is_unseen), "{bytes:?}");
            assert_eq!(harmless(&text), text);
            let json = serde_json::to_string(&Name::from(OsStr::from_bytes(&bytes))).unwrap();
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        }
    }

    #[test]
    fn newlines_of_maps_are_known() {
        assert_eq!(Name::of_maps(br"/a\012b"), "/a\nb");
        assert_eq!(Name::of_maps(br"/a\01"), r"/a\01");
        assert_eq!(Name::of_maps(b"\\"), "\\");
    }

    #[test]
    fn a_message_keeps_its_lines() {
        assert_eq!(harmless("a\nb\x1b[2J\\"), "a\nb\\x1b[2J\\");
    }
}
