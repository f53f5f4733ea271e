// SPDX-License-Identifier: GPL-2.0

//! Looking: the accessors on tables that are there, missing, gone or replaced.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_pgtable_lookup)]
mod tests {
    use super::super::scratch::{
        at,
        extent,
        rcu_depth,
        rcu_is_counted,
        Known,
        Scratch, //
    };
    use crate::pgtable::{
        entry::{
            Pmd,
            Pte,
            PteKind, //
        },
        pmd_size::{
            pmd_pages,
            pmd_size, //
        },
        pmd_table::CheckedTable,
        pte_index::PteIndex,
        pte_install::NewPte,
        walk::PmdSlot, //
    };
    use kernel::{
        page::PAGE_SIZE,
        prelude::*, //
    };

    #[test]
    fn h16_nothing_before_the_first_touch() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        let depth = rcu_depth();
        memory.look(|vma| {
            // The levels above need not be there either.
            if let Some(mut slot) = PmdSlot::find(vma, memory.page(0)) {
                assert_eq!(slot.read_lockless(), Pmd::None);
                assert!(slot.map().is_none());
                assert!(slot.map_lock().is_none());
                assert!(slot.map_ro_nolock().is_none());
                assert!(slot.map_rw_nolock().is_none());
            }
            Ok(())
        })?;
        assert_eq!(rcu_depth(), depth);
        Ok(())
    }

    #[test]
    fn touched_page_is_found() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(3)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(3)).ok_or(EFAULT)?;
            assert_eq!(slot.read_lockless(), Pmd::Table);
            assert_eq!(slot.base(), memory.page(0));
            assert_eq!(PteIndex::of(memory.page(3)), at(3));
            let table = slot.map().ok_or(EFAULT)?;
            let pte = table.read(at(3));
            assert!(pte.is_present());
            assert!(pte.page().is_some());
            assert!(pte.is_dirty());
            assert!(pte.is_writable());
            assert!(table.read(at(2)).is_none() || table.read(at(2)).page() != pte.page());
            Ok(())
        })
    }

    #[test]
    fn every_accessor_reads_the_same() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(1)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(1)).ok_or(EFAULT)?;
            let plain = slot.map().map(|table| table.read(at(1)).kind());
            let locked = slot
                .map_lock()
                .map(|table| table.entries().read(at(1)).kind());
            let reader = slot.map_ro_nolock().ok_or(EFAULT)?;
            assert_eq!(Some(reader.entries().read(at(1)).kind()), plain);
            assert_eq!(Some(reader.lock().entries().read(at(1)).kind()), plain);
            let writer = slot.map_rw_nolock().ok_or(EFAULT)?;
            assert_eq!(Some(writer.entries().read(at(1)).kind()), plain);
            let writer = writer.lock().ok_or(EFAULT)?;
            assert_eq!(Some(writer.entries().read(at(1)).kind()), plain);
            assert_eq!(locked, plain);
            Ok(())
        })
    }

    #[test]
    fn addresses_outside_the_vma_have_no_slot() -> Result {
        let memory = Scratch::shared(2 * PAGE_SIZE)?;
        memory.write(0)?;
        memory.look(|vma| {
            assert!(PmdSlot::find(vma, memory.page(1)).is_some());
            assert!(PmdSlot::find(vma, memory.page(2)).is_none());
            assert!(PmdSlot::find(vma, memory.page(0) - 1).is_none());
            assert!(PmdSlot::find(vma, 0).is_none());
            assert!(PmdSlot::alloc(vma, memory.page(2))?.is_none());
            assert!(PmdSlot::get_locked_pte(vma, memory.page(2))?.is_none());
            Ok(())
        })
    }

    #[test]
    fn h16_a_huge_page_is_no_table() -> Result {
        let memory = Scratch::private(pmd_size())?;
        memory.write(0)?;
        memory.collapse()?;
        let depth = rcu_depth();
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            assert!(matches!(slot.read_lockless(), Pmd::Huge(frame) if frame != 0));
            assert!(slot.map().is_none());
            assert!(slot.map_lock().is_none());
            assert!(slot.map_ro_nolock().is_none());
            assert!(slot.map_rw_nolock().is_none());
            // Memory there is, a table not.
            assert!(slot.alloc_map()?.is_none());
            assert!(slot.alloc_map_lock()?.is_none());
            assert!(PmdSlot::get_locked_pte(vma, memory.page(0))?.is_none());
            let mut section = slot.invalidate(extent(memory.page(0)));
            assert!(section.map_lock().is_none());
            assert!(section.lock_pmd().lock_table().is_none());
            Ok(())
        })?;
        assert_eq!(rcu_depth(), depth);
        Ok(())
    }

    #[test]
    fn rcu_is_held_exactly_while_mapped() -> Result {
        let memory = Scratch::shared(2 * pmd_size())?;
        memory.write(0)?;
        memory.write(pmd_pages())?;
        let depth = rcu_depth();
        memory.look(|vma| {
            let mut first = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut second = PmdSlot::find(vma, memory.page(pmd_pages())).ok_or(EFAULT)?;
            let outer = first.map().ok_or(EFAULT)?;
            let one = rcu_depth();
            let inner = second.map().ok_or(EFAULT)?;
            let two = rcu_depth();
            drop(inner);
            assert_eq!(rcu_depth(), one);
            drop(outer);
            assert_eq!(rcu_depth(), depth);
            if rcu_is_counted() {
                assert_eq!(one, depth + 1);
                assert_eq!(two, depth + 2);
            }
            Ok(())
        })
    }

    #[test]
    fn every_way_out_unmaps() -> Result {
        fn leave_early(
            slot: &mut PmdSlot<'_, impl super::super::super::witness::Witness>,
        ) -> Result<Pte> {
            let table = slot.map_lock().ok_or(EFAULT)?;
            if table.entries().read(at(0)).is_none() {
                return Ok(table.entries().read(at(0)));
            }
            Err(EAGAIN)
        }

        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        let depth = rcu_depth();
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            assert!(leave_early(&mut slot).is_err());
            assert_eq!(rcu_depth(), depth);
            drop(slot.map_ro_nolock());
            assert_eq!(rcu_depth(), depth);
            drop(slot.map_ro_nolock().map(|table| table.lock()));
            assert_eq!(rcu_depth(), depth);
            drop(slot.map_rw_nolock());
            assert_eq!(rcu_depth(), depth);
            drop(slot.map_rw_nolock().map(|table| table.lock()));
            assert_eq!(rcu_depth(), depth);
            drop(PmdSlot::get_locked_pte(vma, memory.page(0))?);
            assert_eq!(rcu_depth(), depth);
            drop(slot.alloc_map()?);
            assert_eq!(rcu_depth(), depth);
            drop(
                slot.whole()
                    .ok_or(EFAULT)?
                    .invalidate()
                    .lock_pmd()
                    .lock_table(),
            );
            assert_eq!(rcu_depth(), depth);
            Ok(())
        })
    }

    #[test]
    fn a_retry_is_bounded() -> Result {
        let memory = Scratch::shared(2 * pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut attempts = 0;
            let never = slot.retry(5, |_| {
                attempts += 1;
                None::<()>
            });
            assert!(never.is_none());
            assert_eq!(attempts, 5);

            let found = slot.retry(5, |slot| Some(slot.map()?.read(at(0)).is_present()));
            assert_eq!(found, Some(true));
            Ok(())
        })
    }

    #[test]
    fn a_missing_table_is_not_retried() -> Result {
        let memory = Scratch::shared(2 * pmd_size())?;
        memory.look(|vma| {
            let mut slot = PmdSlot::alloc(vma, memory.page(0))?.ok_or(EFAULT)?;
            let mut attempts = 0;
            let found = slot.retry(5, |slot| {
                attempts += 1;
                slot.map().map(|_| ())
            });
            assert!(found.is_none());
            assert_eq!(attempts, 1);
            Ok(())
        })
    }

    #[test]
    fn h2_a_removed_table_reads_empty_and_cannot_be_locked() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        let depth = rcu_depth();
        memory.look(|vma| {
            let mut slot = PmdSlot::alloc(vma, memory.page(0))?.ok_or(EFAULT)?;
            drop(slot.alloc_map()?);
            let mut remover = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let mut section = remover.whole().ok_or(EFAULT)?.invalidate();
            let stale = slot.map_rw_nolock().ok_or(EFAULT)?;
            let guard = section.lock_pmd().lock_table().ok_or(EFAULT)?;
            let mut none = Known::new(KVec::new());
            let CheckedTable::Empty(table) = guard.check(&mut none) else {
                return Err(EBUSY);
            };
            table.remove().free_deferred();
            // RCU keeps it, and nothing is in it any more.
            assert!(stale
                .entries()
                .all(0..pmd_pages(), |_, pte| pte.kind() == PteKind::None));
            assert!(stale.lock().is_none());
            drop(section);
            assert_eq!(slot.read_lockless(), Pmd::None);
            assert!(slot.map().is_none());
            Ok(())
        })?;
        assert_eq!(rcu_depth(), depth);
        // The next fault brings a new table.
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            assert!(slot.map().is_some());
            Ok(())
        })
    }

    #[test]
    fn batches_cover_a_range_exactly() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let last = pmd_pages() - 1;
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let table = slot.map().ok_or(EFAULT)?;
            for range in [
                0..pmd_pages(),
                0..1,
                last..last + 1,
                31..33,
                32..64,
                1..pmd_pages() - 1,
                5..5,
            ] {
                let mut next = range.start;
                assert!(table.all(range.clone(), |index, _| {
                    let expected = index == next;
                    next += 1;
                    expected
                }));
                assert_eq!(next, range.end);
            }
            Ok(())
        })
    }

    #[test]
    fn batches_end_with_the_table() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let table = slot.map().ok_or(EFAULT)?;
            let mut seen = 0;
            assert!(table.all(pmd_pages() - 2..pmd_pages() + 40, |index, _| {
                seen += 1;
                index < pmd_pages()
            }));
            assert_eq!(seen, 2);
            assert!(table.all(pmd_pages()..usize::MAX, |_, _| false));
            Ok(())
        })
    }

    #[test]
    fn batches_stop_when_told() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let table = slot.map().ok_or(EFAULT)?;
            let mut seen = 0;
            assert!(!table.all(0..pmd_pages(), |index, _| {
                seen += 1;
                index < 40
            }));
            assert_eq!(seen, 41);
            Ok(())
        })
    }

    #[test]
    fn frames_are_compared_in_their_places() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(3)?;
        memory.look(|vma| {
            let mut frames = KVec::from_elem(usize::MAX, pmd_pages(), GFP_KERNEL)?;
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let table = slot.map().ok_or(EFAULT)?;
            let mut present = 0;
            table.all(0..pmd_pages(), |index, pte| {
                if let Some(frame) = pte.page() {
                    frames[index] = frame;
                    present = index + 1;
                }
                true
            });
            let mapped = frames.iter().filter(|f| **f != usize::MAX).count();
            let found = table.find_pages(&frames).ok_or(EFAULT)?;
            assert_eq!(found.count(), mapped);
            assert!(found.flags() & crate::bindings::ENTRY_DIRTY != 0);
            for (first, pages) in found.runs() {
                for at in 0..64 {
                    let expected = first + at < pmd_pages() && frames[first + at] != usize::MAX;
                    assert_eq!((pages >> at & 1 == 1), expected);
                }
            }
            let seen: u32 = found.runs().map(|(_, pages)| pages.count_ones()).sum();
            assert_eq!(seen as usize, mapped);
            assert!(table.find_pages(&frames[..present]).is_some());
            assert!(table.find_pages(&frames[..present - 1]).is_none());
            assert!(table.find_pages(&frames[1..]).is_none());
            frames[3] += 1;
            assert!(table.find_pages(&frames).is_none());
            Ok(())
        })
    }

    #[test]
    fn a_marker_is_no_expected_frame() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.look(|vma| {
            PmdSlot::get_locked_pte(vma, memory.page(40))?
                .ok_or(EFAULT)?
                .install(NewPte::Poison)?;
            let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
            let table = slot.map().ok_or(EFAULT)?;
            assert!(table.find_pages(&[usize::MAX; 64]).is_none());
            assert!(table.find_pages(&[]).is_none());
            Ok(())
        })
    }
}
