/* SPDX-License-Identifier: GPL-2.0 */
/*
 * fork() of VMA 0, whose copy VMA 1 comes directly behind it in the tree:
 * mm/mmap.c, mm/memory.c.
 */

#ifdef WITH_fork
proctype fork()
{
	byte held, t, to, entry;

	vma_start_write(0);
	if
	:: unmapped[0] -> goto over
	:: else
	fi;
	i_mmap_lock_write();
	d_step {
		true ->
		printf("linux dup_mmap(): VMA 1 is a copy of VMA 0\n");
		linked[1] = true;
		protection[1] = protection[0];
		has_flags[1] = has_flags[0];
		i_mmap_unlock_write()
	}
	/* Without flags there is nothing that a fault cannot bring back. */
	atomic {
		entry = pmd[0];
		if
		:: !has_flags[0] || !is_table(entry) -> goto over
		:: else
		fi;
		printf("linux copy_pmd_range(): table %d\n", table(entry))
	}
	d_step {
		!pmd_locked[1] ->
		printf("linux pmd_install(): a table for VMA 1\n");
		if
		:: pmd[1] == NOTHING -> lock_pmd(1); populate(1); unlock_pmd(1)
		:: else
		fi
	}
	d_step {
		!pte_locked[table(pmd[1])] ->
		printf("linux pte_alloc_map_lock(): table %d of VMA 1\n", table(pmd[1]));
		to = table(pmd[1]);
		lock_pte(to)
	}
	atomic {
		printf("linux pte_offset_map_rw_nolock(): VMA 0\n");
		entry = pmd[0];
		if
		:: is_table(entry) -> t = table(entry); map_table(t)
		:: else -> unlock_pte(to); goto over
		fi
	}
	d_step {
		/* Without a second look at the pmd. */
		!pte_locked[t] ->
		printf("linux copy_pte_range(): from table %d to table %d\n", t, to);
		for (n_ : 0 .. PAGES - 1) {
			entry = PTE(t, n_);
			assert(PTE(to, n_) == NOTHING);
			PTE(to, n_) = entry;
			if
			:: is_present(entry) ->
				get(folio_of(frame(entry)));
				add_rmap(folio_of(frame(entry)));
				add_rss(1, 1)
			:: is_migration(entry) -> add_rss(1, 1)
			:: else
			fi
		}
		unmap_table(t);
		unlock_pte(to)
	}
over:
	vma_end_write(0)
}
#endif
