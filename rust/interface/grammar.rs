// SPDX-License-Identifier: GPL-2.0

//! The grammar of requests and numbers written to sysfs.
//!
//! ```text
//! request = PID "," START "," END           addresses
//!         | PID
//!         | PATH "," PGOFF "," PGOFF_END    page offsets
//!         | PATH
//! number  = decimal digits, or 0x and hexadecimal digits; no sign
//! ```
//!
//! A request is a path if its first character after white space is `/`. White space around a number
//! is ignored, and so is white space before a path. One final newline is ignored.
//!
//! A path may contain commas. Its last two fields are page offsets if both look like numbers; a
//! sign, or a number that is too large, is then an error and not part of the name. For a file whose
//! own name ends in two such fields, append the offsets to the name.

use crate::collapse::request::Request;
use kernel::{
    page::PAGE_SHIFT,
    prelude::*, //
};

/// An upper limit of pids on every machine (`PID_MAX_LIMIT`).
const PID_LIMIT: u64 = 4 << 20;

/// File positions are `loff_t`, so page offsets end here.
const PGOFF_LIMIT: u64 = i64::MAX as u64 >> PAGE_SHIFT;

/// Parses a request. Copies a path to `storage`, which the request borrows.
pub(super) fn request<'a>(text: &[u8], storage: &'a mut KVec<u8>) -> Result<Request<'a>> {
    let text = text.strip_suffix(b"\n").unwrap_or(text).trim_ascii_start();
    if text.first() == Some(&b'/') {
        path_request(text, storage)
    } else {
        pid_request(text)
    }
}

fn pid_request(text: &[u8]) -> Result<Request<'static>> {
    let mut fields = text.split(|&byte| byte == b',');
    let pid = number(fields.next().ok_or(EINVAL)?)?;
    if pid >= PID_LIMIT {
        return Err(EINVAL);
    }
    let pid = i32::try_from(pid)?;

    match (fields.next(), fields.next(), fields.next()) {
        (None, ..) => Ok(Request::Process { pid }),
        (Some(start), Some(end), None) => {
            let (start, end) = ordered(number(start)?, number(end)?)?;
            Ok(Request::Range {
                pid,
                start: usize::try_from(start)?,
                end: usize::try_from(end)?,
            })
        }
        _ => Err(EINVAL),
    }
}

fn path_request<'a>(text: &[u8], storage: &'a mut KVec<u8>) -> Result<Request<'a>> {
    let mut fields = text.rsplitn(3, |&byte| byte == b',');
    match (fields.next(), fields.next(), fields.next()) {
        (Some(end), Some(start), Some(path)) if numeric(start) && numeric(end) => {
            let (start, end) = ordered(number(start)?, number(end)?)?;
            if end > PGOFF_LIMIT {
                return Err(EINVAL);
            }
            let path = terminated(path, storage)?;
            Ok(Request::FileRange { path, start, end })
        }
        _ => Ok(Request::File {
            path: terminated(text, storage)?,
        }),
    }
}

fn ordered(start: u64, end: u64) -> Result<(u64, u64)> {
    if start > end {
        return Err(EINVAL);
    }
    Ok((start, end))
}

fn terminated<'a>(path: &[u8], storage: &'a mut KVec<u8>) -> Result<&'a CStr> {
    storage.clear();
    storage.reserve(path.len() + 1, GFP_KERNEL)?;
    storage.extend_from_slice(path, GFP_KERNEL)?;
    storage.push(0, GFP_KERNEL)?;
    // Fails if the path contains a NUL, which would truncate it.
    CStr::from_bytes_with_nul(storage).map_err(|_| EINVAL)
}

fn digits(text: &[u8]) -> (u32, &[u8]) {
    match text {
        [b'0', b'x' | b'X', digits @ ..] => (16, digits),
        digits => (10, digits),
    }
}

