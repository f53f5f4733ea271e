// SPDX-License-Identifier: GPL-2.0

//! Collapses the small pages of shared memory into huge pages, in every process that maps them and
//! without the mmap lock.

use kernel::{
    prelude::*,
    sync::Arc, //
};

mod bindings;
mod collapse;
#[cfg(all(CONFIG_HUGETLB_PAGE, view_accessors))]
mod hugetlb;
mod interface;
mod mm;
mod pgtable;
mod support;
#[cfg(CONFIG_DEBUG_FS)]
mod view;

use collapse::engine::Engine;
#[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
use interface::failpoints::FailpointFiles;
#[cfg(CONFIG_DEBUG_FS)]
use interface::page_tables::{
    self,
    PageTables, //
};
use interface::{
    device::{
        self,
        Device, //
    },
    state::Interface,
    sysfs::Sysfs, //
};
#[cfg(CONFIG_DEBUG_FS)]
use support::debugfs::{
    Directory,
    File, //
};
use support::linked::Linked;

module! {
    type: ShmemCollapse,
    name: "shmem_collapse",
    authors: ["The shmem_collapse developers"],
    description: "Collapse shared memory into huge pages without the mmap lock",
    license: "GPL",
}

struct ShmemCollapse {
    // Dropped first, because this tells the requests to end.
    _sysfs: Sysfs,
    _device: Pin<KBox<Device>>,
    #[cfg(CONFIG_DEBUG_FS)]
    _page_tables: File<PageTables>,
    // Dropped last, so that a test can still release a request that waits at a failpoint.
    #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
    _failpoints: FailpointFiles,
}

impl kernel::Module for ShmemCollapse {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        // First of all: after an error, nothing that the kernel does not export may be called.
        let linked = Linked::check().inspect_err(|_| {
            pr_err!("linked with the addresses of another boot or build of the kernel\n");
        })?;
        pr_info!("{}\n", linked.description());
        if !cfg!(CONFIG_PER_VMA_LOCK) {
            pr_err!("this kernel has no VMA locks (CONFIG_PER_VMA_LOCK)\n");
            return Err(EOPNOTSUPP);
        }
        if !mm::huge_folio::huge_pages_supported() {
            pr_err!("this machine has no transparent huge pages for the page cache\n");
            return Err(EOPNOTSUPP);
        }
        let engine = Arc::pin_init(Engine::new(), GFP_KERNEL)?;
        #[cfg(CONFIG_DEBUG_FS)]
        let directory = Directory::new();
        #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
        let failpoints = FailpointFiles::new(&directory)?;
        let interface = Interface::new(engine)?;
        Ok(Self {
            _sysfs: Sysfs::new(interface.clone())?,
            // Last, because files of it may be open as soon as it exists, and a module whose init
            // fails is freed without regard to them.
            _device: KBox::pin_init(device::new(interface), GFP_KERNEL)?,
            // The same goes for this file, whose creation cannot fail.
            #[cfg(CONFIG_DEBUG_FS)]
            _page_tables: page_tables::new(&directory),
            #[cfg(CONFIG_FAULT_INJECTION_DEBUG_FS)]
            _failpoints: failpoints,
        })
    }
}
