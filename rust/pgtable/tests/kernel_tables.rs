// SPDX-License-Identifier: GPL-2.0

//! The kernel's own tables: what the walk finds is what the kernel says.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_pgtable_kernel)]
mod tests {
    use super::super::scratch::{
        at,
        rcu_depth, //
    };
    use crate::{
        bindings,
        pgtable::{
            entry::PteKind,
            kernel_own::{
                KernelRange,
                NewKernelTable, //
            },
            kernel_table::{
                KernelPlace,
                KernelTables, //
            },
            level::Level,
            pmd_size::pmd_pages,
            pte_index::PteIndex, //
        },
    };
    use kernel::{
        page::PAGE_SIZE,
        prelude::*, //
    };

    /// Part of the module's own image.
    static IMAGE: [u8; 64] = [7; 64];

    #[test]
    fn vmalloc_frames_are_those_of_vmalloc_to_page() -> Result {
        let mut memory = VVec::new();
        memory.resize(5 * PAGE_SIZE, 1u8, GFP_KERNEL)?;
        let range = KernelRange::of(&memory);
        let depth = rcu_depth();
        let tables = KernelTables::lock();
        for addr in range.addresses().step_by(PAGE_SIZE) {
            // SAFETY: The address is in vmalloc memory.
            let expected = unsafe { bindings::vmalloc_frame(addr as *const c_void) };
            assert_eq!(tables.frame(&range, addr), Some(expected));
            // Kernel tables need no RCU, so nothing is owed.
            assert_eq!(rcu_depth(), depth);
        }
        Ok(())
    }

    #[test]
    fn small_vmalloc_memory_has_a_table() -> Result {
        let mut memory = VVec::new();
        memory.resize(2 * PAGE_SIZE, 1u8, GFP_KERNEL)?;
        let range = KernelRange::of(&memory);
        let start = range.addresses().start;
        let tables = KernelTables::lock();
        let Some(KernelPlace::Table(pmd)) = tables.find(&range, start) else {
            return Err(EFAULT);
        };
        let table = pmd.offset_kernel();
        let pte = table.read(PteIndex::of(start));
        assert!(pte.is_present());
        assert!(pte.is_writable());
        assert_eq!(pte.page(), tables.frame(&range, start));
        Ok(())
    }

    #[test]
    fn direct_map_frames_are_those_of_virt_to_page() -> Result {
        let mut memory = KVec::new();
        memory.resize(PAGE_SIZE / 2, 1u8, GFP_KERNEL)?;
        let range = KernelRange::of(&memory);
        let start = range.addresses().start;
        // SAFETY: The address is in the direct map.
        let expected = unsafe { bindings::linear_frame(start as *const c_void) };
        let tables = KernelTables::lock();
        assert_eq!(tables.frame(&range, start), Some(expected));
        if let Some(KernelPlace::Leaf { level, .. }) = tables.find(&range, start) {
            assert!(level > Level::Pte);
        }
        Ok(())
    }

    #[test]
    fn module_memory_is_found() -> Result {
        let range = KernelRange::of(&IMAGE);
        let start = range.addresses().start;
        let addr = start as *const c_void;
        let tables = KernelTables::lock();
        let frame = tables.frame(&range, start);
        assert!(frame.is_some());
        // SAFETY: Looks at the address only.
        if unsafe { bindings::is_vmalloc_or_module(addr) } {
            // SAFETY: Just checked.
            assert_eq!(frame, Some(unsafe { bindings::vmalloc_frame(addr) }));
        }
        Ok(())
    }

    #[test]
    fn addresses_outside_the_range_are_refused() -> Result {
        let mut memory = VVec::new();
        memory.resize(PAGE_SIZE, 1u8, GFP_KERNEL)?;
        let range = KernelRange::of(&memory);
        let tables = KernelTables::lock();
        assert!(tables.find(&range, range.addresses().end).is_none());
        assert!(tables.find(&range, range.addresses().start - 1).is_none());
        assert!(tables.frame(&range, 0).is_none());
        let nothing: &[u8] = &[];
        let empty = KernelRange::of(nothing);
        assert!(tables.find(&empty, empty.addresses().start).is_none());
        Ok(())
    }

    #[test]
    fn a_new_table_is_empty_and_takes_entries() -> Result {
        let mut memory = KVec::new();
        memory.resize(PAGE_SIZE, 1u8, GFP_KERNEL)?;
        // SAFETY: The memory is in the direct map.
        let frame = unsafe { bindings::linear_frame(memory.as_ptr().cast()) };
        let mut table = NewKernelTable::new()?;
        let (first, second, last) = (at(0), at(1), at(pmd_pages() - 1));
        for index in [first, second, last] {
            assert_eq!(table.entries().read(index).kind(), PteKind::None);
        }
        table.set(first, frame);
        table.set(last, frame);
        assert_eq!(table.entries().read(first).page(), Some(frame));
        assert_eq!(table.entries().read(second).page(), None);
        assert_eq!(table.entries().read(last).page(), Some(frame));
        Ok(())
    }
}
