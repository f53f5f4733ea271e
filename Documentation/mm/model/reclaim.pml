/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reclaim writes a page to swap; compaction moves one. Both isolate a folio,
 * which is a reference, and lock it. mm/vmscan.c, mm/migrate.c, mm/rmap.c.
 */

/* With MIGRATE_SOURCE the page moves to a new folio, else it goes to swap. */
inline isolate(moves)
{
	atomic {
		f = cache[i];
		if
		:: f == NOTHING || f >= RETRY -> goto over
		:: f != NOTHING && f < RETRY && (is_huge(f) || refs[f] == 0 || folio_locked[f]) -> goto over
		:: else
		fi;
		printf("linux folio_isolate_lru(): %d, and locked\n", f);
		get(f);
		lock_folio(f)
	}
	d_step {
		i_mmap_may_read() ->
		printf("linux rmap_walk_file(): to unmap %d\n", f);
		i_mmap_lock_read();
		v = 0
	}
	do
	:: v == VMAS -> break
	:: v < VMAS && (!linked[v] || !is_table(pmd[v])) -> v++
	:: v < VMAS && linked[v] && is_table(pmd[v]) ->
		d_step {
			!is_table(pmd[v]) || !pte_locked[table(pmd[v])] ->
			if
			:: is_table(pmd[v]) && is_present(PTE(table(pmd[v]), i)) &&
			   frame(PTE(table(pmd[v]), i)) == f ->
				t = table(pmd[v]);
				notifier_start(v);
				remove_rmap(f);
				put(f);
				if
				:: moves ->
					printf("linux try_to_migrate_one(): VMA %d\n", v);
					PTE(t, i) = MIGRATION + f;
					flush_tlb(v)
				:: else ->
					printf("linux try_to_unmap_one(): VMA %d\n", v);
					PTE(t, i) = NOTHING;
					sub_rss(v, 1)
				fi;
				notifier_end(v)
			:: else
			fi;
			v++
		}
	od;
	i_mmap_unlock_read()
}

#ifdef WITH_swap_out
proctype swap_out()
{
	byte held, i, f, v, t;

	select_page(i);
	isolate(false);
	d_step {
		true ->
		printf("linux try_to_unmap_flush(): all TLBs\n");
		for (i_ : 0 .. VMAS - 1) {
			flush_tlb(i_)
		}
	}
	d_step {
		!i_pages ->
		if
		:: mapcount[f] == 0 && refs[f] == 2 ->
			printf("linux shmem_writeout(): page %d goes to swap\n", i);
			swapped[i] = data[f];
			cache[i] = SWAPPED;
			in_file[f] = false;
			refs[f]--
		:: else
		fi;
		unlock_folio(f);
		put(f)
	}
over:
	skip
}
#endif

#ifdef WITH_migrate
proctype migrate()
{
	byte held, i, f, v, t, new;

	select_page(i);
	isolate(true);
	d_step {
		!i_pages ->
		if
		:: mapcount[f] == 0 && refs[f] == 2 ->
			printf("linux __folio_migrate_mapping(): %d is frozen and replaced\n", f);
			new_small(new);
			data[new] = data[f];
			refs[new]++;
			cache[i] = new;
			in_file[f] = false;
			refs[f]--
		:: else -> new = f
		fi
	}
	d_step {
		i_mmap_may_read() ->
		printf("linux remove_migration_ptes(): %d\n", new);
		i_mmap_lock_read();
		v = 0
	}
	do
	:: v == VMAS -> break
	:: v < VMAS && (!linked[v] || !is_table(pmd[v])) -> v++
	:: v < VMAS && linked[v] && is_table(pmd[v]) ->
		d_step {
			!is_table(pmd[v]) || !pte_locked[table(pmd[v])] ->
			if
			:: is_table(pmd[v]) && PTE(table(pmd[v]), i) == MIGRATION + f ->
				printf("linux remove_migration_pte(): VMA %d\n", v);
				PTE(table(pmd[v]), i) = new + protection[v];
				get(new);
				add_rmap(new)
			:: else
			fi;
			v++
		}
	od;
	atomic {
		true ->
		printf("linux migrate_folio_done(): %d is unlocked\n", f);
		i_mmap_unlock_read();
		if
		:: new != f ->
			unlock_folio(new);
			put(new)
		:: else
		fi;
		folio_locked[f] = false;
		put(f)
	}
over:
	skip
}
#endif
