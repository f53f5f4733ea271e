// SPDX-License-Identifier: GPL-2.0

//! Changing: allocating, installing, clearing and taking tables out.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_pgtable_change)]
mod tests {
    use super::super::scratch::{
        at,
        extent,
        frames_of,
        rcu_depth,
        Known,
        Scratch,
        Watch, //
    };
    use crate::bindings;
    use crate::pgtable::{
        entry::{
            Pmd,
            PteKind, //
        },
        pmd_size::{
            pmd_pages,
            pmd_size, //
        },
        pmd_table::CheckedTable,
        pte_install::NewPte,
        walk::PmdSlot,
        whole_pmd::WholePmd, //
    };
    use kernel::{
        page::PAGE_SIZE,
        prelude::*, //
    };

    #[test]
    fn a_table_is_allocated_where_none_is() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.look(|vma| {
            let mut slot = PmdSlot::alloc(vma, memory.page(0))?.ok_or(EFAULT)?;
            assert_eq!(slot.read_lockless(), Pmd::None);
            let table = slot.alloc_map()?.ok_or(EFAULT)?;
            assert!(table.all(0..pmd_pages(), |_, pte| pte.is_none()));
            drop(table);
            assert_eq!(slot.read_lockless(), Pmd::Table);
            let again = slot.alloc_map_lock()?.ok_or(EFAULT)?;
            assert!(again.entries().read(at(0)).is_none());
            Ok(())
        })
    }

    #[test]
    fn a_marker_is_installed_once_and_stays() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        let depth = rcu_depth();
        memory.look(|vma| {
            let mut entry = PmdSlot::get_locked_pte(vma, memory.page(7))?.ok_or(EFAULT)?;
            assert!(entry.read().is_none());
            assert_eq!(entry.install(NewPte::Poison), Ok(()));
            assert_eq!(entry.read().kind(), PteKind::Marker);
            assert_eq!(entry.install(NewPte::Poison), Err(EEXIST));
            drop(entry);

            let mut slot = PmdSlot::find(vma, memory.page(7)).ok_or(EFAULT)?;
            let mut section = slot.invalidate(extent(memory.page(0)));
            let mut table = section.map_lock().ok_or(EFAULT)?;
            assert!(table.entries().read(at(6)).is_none());
            // It maps no page, so there is nothing to clear.
            assert!(table.clear(at(7)).is_none());
            assert!(table.clear(at(6)).is_none());
            assert_eq!(table.entries().read(at(7)).kind(), PteKind::Marker);
            Ok(())
        })?;
        assert_eq!(rcu_depth(), depth);
        Ok(())
    }

    #[test]
    fn an_access_meets_the_marker() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let mut entry = PmdSlot::get_locked_pte(vma, memory.page(1))?.ok_or(EFAULT)?;
            // Mapped around the page that was touched, maybe.
            if entry.read().is_none() {
                entry.install(NewPte::Poison)?;
            }
            Ok(())
        })?;
        let marked = memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(1)).ok_or(EFAULT)?;
            let table = slot.map().ok_or(EFAULT)?;
            Ok(table.read(at(1)).kind() == PteKind::Marker)
        })?;
        assert_eq!(memory.read(1), !marked);
        assert!(memory.read(0));
        Ok(())
    }

    #[test]
    fn the_zero_page_is_for_private_memory() -> Result {
        let memory = Scratch::private(pmd_size())?;
        memory.look(|vma| {
            let mut slot = PmdSlot::alloc(vma, memory.page(0))?.ok_or(EFAULT)?;
            let mut table = slot.alloc_map_lock()?.ok_or(EFAULT)?;
            assert_eq!(table.install(at(0), NewPte::ZeroPage), Ok(()));
            assert!(matches!(
                table.entries().read(at(0)).kind(),
                PteKind::Special(_)
            ));
            assert!(table.entries().read(at(0)).page().is_none());
            assert!(!table.entries().read(at(0)).is_writable());
            Ok(())
        })?;
        assert!(memory.read(0));
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            assert!(slot.map().ok_or(EFAULT)?.read(at(0)).page().is_some());
            Ok(())
        })
    }

    #[test]
    fn shared_memory_takes_no_zero_page() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.look(|vma| {
            let mut entry = PmdSlot::get_locked_pte(vma, memory.page(0))?.ok_or(EFAULT)?;
            assert_eq!(entry.install(NewPte::ZeroPage), Err(EINVAL));
            assert!(entry.read().is_none());
            Ok(())
        })
    }

    #[test]
    fn nothing_is_installed_outside_the_vma() -> Result {
        let memory = Scratch::shared(2 * PAGE_SIZE)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::alloc(vma, memory.page(0))?.ok_or(EFAULT)?;
            let mut table = slot.alloc_map_lock()?.ok_or(EFAULT)?;
            assert_eq!(table.install(at(2), NewPte::Poison), Err(EINVAL));
            assert!(table.entries().read(at(2)).is_none());
            Ok(())
        })
    }

    #[test]
    fn a_page_is_cleared_with_its_bits() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(4)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(4)).ok_or(EFAULT)?;
            let page = slot.map().and_then(|table| table.read(at(4)).page());
            let mut section = slot.invalidate(memory.page(4)..memory.page(5));
            assert_eq!(section.range().start, memory.page(4));
            let mut table = section
                .map_rw_nolock()
                .and_then(|table| table.lock())
                .ok_or(EFAULT)?;
            let old = table.clear(at(4)).ok_or(EFAULT)?;
            assert!(old.is_dirty());
            let frame = old.into_page();
            assert_eq!(Some(frame), page);
            // SAFETY: The entry is cleared and its lock held; the reference and
            // the rmap were its own.
            unsafe { bindings::scratch_forget(vma.as_ptr(), frame) };
            assert!(table.entries().read(at(4)).is_none());
            Ok(())
        })?;
        assert!(memory.read(4));
        Ok(())
    }

    #[test]
    fn a_table_with_foreign_pages_stays() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut section = slot.whole().ok_or(EFAULT)?.invalidate();
            let guard = section.lock_pmd().lock_table().ok_or(EFAULT)?;
            let mut none = Known::new(KVec::new());
            let kept = matches!(guard.check(&mut none), CheckedTable::Kept);
            assert!(kept);
            drop(section);
            assert_eq!(slot.read_lockless(), Pmd::Table);
            Ok(())
        })
    }

    #[test]
    fn h27_h38_a_table_with_known_pages_is_taken_out() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut reader = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut section = slot.whole().ok_or(EFAULT)?.invalidate();
            let stale = reader.map_ro_nolock().ok_or(EFAULT)?;
            assert!(stale.entries().read(at(0)).page().is_some());
            let frames = frames_of(stale.entries())?;
            let guard = section.lock_pmd().lock_table().ok_or(EFAULT)?;
            let mut known = Known::new(frames);
            let CheckedTable::Mapped(table) = guard.check(&mut known) else {
                return Err(EBUSY);
            };
            table.remove().free_deferred();
            let mapped = known.frames.iter().filter(|f| **f != usize::MAX);
            assert_eq!(known.settled, mapped.count());
            // A reader that has it mapped finds nothing in it.
            assert!(stale.entries().all(0..pmd_pages(), |_, pte| pte.is_none()));
            drop(stale);
            assert_eq!(section.lock_pmd().value(), Pmd::None);
            Ok(())
        })?;
        // The page is still in the file.
        assert!(memory.read(0));
        Ok(())
    }

    #[test]
    fn h5_h32_a_secondary_mmu_hears_of_a_cleared_entry() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        let watch = Watch::begin(memory.page(0))?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut section = slot.invalidate(memory.page(0)..memory.page(1));
            let mut table = section.map_lock().ok_or(EFAULT)?;
            let old = table.clear(at(0)).ok_or(EFAULT)?;
            // SAFETY: The entry is cleared and its lock held; the reference and
            // the rmap were its own.
            unsafe { bindings::scratch_forget(vma.as_ptr(), old.into_page()) };
            Ok(())
        })?;
        // Before it goes; flushed while the lock is held; after that.
        assert!(watch.told(c"sm- f-l e--"));
        Ok(())
    }

    #[test]
    fn h5_h32_a_secondary_mmu_hears_of_a_table_that_goes() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        let watch = Watch::begin(memory.page(0))?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut known = Known::new(frames_of(&slot.map().ok_or(EFAULT)?)?);
            let mut section = slot.whole().ok_or(EFAULT)?.invalidate();
            let guard = section.lock_pmd().lock_table().ok_or(EFAULT)?;
            let CheckedTable::Mapped(table) = guard.check(&mut known) else {
                return Err(EBUSY);
            };
            table.remove().free_deferred();
            Ok(())
        })?;
        assert!(watch.told(c"sm- f-l e--"));
        Ok(())
    }

    /// Puts a marker in place of a page, and looks at its table as one whose other
    /// pages are all known.
    fn marker_keeps_the_table(memory: &Scratch, page: usize) -> Result {
        memory.look(|vma| {
            let mut entry = PmdSlot::get_locked_pte(vma, memory.page(page))?.ok_or(EFAULT)?;
            assert_eq!(entry.install(NewPte::Poison), Ok(()));
            drop(entry);
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut known = Known::new(frames_of(&slot.map().ok_or(EFAULT)?)?);
            let mut section = slot.whole().ok_or(EFAULT)?.invalidate();
            let guard = section.lock_pmd().lock_table().ok_or(EFAULT)?;
            let kept = matches!(guard.check(&mut known), CheckedTable::Kept);
            assert!(kept);
            Ok(())
        })
    }

    #[test]
    fn h3_h26_a_table_with_a_marker_stays() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        marker_keeps_the_table(&memory, pmd_pages() - 1)
    }

    #[test]
    fn h3_h26_a_table_with_nothing_but_a_marker_stays() -> Result {
        marker_keeps_the_table(&Scratch::shared(pmd_size())?, 7)
    }

    #[test]
    fn a_section_is_cut_to_its_slot() -> Result {
        let memory = Scratch::shared(2 * pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let all = memory.page(0)..memory.page(2 * pmd_pages());
            assert_eq!(slot.invalidate(all).range(), extent(memory.page(0)));
            let part = memory.page(1)..memory.page(3);
            assert_eq!(slot.invalidate(part.clone()).range(), part);
            let inside = memory.page(1) + 1..memory.page(2) + 1;
            assert_eq!(slot.invalidate(inside).range(), part);
            let (first, second) = (memory.page(1), memory.page(2));
            // The wrong way round, before the slot, behind it: nothing.
            for none in [second..first, 0..first - PAGE_SIZE, usize::MAX..usize::MAX] {
                assert!(slot.invalidate(none).range().is_empty());
            }
            Ok(())
        })
    }

    /// Maps two VMAs, each with its first page written and its second to fourth not, have a table
    /// in common.
    fn neighbours() -> Result<(Scratch, Scratch)> {
        let memory = Scratch::shared(4 * PAGE_SIZE)?;
        let neighbour = Scratch::shared_at(4, 4 * PAGE_SIZE)?;
        memory.write(0)?;
        neighbour.write(0)?;
        Ok((memory, neighbour))
    }

    #[test]
    fn a_section_is_cut_to_its_vma() -> Result {
        let (memory, neighbour) = neighbours()?;
        let both = memory.page(0)..memory.page(8);
        for memory in [memory, neighbour] {
            memory.look(|vma| {
                let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
                let own = memory.page(0)..memory.page(4);
                assert_eq!(slot.invalidate(both.clone()).range(), own);
                Ok(())
            })?;
        }
        Ok(())
    }

    #[test]
    fn an_entry_of_a_neighbour_stays() -> Result {
        let (memory, neighbour) = neighbours()?;
        neighbour.look(|vma| {
            let mut slot = PmdSlot::find(vma, neighbour.page(0)).ok_or(EFAULT)?;
            let mut section = slot.invalidate(extent(memory.page(0)));
            let mut table = section.map_lock().ok_or(EFAULT)?;
            assert!(table.entries().read(at(0)).page().is_some());
            assert!(table.clear(at(0)).is_none());
            assert!(table.entries().read(at(0)).page().is_some());
            let old = table.clear(at(4)).ok_or(EFAULT)?;
            // SAFETY: The entry is cleared and its lock held; the reference and
            // the rmap were its own.
            unsafe { bindings::scratch_forget(vma.as_ptr(), old.into_page()) };
            Ok(())
        })
    }

    #[test]
    fn a_table_of_several_vmas_is_nobodys() -> Result {
        let (memory, neighbour) = neighbours()?;
        for memory in [memory, neighbour] {
            memory.look(|vma| {
                let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
                assert!(slot.whole().is_none());
                assert!(WholePmd::find(vma, memory.page(0)).is_none());
                Ok(())
            })?;
        }
        Ok(())
    }

    #[test]
    fn a_table_of_one_vma_is_found_from_each_page() -> Result {
        let memory = Scratch::shared(2 * pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            for page in [0, 1, pmd_pages() - 1] {
                let pmd = WholePmd::find(vma, memory.page(page)).ok_or(EFAULT)?;
                assert_eq!(pmd.invalidate().range(), extent(memory.page(0)));
            }
            Ok(())
        })
    }

    #[test]
    fn h5_nobody_is_told_of_nothing() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        let watch = Watch::begin(memory.page(0))?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut section = slot.invalidate(memory.page(0)..memory.page(0));
            let mut table = section.map_lock().ok_or(EFAULT)?;
            assert!(table.clear(at(0)).is_none());
            Ok(())
        })?;
        assert!(watch.told(c""));
        Ok(())
    }
}
