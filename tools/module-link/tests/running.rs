// SPDX-License-Identifier: GPL-2.0

//! What is read of the running kernel.

use crate::{
    bytes::Endian,
    image::build_id,
    running::{
        capabilities,
        lockdown, //
    },
};

#[test]
fn effective_capabilities() {
    let status = "Name:\tsh\nCapPrm:\t0000000000000001\nCapEff:\t0000000400010000\nCapBnd:\t0\n";
    assert_eq!(capabilities(status), 1 << 34 | 1 << 16);
    assert_eq!(capabilities(""), 0);
}

#[test]
fn mode_of_lockdown() {
    assert_eq!(lockdown("[none] integrity confidentiality\n"), None);
    assert_eq!(
        lockdown("none [integrity] confidentiality\n").as_deref(),
        Some("integrity")
    );
    assert_eq!(lockdown(""), None);
}

#[test]
fn build_id_among_notes() {
    let note = |name: &[u8], kind: u32, data: &[u8]| {
        let mut note = Vec::new();
        for word in [name.len() as u32, data.len() as u32, kind] {
            note.extend(word.to_le_bytes());
        }
        for part in [name, data] {
            note.extend(part);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        note
    };
    let notes = [
        note(b"Xen\0", 3, &[9; 5]),
        note(b"GNU\0", 1, &[8; 4]),
        note(b"GNU\0", 3, &[0xab, 0x01]),
    ]
    .concat();
    assert_eq!(build_id(&notes, Endian::Little).as_deref(), Some("ab01"));
    assert_eq!(build_id(&notes[..notes.len() - 4], Endian::Little), None);
    assert_eq!(build_id(&[0xff; 40], Endian::Little), None);
    assert_eq!(build_id(&[], Endian::Little), None);
}