/// Returns whether `field` looks like a number, valid or not.
fn numeric(field: &[u8]) -> bool {
    let field = field.trim_ascii();
    let unsigned = match field {
        [b'+' | b'-', rest @ ..] => rest,
        _ => field,
    };
    let (radix, digits) = digits(unsigned);
    !digits.is_empty() && digits.iter().all(|&digit| (digit as char).is_digit(radix))
}

/// Parses an unsigned number.
pub(super) fn number(field: &[u8]) -> Result<u64> {
    let (radix, digits) = digits(field.trim_ascii());
    if digits.is_empty() {
        return Err(EINVAL);
    }
    digits.iter().try_fold(0u64, |value, &digit| {
        let digit = (digit as char).to_digit(radix).ok_or(EINVAL)?;
        value
            .checked_mul(radix.into())
            .and_then(|value| value.checked_add(digit.into()))
            .ok_or(EINVAL)
    })
}

/// Parses a number that may have a minus sign.
pub(super) fn signed(text: &[u8]) -> Result<i64> {
    let text = text.trim_ascii();
    match text.strip_prefix(b"-") {
        // Rejects "- 1", of which `number` would skip the space.
        Some(digits) if digits.first().is_some_and(u8::is_ascii_digit) => {
            Ok(-i64::try_from(number(digits)?)?)
        }
        Some(_) => Err(EINVAL),
        None => Ok(i64::try_from(number(text)?)?),
    }
}

#[kunit_tests(shmem_collapse_grammar)]
mod tests {
    use super::*;

    fn is_range(text: &[u8], expected: (i32, usize, usize)) -> bool {
        matches!(
            request(text, &mut KVec::new()),
            Ok(Request::Range { pid, start, end }) if (pid, start, end) == expected
        )
    }

    fn is_process(text: &[u8], expected: i32) -> bool {
        matches!(
            request(text, &mut KVec::new()),
            Ok(Request::Process { pid }) if pid == expected
        )
    }

    fn is_file(text: &[u8], expected: &CStr) -> bool {
        matches!(
            request(text, &mut KVec::new()),
            Ok(Request::File { path }) if path == expected
        )
    }

    fn is_file_range(text: &[u8], expected: (&CStr, u64, u64)) -> bool {
        matches!(
            request(text, &mut KVec::new()),
            Ok(Request::FileRange { path, start, end }) if (path, start, end) == expected
        )
    }

    fn is_invalid(text: &[u8]) -> bool {
        matches!(request(text, &mut KVec::new()), Err(error) if error == EINVAL)
    }

    #[test]
    fn addresses() {
        assert!(is_range(b"1,2,3", (1, 2, 3)));
        assert!(is_range(b"1,0x200000,0x400000", (1, 0x20_0000, 0x40_0000)));
        assert!(is_range(b"0x10,0XaB,0xFf", (16, 0xab, 0xff)));
        assert!(is_range(b" 1 ,\t2 , 3 \n", (1, 2, 3)));
        assert!(is_range(b"0,0,0", (0, 0, 0)));
        assert!(is_range(b"010,08,09", (10, 8, 9)));
    }

    #[test]
    fn whole_process() {
        assert!(is_process(b"1", 1));
        assert!(is_process(b"0\n", 0));
        assert!(is_process(b"  42  \n", 42));
        assert!(is_process(b"4194303", 4_194_303));
    }

    #[test]
    fn whole_file() {
        assert!(is_file(b"/dev/shm/a", c"/dev/shm/a"));
        assert!(is_file(b"  /dev/shm/a\n", c"/dev/shm/a"));
        assert!(is_file(b"/a b ", c"/a b "));
        assert!(is_file(b"/a\n\n", c"/a\n"));
        assert!(is_file(b"/", c"/"));
    }

