/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mappings that go: madvise(MADV_DONTNEED), munmap() and exit. mm/memory.c,
 * mm/vma.c, mm/mmap.c.
 */

/* Whether this hold of the lock leaves a page alone. */
#define leaves(i)	((half && (i) > 0) || (rest && (i) == 0))

/* With RECLAIM_TABLES an empty table is freed, too (CONFIG_PT_RECLAIM). */
inline zap_vma(reclaim_tables)
{
	d_step {
		true ->
		printf("linux __zap_vma_range(): VMA %d\n", v);
		notifier_start(v);
		huge = NOTHING;
		freed = TABLES
	}
again:
	atomic {
		entry = pmd[v];
		if
		:: entry == NOTHING -> goto zapped
		:: is_table(entry) ->
			printf("linux zap_pmd_range(): VMA %d, table %d\n", v, table(entry));
			t = table(entry);
			map_table(t)
		:: else -> goto zap_huge
		fi
	}
	/*
	 * The lock may be dropped in the middle; then the pmd is looked at again, for
	 * the rest. What is mapped before it meanwhile stays.
	 */
	atomic {
		!pte_locked[t] ->
		if
		:: pmd[v] != TABLE + t -> unmap_table(t); goto again
		:: else
		fi;
		lock_pte(t);
		if
		:: half = false
		:: PAGES > 1 && !rest -> half = true
		fi;
		printf("linux zap_pte_range(): VMA %d, table %d\n", v, t);
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				entry = PTE(t, n_);
				if
				:: leaves(n_) -> skip
				:: !leaves(n_) && is_present(entry) ->
					dropped[n_] = folio_of(frame(entry));
					remove_rmap(dropped[n_]);
					sub_rss(v, 1);
					PTE(t, n_) = NOTHING
				:: !leaves(n_) && is_migration(entry) ->
					assert(life[folio_of(frame(entry))] == LIVE);
					sub_rss(v, 1);
					PTE(t, n_) = NOTHING
				:: !leaves(n_) && entry == MARKER ->
					/* A private copy, say. */
					marked[v] = false;
					PTE(t, n_) = NOTHING
				:: else
				fi
			}
		}
		if
		:: true
		:: reclaim_tables && !half && PTE(t, 0) == NOTHING && !pmd_locked[v] ->
			printf("linux zap_empty_pte_table(): VMA %d, table %d\n", v, t);
			pmd[v] = NOTHING;
			freed = t
		fi;
		unlock_pte(t);
		unmap_table(t);
		entry = NOTHING;
		if
		:: half -> rest = true; goto again
		:: else -> goto zapped
		fi
	}
zap_huge:
	atomic {
		!pmd_locked[v] ->
		if
		:: pmd[v] == NOTHING || is_table(pmd[v]) -> goto again
		:: else
		fi;
		printf("linux zap_huge_pmd(): VMA %d, the entry is cleared\n", v);
		lock_pmd(v);
		entry = pmd[v];
		pmd[v] = NOTHING
	}
	d_step {
		true ->
		printf("linux zap_huge_pmd_folio(): VMA %d, folio %d\n", v, frame(entry));
		assert(life[frame(entry)] == LIVE && in_file[frame(entry)]);
		sub_rss(v, PAGES);
		if
		:: is_present(entry) -> huge = frame(entry); remove_rmap(huge)
		:: else
		fi;
		unlock_pmd(v);
		entry = NOTHING
	}
zapped:
	atomic {
		true ->
		printf("linux tlb_finish_mmu(): VMA %d\n", v);
		flush_tlb(v);
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: dropped[n_] -> put(dropped[n_]); dropped[n_] = NOTHING
				:: else
				fi
			}
		}
		if
		:: huge -> put(huge)
		:: else
		fi;
		if
		:: freed < TABLES -> free_table(freed)
		:: else
		fi;
		notifier_end(v)
	}
}

/* unlink_file_vma_batch_final(), and then the tables go. */
inline free_pgtables()
{
	i_mmap_lock_write();
	d_step {
		true ->
		printf("linux free_pgtables(): VMA %d leaves the reverse map\n", v);
		linked[v] = false;
		i_mmap_unlock_write()
	}
	d_step {
		true ->
		printf("linux free_pgd_range(): VMA %d\n", v);
		if
		:: is_table(pmd[v]) ->
			for (n_ : 0 .. PAGES - 1) {
				assert(PTE(table(pmd[v]), n_) == NOTHING)
			}
			free_table(table(pmd[v]))
		:: else -> assert(pmd[v] == NOTHING)
		fi;
		pmd[v] = NOTHING;
		assert(rss[v] == 0);
		pmd_freed[v] = true;
		unmapped[v] = true
	}
}

#ifdef WITH_dontneed
proctype dontneed(byte v)
{
	byte held, entry, t, huge, freed;
	byte dropped[PAGES];
	bool half, rest;

	atomic {
		!vma_writer[v] ->
		if
		:: unmapped[v] -> goto over
		:: else
		fi;
		printf("linux madvise_dontneed_single_vma(): VMA %d\n", v);
		ordered(VMA_LOCK);
		vma_readers[v]++
	}
	zap_vma(true);
	vma_readers[v]--;
over:
	skip
}
#endif

#ifdef WITH_munmap
proctype munmap(byte v)
{
	byte held, entry, t, huge, freed;
	byte dropped[PAGES];
	bool half, rest;

	vma_start_write(v);
	atomic {
		true ->
		if
		:: unmapped[v] -> goto over
		:: else
		fi;
		printf("linux vms_clear_ptes(): VMA %d is unmapped\n", v);
		unmapped[v] = true
	}
	zap_vma(false);
	free_pgtables();
over:
	vma_end_write(v)
}
#endif

/* Nobody else uses the mm; no VMA of it is locked. */
#ifdef WITH_exit
proctype exit(byte v)
{
	byte held, entry, t, huge, freed;
	byte dropped[PAGES];
	bool half, rest;

	zap_vma(false);
	free_pgtables()
}
#endif
