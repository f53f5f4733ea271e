// SPDX-License-Identifier: GPL-2.0

//! Collapses the small pages of shared memory into huge pages, without the
//! mmap lock, in every process that maps them.

use kernel::{
    prelude::*,
    sync::Arc, //
};

mod bindings;
mod collapse;
#[cfg(CONFIG_HUGETLB_PAGE)]
mod hugetlb;
mod interface;
mod mm;
mod pgtable;
mod support;

use collapse::engine::Engine;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
use interface::failpoints::FailpointFiles;
use interface::{
    device::Device,
    sysfs::Sysfs, //
};

module! {
    type: ShmemCollapse,
    name: "shmem_collapse",
    authors: ["The shmem_collapse developers"],
    description: "Collapse shared memory into huge pages without the mmap lock",
    license: "GPL",
}

struct ShmemCollapse {
    // Dropped first: it tells the requests to end, whatever the rest waits for.
    _sysfs: Sysfs,
    // Made last: an open file would not survive a failed init.
    _device: Pin<KBox<Device>>,
    // Outlives the requests, which a test may still want to end.
    #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
    _faults: FailpointFiles,
}

impl kernel::Module for ShmemCollapse {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        if !cfg!(CONFIG_PER_VMA_LOCK) {
            pr_err!("this kernel has no VMA locks (CONFIG_PER_VMA_LOCK)\n");
            return Err(EOPNOTSUPP);
        }
        if !mm::huge_folio::huge_pages_supported() {
            pr_err!("this machine has no transparent huge pages for the page cache\n");
            return Err(EOPNOTSUPP);
        }
        let engine = Arc::pin_init(Engine::new(), GFP_KERNEL)?;
        #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
        let faults = FailpointFiles::new()?;
        let sysfs = Sysfs::new(engine)?;
        Ok(Self {
            _device: KBox::pin_init(sysfs.device(), GFP_KERNEL)?,
            _sysfs: sysfs,
            #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
            _faults: faults,
        })
    }
}
