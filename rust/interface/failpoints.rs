// SPDX-License-Identifier: GPL-2.0

//! `/sys/kernel/debug/shmem_collapse` of a debug kernel: arms failpoints and delays.
//!
//! ```text
//! fail   POINT[,COUNT[,SKIP]] | off     reads: POINT, still to fail, failed
//! delay  POINT,MILLISECONDS | off       reads: POINT, milliseconds, waiting now
//! ```

use super::grammar;
use crate::support::{
    debugfs::Directory,
    failpoint::{
        Delay,
        Point, //
    },
    failpoint_armed::FaultAttribute, //
};
use kernel::{
    debugfs::{
        self,
        Reader,
        Writer, //
    },
    fmt,
    prelude::*,
    uaccess::UserSliceReader, //
};

/// The maximum length of a line.
const MAX_LINE: usize = 64;

/// The maximum delay. A task that sleeps longer would be reported as hung.
const MAX_MILLIS: u32 = 60_000;

/// Splits a line into a name and up to `N` numbers.
fn parse<const N: usize>(line: &[u8]) -> Result<(&[u8], [Option<u32>; N])> {
    let mut fields = line.trim_ascii().split(|&byte| byte == b',');
    let name = fields.next().ok_or(EINVAL)?;
    let mut numbers = [None; N];
    for (field, number) in (&mut fields).zip(&mut numbers) {
        *number = Some(u32::try_from(grammar::number(field)?)?);
    }
    match fields.next() {
        None => Ok((name, numbers)),
        Some(_) => Err(EINVAL),
    }
}

fn line<'a>(reader: &mut UserSliceReader, buffer: &'a mut [u8; MAX_LINE]) -> Result<&'a [u8]> {
    let line = buffer.get_mut(..reader.len()).ok_or(EINVAL)?;
    reader.read_slice(line)?;
    Ok(line)
}

struct FailFile;

impl Writer for FailFile {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for point in Point::ALL {
            let (name, armed, failed) = (point.name(), point.armed(), point.failed());
            writeln!(f, "{name} {armed} {failed}")?;
        }
        Ok(())
    }
}

impl Reader for FailFile {
    fn read_from_slice(&self, reader: &mut UserSliceReader) -> Result {
        match parse(line(reader, &mut [0; MAX_LINE])?)? {
            (b"off", [None, None]) => {
                for point in Point::ALL {
                    point.arm(0, 0);
                }
            }
            (name, [count, skip]) => Point::ALL
                .into_iter()
                .find(|point| point.name().as_bytes() == name)
                .ok_or(EINVAL)?
                .arm(count.unwrap_or(1), skip.unwrap_or(0)),
        }
        Ok(())
    }
}

struct DelayFile;

impl Writer for DelayFile {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for delay in Delay::ALL {
            let (name, armed, waiting) = (delay.name(), delay.armed(), delay.waiting());
            writeln!(f, "{name} {armed} {waiting}")?;
        }
        Ok(())
    }
}

impl Reader for DelayFile {
    fn read_from_slice(&self, reader: &mut UserSliceReader) -> Result {
        match parse(line(reader, &mut [0; MAX_LINE])?)? {
            (b"off", [None]) => {
                for delay in Delay::ALL {
                    delay.arm(0);
                }
            }
            (name, [Some(millis)]) if millis <= MAX_MILLIS => Delay::ALL
                .into_iter()
                .find(|delay| delay.name().as_bytes() == name)
                .ok_or(EINVAL)?
                .arm(millis),
            _ => return Err(EINVAL),
        }
        Ok(())
    }
}

/// The directory, and that of the fault attribute. Dropping it removes both.
pub(crate) struct FailpointFiles {
    _fail: Pin<KBox<debugfs::File<FailFile>>>,
    _delay: Pin<KBox<debugfs::File<DelayFile>>>,
    _attribute: FaultAttribute,
}

impl FailpointFiles {
    /// Creates the files, and the directory of the kernel's own. Context: sleeps.
    pub(crate) fn new(directory: &Directory) -> Result<Self> {
        let dir = directory.dir();
        Ok(Self {
            _fail: KBox::pin_init(dir.read_write_file(c"fail", FailFile), GFP_KERNEL)?,
            _delay: KBox::pin_init(dir.read_write_file(c"delay", DelayFile), GFP_KERNEL)?,
            _attribute: FaultAttribute::new(),
        })
    }
}
