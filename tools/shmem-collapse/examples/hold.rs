// SPDX-License-Identifier: GPL-2.0

//! A process that has shared memory of known content, for the tests.
//!
//! `hold SORT LAYOUT [grow]`: SORT is `memfd`, `sysv`, `shared` or a path.
//! LAYOUT has one letter for each extent of 2 MiB: `f` all of it is written, `h`
//! the first half, `e` nothing. It prints the address and waits for the end of
//! its input; with `grow` it fills an extent every half a second and then waits
//! until all are mapped huge, for a minute at most. Its status tells whether the
//! content is still what it wrote.

use rustix::{
    fs::{MemfdFlags, ftruncate, memfd_create},
    mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap},
};
use std::{
    env,
    error::Error,
    ffi::c_void,
    fs::File,
    io::{Read, stdin},
    os::fd::OwnedFd,
    process::ExitCode,
    ptr,
    thread::sleep,
    time::{Duration, Instant},
};

const EXTENT: usize = 2 << 20;
const PAGE: usize = 4096;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<_> = env::args().collect();
    let (sort, layout) = (&args[1], args[2].as_bytes());
    let grows = args.get(3).is_some_and(|word| word == "grow");
    let base = map(sort, layout.len() * EXTENT)?;

    if !grows {
        each_page(base, layout, |page, value| page.write(value));
    }
    println!("{:x}", base as usize);
    if grows {
        for extent in 0..layout.len() {
            let start = base.wrapping_byte_add(extent * EXTENT);
            each_page(start, &layout[extent..=extent], |page, value| {
                page.write(value);
            });
            sleep(Duration::from_millis(500));
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        let all = (layout.len() * EXTENT / 1024) as u64;
        while huge_kilobytes()? < all && Instant::now() < deadline {
            sleep(Duration::from_millis(100));
        }
        println!("{}", huge_kilobytes()?);
    } else {
        stdin().read_to_end(&mut Vec::new())?;
    }
    let mut intact = true;
    let mut check = |page: Page, value| intact &= page.read() == value;
    if grows {
        for extent in 0..layout.len() {
            let start = base.wrapping_byte_add(extent * EXTENT);
            each_page(start, &layout[extent..=extent], &mut check);
        }
    } else {
        each_page(base, layout, check);
    }
    Ok(ExitCode::from(u8::from(!intact)))
}

/// A page of what was mapped.
struct Page(*mut u64);

impl Page {
    fn write(&self, value: u64) {
        // SAFETY: The page is in what main() has mapped, for writing and for
        // good, and nobody has a reference to it.
        unsafe { self.0.write_volatile(value) }
    }

    fn read(&self) -> u64 {
        // SAFETY: As above.
        unsafe { self.0.read_volatile() }
    }
}

/// All pages that the layout has, each with the value it gets.
fn each_page(base: *mut c_void, layout: &[u8], mut visit: impl FnMut(Page, u64)) {
    for (extent, letter) in layout.iter().enumerate() {
        let bytes = match letter {
            b'f' => EXTENT,
            b'h' => EXTENT / 2,
            _ => 0,
        };
        for offset in (0..bytes).step_by(PAGE) {
            let page = base.wrapping_byte_add(extent * EXTENT + offset);
            visit(Page(page.cast()), (page as u64) ^ 0x5a5a_5a5a);
        }
    }
}

/// Maps that many bytes at an address that suits huge pages.
fn map(sort: &str, len: usize) -> Result<*mut c_void, Box<dyn Error>> {
    let (read_write, shared) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
    // SAFETY: New addresses, then the same again, which are ours.
    unsafe {
        let place = mmap_anonymous(
            ptr::null_mut(),
            len + EXTENT,
            ProtFlags::empty(),
            MapFlags::PRIVATE,
        )?;
        let base = place.wrapping_byte_add(place.align_offset(EXTENT));
        match sort {
            "shared" => Ok(mmap_anonymous(
                base,
                len,
                read_write,
                shared | MapFlags::FIXED,
            )?),
            "sysv" => {
                munmap(base, len)?;
                let id = libc::shmget(libc::IPC_PRIVATE, len, 0o600);
                let at = libc::shmat(id, base, 0);
                libc::shmctl(id, libc::IPC_RMID, ptr::null_mut());
                if at == base {
                    Ok(base)
                } else {
                    Err("shmat() failed".into())
                }
            }
            _ => {
                let file = open(sort)?;
                ftruncate(&file, len as u64)?;
                Ok(mmap(
                    base,
                    len,
                    read_write,
                    shared | MapFlags::FIXED,
                    file,
                    0,
                )?)
            }
        }
    }
}

fn open(sort: &str) -> Result<OwnedFd, Box<dyn Error>> {
    Ok(if sort == "memfd" {
        memfd_create("hold", MemfdFlags::CLOEXEC)?
    } else {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(sort)?
            .into()
    })
}

/// What this process has mapped huge.
fn huge_kilobytes() -> Result<u64, Box<dyn Error>> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
    let line = rollup
        .lines()
        .find_map(|line| line.strip_prefix("ShmemPmdMapped:"))
        .ok_or("no such field")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
