// SPDX-License-Identifier: GPL-2.0

//! Compressed modules, which the compressors' own programs unpack.

use std::{
    io::{
        Read,
        Write, //
    },
    process::{
        Command,
        Stdio, //
    },
    thread, //
};

/// How files begin, and what unpacks them.
const FORMATS: [(&[u8], &str); 3] = [
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x1f\x8b", "gzip"),
];
/// More than a module with debugging information has.
const MAX_SIZE: u64 = 256 << 20;

/// The file itself, or what it has in it.
pub(crate) fn unpack(file: Vec<u8>) -> Result<Vec<u8>, String> {
    match FORMATS.iter().find(|format| file.starts_with(format.0)) {
        Some((_, program)) => run(program, &file),
        None => Ok(file),
    }
}

fn run(program: &str, file: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = Command::new(program)
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("it is compressed, and {program} cannot be run: {error}"))?;
    let (mut input, output) = (child.stdin.take(), child.stdout.take());

    let mut data = Vec::new();
    let read = thread::scope(|scope| {
        scope.spawn(|| {
            // If it does not want all of it, its status says why.
            let _ = input.take().map(|mut input| input.write_all(file));
        });
        // Dropped at the end, so that the program cannot wait for its output to be read.
        output.map(|output| output.take(MAX_SIZE + 1).read_to_end(&mut data))
    });
    let status = child.wait();
    if data.len() as u64 > MAX_SIZE {
        return Err("it is not a module, it has too much in it".into());
    }
    match (read, status) {
        (Some(Ok(_)), Ok(status)) if status.success() => Ok(data),
        _ => Err(format!(
            "it is not what {program} made, it is cut off or damaged"
        )),
    }
}