    #[test]
    fn part_of_a_file() {
        assert!(is_file_range(b"/a,0,512", (c"/a", 0, 512)));
        assert!(is_file_range(b"/a,0x200,0x400\n", (c"/a", 512, 1024)));
        assert!(is_file_range(b"/a , 1 , 2 \n", (c"/a ", 1, 2)));
        assert!(is_file_range(b"/a,7,7", (c"/a", 7, 7)));
    }

    #[test]
    fn commas_in_paths() {
        assert!(is_file(b"/a,b", c"/a,b"));
        assert!(is_file(b"/a,1", c"/a,1"));
        assert!(is_file(b"/a,1,b", c"/a,1,b"));
        assert!(is_file(b"/a,b,1", c"/a,b,1"));
        assert!(is_file(b"/a,,", c"/a,,"));
        assert!(is_file(b"/a,,1", c"/a,,1"));
        assert!(is_file(b"/a,1st,2nd", c"/a,1st,2nd"));
        assert!(is_file(b"/a,0x,1", c"/a,0x,1"));
        assert!(is_file_range(b"/a,b,1,2", (c"/a,b", 1, 2)));
        assert!(is_file_range(b"/a,3,4,1,2", (c"/a,3,4", 1, 2)));
    }

    #[test]
    fn garbage() {
        for text in [
            &b""[..],
            b"\n",
            b" ",
            b",",
            b"abc",
            b"a/b",
            b"1 2",
            b"1;2;3",
            b"\xff",
            b"0x",
            b"0x0x1",
            b"1_0",
            b"1e3",
            b"12a",
            b"1,2,3a",
            b"1,g,3",
        ] {
            assert!(is_invalid(text));
        }
    }

    #[test]
    fn fields_missing_or_too_many() {
        for text in [
            &b"1,"[..],
            b"1,2",
            b"1,2,",
            b"1,,3",
            b",2,3",
            b"1,2,3,",
            b"1,2,3,4",
        ] {
            assert!(is_invalid(text));
        }
    }

    #[test]
    fn signs() {
        for text in [
            &b"-1"[..],
            b"+1",
            b"-1,0,1",
            b"1,-2,3",
            b"1,2,+3",
            b"/a,-1,2",
            b"/a,1,+2",
            b"-",
            b"--1",
        ] {
            assert!(is_invalid(text));
        }
    }

    #[test]
    fn overflow() {
        for text in [
            &b"18446744073709551616"[..],
            b"4294967297",
            b"4194304",
            b"1,0,18446744073709551616",
            b"1,0,0x10000000000000000",
            b"/a,0,18446744073709551616",
            b"/a,0,18446744073709551615",
            b"/a,0,0x8000000000000",
        ] {
            assert!(is_invalid(text));
        }
        assert!(is_file_range(
            b"/a,0,0x7ffffffff",
            (c"/a", 0, 0x7_ffff_ffff)
        ));
    }

    #[test]
    fn backwards() {
        assert!(is_invalid(b"1,3,2"));
        assert!(is_invalid(b"/a,3,2"));
    }

    #[test]
    fn nul_bytes() {
        assert!(is_invalid(b"1\0"));
        assert!(is_invalid(b"1,2,3\0"));
        assert!(is_invalid(b"\0"));
        assert!(is_invalid(b"/a\0"));
        assert!(is_invalid(b"/a\0b,1,2"));
    }

    #[test]
    fn newlines() {
        assert!(is_process(b"1\n\n", 1));
        assert!(is_invalid(b"1\n2"));
        assert!(is_invalid(b"1,2,3\n4"));
    }

    #[test]
    fn signed_numbers() {
        assert_eq!(signed(b"-1\n"), Ok(-1));
        assert_eq!(signed(b" 0x10 "), Ok(16));
        assert_eq!(signed(b"0"), Ok(0));
        for text in [&b"- 1"[..], b"--1", b"-+1", b"-", b"", b"+1", b"1-"] {
            assert_eq!(signed(text), Err(EINVAL));
        }
        assert_eq!(signed(b"9223372036854775808"), Err(EINVAL));
    }
}
