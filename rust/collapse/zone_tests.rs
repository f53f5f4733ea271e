// SPDX-License-Identifier: GPL-2.0

//! KUnit suite: files that forbid some zone of memory, as graphics drivers make
//! them. No program can.

use kernel::prelude::kunit_tests;

#[kunit_tests(shmem_collapse_zone)]
mod tests {
    use super::super::{
        config::Config,
        engine::Engine,
        extent::Located,
        locate::locate,
        outcome::Outcome,
        stats::Cost,
        stay::Stay, //
    };
    use crate::{
        mm::{
            lru::lru_add_drain_all,
            process::Process,
            sources::Scratch, //
        },
        pgtable::{
            pmd_size::{
                pmd_pages,
                pmd_size, //
            },
            tests::scratch::Scratch as Memory, //
        },
    };
    use kernel::{
        prelude::*,
        time::Delta, //
    };

    fn collapse(memory: Memory) -> Result<Outcome> {
        let config = Config {
            max_ptes_none: pmd_pages() - 1,
            max_ptes_swap: 0,
            map_all: true,
            direct_reclaim: true,
            workers: 1,
            target_node: None,
            own: false,
            patience: Delta::ZERO,
        };
        let engine = KBox::pin_init(Engine::new(), GFP_KERNEL)?;
        let process = Process::of_test()?;
        let place = locate(&process, memory.page(0)).map_err(|_| EINVAL)?;
        let located = Located {
            extent: place.extent(),
            mapped: None,
        };
        lru_add_drain_all();
        let current = current!();
        let stay = Stay::begin(&engine, engine.restarts(), current);
        let mut scratch = Scratch::new()?;
        let attempted = located.collapse(&stay, &config, &mut scratch, &mut Cost::default());
        Ok(attempted.outcome)
    }

    #[test]
    fn h35_zone_that_the_file_forbids() -> Result {
        let memory = Memory::shared(pmd_size())?;
        memory.write(0)?;
        // Where all memory is in one zone, there is nothing to forbid.
        if memory.forbid_high_memory(true) {
            assert!(collapse(memory)? == Outcome::Zone);
            memory.forbid_high_memory(false);
        }
        assert!(collapse(memory)? == Outcome::Collapsed);
        Ok(())
    }
}
