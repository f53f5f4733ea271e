// SPDX-License-Identifier: GPL-2.0

//! KUnit suite: where a migration entry may name a huge folio.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_migration)]
mod tests {
    use crate::{
        mm::{
            backing::Backing,
            extent::Extent,
            huge_folio::{
                HugeFolio,
                Payer, //
            },
            nodes::Nodes,
        },
        pgtable::{
            entry::{
                Pmd,
                PteKind, //
            },
            pmd_size::{
                pmd_migration_supported,
                pmd_pages,
                pmd_size, //
            },
            pmd_table::CheckedTable,
            pte_index::PteIndex,
            tests::scratch::{
                frames_of,
                Known,
                Scratch,
                Watch, //
            },
            walk::PmdSlot, //
        },
    };
    use kernel::{
        mm::virt::VmaRef,
        prelude::*, //
    };

    fn huge(file: &Backing, index: usize) -> Result<HugeFolio<'_>> {
        let mut nodes = Nodes::default();
        nodes.add(0);
        let extent = Extent::around(file.mapping(), index);
        HugeFolio::new(extent, &nodes, Payer::Caller, true).map_err(|_| ENOMEM)
    }

    /// Returns whether the table of the first extent can be exchanged for an entry that names
    /// `huge`.
    fn exchange(vma: &VmaRef, memory: Scratch, huge: &HugeFolio<'_>) -> Result<bool> {
        let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
        let frames = slot.with_map(frames_of).ok_or(EFAULT)??;
        let mut known = Known::new(frames);
        let mut section = slot.whole().ok_or(EFAULT)?.invalidate();
        let guard = section.lock_pmd().lock_table().ok_or(EFAULT)?;
        let CheckedTable::Mapped(table) = guard.check(&mut known) else {
            return Err(EBUSY);
        };
        let Ok(detached) = table.replace(huge) else {
            return Ok(false);
        };
        detached.free_deferred();
        assert!(known.settled > 0);
        Ok(true)
    }

    /// Returns how many entries of the first extent were exchanged for ones that name pages of
    /// `huge`.
    fn exchange_entries(vma: &VmaRef, memory: Scratch, huge: &HugeFolio<'_>) -> Result<usize> {
        let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
        let frames = slot.with_map(frames_of).ok_or(EFAULT)??;
        let mut known = Known::new(frames);
        let mut section = slot.invalidate(memory.page(0)..memory.page(pmd_pages()));
        let replaced = section.map_lock().ok_or(EFAULT)?.replace(&mut known, huge);
        assert_eq!(known.settled, replaced);
        Ok(replaced)
    }

    fn pmd(vma: &VmaRef, memory: Scratch) -> Result<Pmd> {
        let slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
        Ok(slot.read_lockless())
    }

    fn first_entry(vma: &VmaRef, memory: Scratch) -> Result<PteKind> {
        let mut slot = PmdSlot::find(vma, memory.page(0)).ok_or(EFAULT)?;
        slot.with_map(|table| table.read(PteIndex::FIRST).kind())
            .ok_or(EFAULT)
    }

    #[test]
    fn a_table_is_given_back_for_a_folio_of_another_file() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        let other = Backing::of_test()?;
        memory.look(|vma| {
            let huge = huge(&other, 0)?;
            assert!(!exchange(vma, memory, &huge)?);
            assert_eq!(pmd(vma, memory)?, Pmd::Table);
            assert!(matches!(first_entry(vma, memory)?, PteKind::Page(_)));
            Ok(())
        })?;
        memory.write(0)
    }

    #[test]
    fn a_table_is_given_back_for_a_folio_of_another_extent() -> Result {
        let memory = Scratch::shared(2 * pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let file = Backing::of_vma(vma).ok_or(EINVAL)?;
            let huge = huge(&file, pmd_pages())?;
            assert!(!exchange(vma, memory, &huge)?);
            assert_eq!(pmd(vma, memory)?, Pmd::Table);
            Ok(())
        })?;
        memory.write(0)
    }

    #[test]
    fn h14_a_folio_that_goes_takes_its_pmd_entry_along() -> Result {
        if !pmd_migration_supported() {
            return Ok(());
        }
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let file = Backing::of_vma(vma).ok_or(EINVAL)?;
            let huge = huge(&file, 0)?;
            assert!(exchange(vma, memory, &huge)?);
            assert!(matches!(pmd(vma, memory)?, Pmd::Migration(_)));
            drop(huge);
            assert_eq!(pmd(vma, memory)?, Pmd::None);
            Ok(())
        })?;
        memory.write(0)
    }

    #[test]
    fn entries_stay_for_a_folio_of_another_file_or_extent() -> Result {
        let memory = Scratch::shared(2 * pmd_size())?;
        memory.write(0)?;
        let other = Backing::of_test()?;
        memory.look(|vma| {
            let file = Backing::of_vma(vma).ok_or(EINVAL)?;
            for (file, index) in [(&other, 0), (&file, pmd_pages())] {
                assert_eq!(exchange_entries(vma, memory, &huge(file, index)?)?, 0);
                assert!(matches!(first_entry(vma, memory)?, PteKind::Page(_)));
            }
            Ok(())
        })?;
        memory.write(0)
    }

    #[test]
    fn h17_a_private_copy_stays() -> Result {
        let memory = Scratch::private_file(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let file = Backing::of_vma(vma).ok_or(EINVAL)?;
            assert_eq!(exchange_entries(vma, memory, &huge(&file, 0)?)?, 0);
            assert!(matches!(first_entry(vma, memory)?, PteKind::Page(_)));
            Ok(())
        })?;
        memory.write(0)
    }

    #[test]
    fn h5_h32_a_secondary_mmu_hears_of_replaced_entries() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        let watch = Watch::begin(memory.page(0))?;
        memory.look(|vma| {
            let file = Backing::of_vma(vma).ok_or(EINVAL)?;
            let huge = huge(&file, 0)?;
            assert!(exchange_entries(vma, memory, &huge)? > 0);
            // Before they go; flushed while the lock is held; after that.
            assert!(watch.told(c"sm- f-l e--"));
            Ok(())
        })
    }

    #[test]
    fn h14_a_folio_that_goes_takes_its_entries_along() -> Result {
        let memory = Scratch::shared(pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| {
            let file = Backing::of_vma(vma).ok_or(EINVAL)?;
            let huge = huge(&file, 0)?;
            assert!(exchange_entries(vma, memory, &huge)? > 0);
            assert!(matches!(first_entry(vma, memory)?, PteKind::Migration(_)));
            drop(huge);
            assert_eq!(first_entry(vma, memory)?, PteKind::None);
            Ok(())
        })?;
        memory.write(0)
    }
}
