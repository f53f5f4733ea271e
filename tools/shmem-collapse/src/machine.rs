// SPDX-License-Identifier: GPL-2.0

//! What this machine is: how large pages and extents are.

use anyhow::{Context, Result, bail};
use std::{fs, io::ErrorKind, path::Path};

const EXTENT_BYTES: &str = "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size";

/// Sizes that everything is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Bytes in a page.
    pub(crate) page: u64,
    /// Bytes in an extent, that is, in a huge page.
    pub(crate) extent: u64,
}

impl Geometry {
    /// Asks the kernel.
    pub(crate) fn of_machine() -> Result<Self> {
        let extent = match fs::read_to_string(EXTENT_BYTES) {
            Ok(text) => text
                .trim()
                .parse()
                .with_context(|| format!("{EXTENT_BYTES} has no number"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if !Path::new("/sys/kernel/mm").exists() {
                    bail!("sysfs is not mounted: run 'mount -t sysfs sysfs /sys'");
                }
                bail!(
                    "this kernel has no transparent huge pages, so no memory can become huge: \
                     boot one with CONFIG_TRANSPARENT_HUGEPAGE (PREEMPT_RT kernels never have it)"
                )
            }
            Err(error) => return Err(error).context(format!("cannot read {EXTENT_BYTES}")),
        };
        Self::new(rustix::param::page_size() as u64, extent)
            .with_context(|| format!("{EXTENT_BYTES} has a size that cannot be"))
    }

    /// Sizes that can be divided by.
    fn new(page: u64, extent: u64) -> Option<Self> {
        let is_sound = page.is_power_of_two() && extent.is_power_of_two() && page <= extent;
        is_sound.then_some(Self { page, extent })
    }

    /// Pages in an extent.
    pub(crate) fn pages(self) -> u64 {
        self.extent / self.page
    }

    /// The start of the extent that `at` lies in.
    pub(crate) fn floor(self, at: u64) -> u64 {
        at - at % self.extent
    }

    /// The first start of an extent at or behind `at`.
    pub(crate) fn ceil(self, at: u64) -> u64 {
        self.floor(at.saturating_add(self.extent - 1))
    }
}

#[cfg(test)]
pub(crate) const X86: Geometry = Geometry {
    page: 4096,
    extent: 2 << 20,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_sound() {
        assert_eq!(Geometry::new(4096, 2 << 20), Some(X86));
        for (page, extent) in [(4096, 0), (0, 2 << 20), (4096, 5000), (4096, 2048)] {
            assert_eq!(Geometry::new(page, extent), None);
        }
    }

    #[test]
    fn extents_are_rounded() {
        assert_eq!(X86.pages(), 512);
        assert_eq!(X86.floor(0x3f_ffff), 0x20_0000);
        assert_eq!(X86.ceil(0x20_0001), 0x40_0000);
        assert_eq!(X86.ceil(0x20_0000), 0x20_0000);
    }
}
