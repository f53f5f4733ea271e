// SPDX-License-Identifier: GPL-2.0

//! KUnit suite: what an exchange does not begin with.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_exchange)]
mod tests {
    use super::super::gathered::Gathered;
    use crate::{
        mm::{
            backing::Backing,
            extent::Extent,
            huge_folio::{
                HugeFolio,
                Payer, //
            },
            nodes::Nodes,
            sources::{
                Obstacle,
                Scratch,
                Sources, //
            },
        },
        pgtable::{
            pmd_size::{
                pmd_pages,
                pmd_size, //
            },
            tests::scratch::Scratch as Memory, //
        },
    };
    use kernel::prelude::*;

    /// Makes a file of two extents, with a single page in the first.
    fn file() -> Result<Backing> {
        let memory = Memory::shared(2 * pmd_size())?;
        memory.write(0)?;
        memory.look(|vma| Backing::of_vma(vma).ok_or(EINVAL))
    }

    /// Puts together the small folios of `extent`, a huge folio for another, and pages that are
    /// charged for a third.
    fn gather(extent: Extent<'_>, huge: Extent<'_>, charged: Extent<'_>, pages: usize) -> Result {
        let mut scratch = Scratch::new()?;
        let mut nodes = Nodes::default();
        nodes.add(0);
        let huge = HugeFolio::new(huge, &nodes, Payer::Caller, true).map_err(|_| ENOMEM)?;
        let charge = charged.charge(pages)?;
        let (sources, _) = Sources::find(&mut scratch, extent).map_err(|_| EBUSY)?;
        let sources = sources.lock().map_err(|_| EBUSY)?;
        let gathered = Gathered::new(sources, huge, charge);
        gathered.map(|_| ()).map_err(|obstacle| match obstacle {
            Obstacle::Raced => ESTALE,
            _ => EINVAL,
        })
    }

    #[test]
    fn what_belongs_together_is_gathered() -> Result {
        let file = file()?;
        let extent = Extent::around(file.mapping(), 0);
        gather(extent, extent, extent, pmd_pages() - 1)
    }

    #[test]
    fn a_huge_folio_for_another_extent_is_refused() -> Result {
        let (file, other) = (file()?, Backing::of_test()?);
        let extent = Extent::around(file.mapping(), 0);
        let next = Extent::around(file.mapping(), pmd_pages());
        let elsewhere = Extent::around(other.mapping(), 0);
        for huge in [next, elsewhere] {
            assert_eq!(gather(extent, huge, extent, pmd_pages() - 1), Err(ESTALE));
        }
        Ok(())
    }

    #[test]
    fn space_in_another_file_is_refused() -> Result {
        let (file, other) = (file()?, Backing::of_test()?);
        let extent = Extent::around(file.mapping(), 0);
        let elsewhere = Extent::around(other.mapping(), 0);
        assert_eq!(
            gather(extent, extent, elsewhere, pmd_pages() - 1),
            Err(ESTALE)
        );
        Ok(())
    }

    #[test]
    fn h9_space_for_another_number_of_holes_is_refused() -> Result {
        let file = file()?;
        let extent = Extent::around(file.mapping(), 0);
        for pages in [0, pmd_pages() - 2, pmd_pages()] {
            assert_eq!(gather(extent, extent, extent, pages), Err(ESTALE));
        }
        assert_eq!(gather(extent, extent, extent, pmd_pages() + 1), Err(EINVAL));
        Ok(())
    }
}
