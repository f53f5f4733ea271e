// SPDX-License-Identifier: GPL-2.0

//! Compressed files.

use std::{
    io::Write,
    process::{
        Command,
        Stdio, //
    },
    thread, //
};

use crate::unpack::unpack;

fn pack(program: &str, data: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    thread::scope(|scope| {
        scope.spawn(move || input.write_all(data).unwrap());
        child.wait_with_output().unwrap().stdout
    })
}

#[test]
fn what_is_not_compressed_stays() {
    for file in [&b""[..], b"\x7fELF", b"\xfd7z"] {
        assert_eq!(unpack(file.into()).as_deref(), Ok(file));
    }
}

#[test]
fn compressed_files_come_back() {
    // More than fits into a pipe.
    let data: Vec<u8> = (0..300_000_u32)
        .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
        .collect();
    for program in ["xz", "gzip"] {
        let packed = pack(program, &data);
        assert_ne!(packed, data);
        assert_eq!(unpack(packed), Ok(data.clone()), "{program}");
    }
}

#[test]
fn compressed_files_that_are_cut_off() {
    let data: Vec<u8> = (0..3000_u32)
        .flat_map(|n| n.wrapping_mul(n).to_le_bytes())
        .collect();
    for program in ["xz", "gzip"] {
        let packed = pack(program, &data);
        for length in [12, packed.len() / 2, packed.len() - 1] {
            let error = unpack(packed[..length].into()).unwrap_err();
            let words = format!("it is not what {program} made");
            assert!(error.contains(&words), "{error}");
        }
    }
}

#[test]
fn compressed_file_that_has_too_much_in_it() {
    let packed = pack("gzip", &vec![0; (256 << 20) + 1]);
    assert!(unpack(packed).unwrap_err().contains("too much in it"));
}
