/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread that reads or writes one page of the extent: TLB, hardware's walk,
 * fault. mm/memory.c, mm/shmem.c, mm/filemap.c.
 */

/* What vm_page_prot gives: with TRACKED writes are noticed one by one. */
#ifdef TRACKED
#define page_prot(v, writes)	(writes -> protection[v] : 0)
#else
#define page_prot(v, writes)	protection[v]
#endif

#define translated(cpu, i) \
	(TLB(cpu, i) && (!writes || (TLB(cpu, i) & WRITE)))

#ifdef WITH_thread
proctype thread(byte cpu, v, value)
{
	byte held, i, f, t, entry;
	bool writes, around;

	atomic {
		printf("a thread on CPU %d of VMA %d\n", cpu, v);
		cpu_vma[cpu] = v;
		select_page(i);
		if
		:: true -> writes = true
		:: true -> writes = false
		fi
	}
access:
	/* A TLB entry, or else the hardware's walk, or else a fault. */
	do
	:: atomic {
		translated(cpu, i) ->
		assert(!unmapped_for_good(v));
		if
		:: writes ->
			printf("CPU %d writes page %d: frame %d\n", cpu, i, frame(TLB(cpu, i)));
			assert(!protected[v]);
			store(frame(TLB(cpu, i)), i, value)
		:: else ->
			printf("CPU %d reads page %d: frame %d\n", cpu, i, frame(TLB(cpu, i)));
			load(frame(TLB(cpu, i)), i)
		fi;
		goto over
	   }
	:: atomic {
		!translated(cpu, i) ->
#ifdef WALK_CACHES
		if
		:: !walk_cache[cpu] && is_table(pmd[v]) ->
			walk_cache[cpu] = table(pmd[v]) + 1;
			goto access
		:: else
		fi;
		entry = NOTHING;
		if
		:: walk_cache[cpu] ->
			assert(state[walk_cache[cpu] - 1] != TABLE_FREED);
			entry = PTE(walk_cache[cpu] - 1, i)
		:: !walk_cache[cpu] && is_present(pmd[v]) -> entry = pmd[v] + i
		:: else
		fi;
		walk_cache[cpu] = NOTHING;
#else
		entry = NOTHING;
		if
		:: is_table(pmd[v]) -> entry = PTE(table(pmd[v]), i)
		:: is_present(pmd[v]) -> entry = pmd[v] + i
		:: else
		fi;
#endif
		if
		:: is_present(entry) && (!writes || (entry & WRITE)) ->
			printf("CPU %d finds page %d: frame %d\n", cpu, i, frame(entry));
			TLB(cpu, i) = entry
		:: else -> TLB(cpu, i) = NOTHING; break
		fi
	   }
	od;
	atomic {
		/* Where the VMA lock cannot be had, the mmap lock is waited for. */
		!vma_writer[v] || unmapped[v] ->
		if
		:: unmapped[v] || (writes && !protection[v]) ->
			printf("linux handle_mm_fault(): CPU %d gets SIGSEGV\n", cpu);
			goto over
		:: else
		fi;
		ordered(VMA_LOCK);
		vma_readers[v]++;
		assert(!pmd_freed[v]);
		entry = pmd[v];
		if
		:: is_table(entry) ->
			t = table(entry);
			map_table(t);
			printf("linux handle_pte_fault(): CPU %d reads table %d\n", cpu, t);
			read_pte(t, i, entry);
			if
			:: is_present(entry) && writes && !(entry & WRITE) -> goto wp_page
			:: is_migration(entry) -> goto pte_wait
			:: entry == MARKER ->
				unmap_table(t);
				vma_readers[v]--;
				goto over
			:: is_present(entry) && (!writes || (entry & WRITE)) ->
				unmap_table(t); goto out
			:: entry == NOTHING -> unmap_table(t)
			fi
		:: is_migration(entry) ->
			printf("linux handle_mm_fault(): CPU %d finds a migration entry\n", cpu);
			goto pmd_wait
		:: is_present(entry) -> goto out
		:: entry == NOTHING ->
			printf("linux handle_mm_fault(): CPU %d finds no pmd entry\n", cpu)
		fi
	}

	/* A monitor has the event; the thread does not come back here. */
	if
	:: armed[v] ->
		atomic {
			true ->
			printf("linux handle_userfault(): CPU %d has to wait\n", cpu);
			vma_readers[v]--;
			released(VMA_LOCK);
			goto over
		}
	:: else
	fi;

	/* do_fault(): from the page cache. */
find:
	atomic {
		around = false;
		printf("linux filemap_get_entry(): CPU %d, page %d, the cache has %d\n", cpu, i, cache[i]);
		f = cache[i];
		if
		:: f == RETRY -> goto find
		:: f == NOTHING || f == SWAPPED -> goto add
		:: else ->
			if
			:: refs[f] == 0 -> goto find
			:: refs[f] > 0 && !writes && !folio_locked[f] && in_file[f] ->
				/* do_fault_around(): the lock is only tried. */
				printf("linux next_uptodate_folio(): CPU %d has %d\n", cpu, f);
				get(f);
				lock_folio(f);
				around = true;
				goto map
			:: refs[f] > 0 ->
				get(f)
			fi
		fi
	}
	atomic {
		!folio_locked[f] ->
		lock_folio(f);
		if
		:: !in_file[f] ->
			printf("linux shmem_get_folio_gfp(): %d is not the file's any more\n", f);
			unlock_folio(f);
			put(f);
			goto find
		:: else ->
			printf("linux shmem_get_folio_gfp(): CPU %d has locked %d\n", cpu, f);
			goto map
		fi
	}
add:
	atomic {
		!i_pages ->
		if
		:: cache[i] != NOTHING && cache[i] != SWAPPED -> goto find
		:: else
		fi;
		new_small(f);
		ordered(FOLIO_LOCK);
		if
		:: cache[i] == SWAPPED -> data[f] = swapped[i]
		:: else
		fi;
		printf("linux shmem_add_to_page_cache(): CPU %d adds %d\n", cpu, f);
		filled(i);
		cache[i] = f;
		refs[f]++
	}
map:
	/* finish_fault(), or filemap_map_pages() with the lock tried above. */
	atomic {
		!pmd_locked[v] || is_table(pmd[v]) ->
		if
		:: pmd[v] == NOTHING && is_huge(f) && !misaligned[v] ->
			lock_pmd(v);
			printf("linux do_set_pmd(): CPU %d maps %d\n", cpu, f);
			pmd[v] = f + page_prot(v, writes);
			get(f);
			add_rmap(f);
			add_rss(v, PAGES);
#ifdef WITH_uffd_minor
			untouched[v] = false;
#endif
			unlock_pmd(v)
		:: pmd[v] == NOTHING && (!is_huge(f) || misaligned[v]) ->
			lock_pmd(v);
			printf("linux pmd_install(): VMA %d has a table\n", v);
			populate(v);
			unlock_pmd(v)
		:: else
		fi
	}
	t = TABLES;
	d_step {
		printf("linux pte_offset_map_lock(): CPU %d looks for the table\n", cpu);
		entry = pmd[v];
		if
		:: is_table(entry) -> t = table(entry); map_table(t)
		:: else
		fi
	}
	if
	:: t < TABLES ->
		d_step {
			!pte_locked[t] ->
			lock_pte(t);
			printf("linux pte_offset_map_lock(): CPU %d, table %d\n", cpu, t);
			if
			:: pmd_same(v, t) && PTE(t, i) == NOTHING ->
				printf("linux set_pte_range(): CPU %d maps page %d of %d\n", cpu, i, f);
				PTE(t, i) = page_of(f, i) + page_prot(v, writes);
				get(f);
				add_rmap(f);
#ifdef WITH_uffd_minor
				/* There was a first touch. */
				untouched[v] = untouched[v] && i < PAGES - 1;
#endif
				add_rss(v, 1)
			:: else
			fi;
#ifdef FAULT_AROUND
			/* Others while at it, each folio's lock tried under this one. */
			for (n_ : 0 .. PAGES - 1) {
				if
				:: around && pmd_same(v, t) && PTE(t, n_) == NOTHING &&
				   cache[n_] && cache[n_] < RETRY && !folio_locked[cache[n_]] &&
				   refs[cache[n_]] ->
					printf("linux filemap_map_pages(): and page %d of %d\n", n_, cache[n_]);
					PTE(t, n_) = page_of(cache[n_], n_) + page_prot(v, false);
					get(cache[n_]);
					add_rmap(cache[n_]);
					add_rss(v, 1)
				:: else
				fi
			}
#endif
			unlock_pte(t);
			unmap_table(t)
		}
	:: else
	fi;
	atomic {
		true ->
		printf("linux finish_fault(): CPU %d unlocks %d\n", cpu, f);
		unlock_folio(f);
		put(f);
		vma_readers[v]--;
		released(VMA_LOCK);
		goto access
	}

wp_page:
	/* A write to what is mapped for reading. The table stays mapped. */
	atomic {
		!pte_locked[t] ->
		lock_pte(t);
		if
		:: PTE(t, i) == entry ->
			f = folio_of(frame(entry));
			/* An equal entry is trusted to be the one of this place. */
			assert(pmd[v] == TABLE + t);
			printf("linux wp_page_shared(): CPU %d has a reference on %d\n", cpu, f);
			get(f);
			PTE(t, i) = entry + WRITE
		:: else -> f = NOTHING
		fi;
		unlock_pte(t);
		unmap_table(t)
	}
	if
	:: f != NOTHING ->
		d_step {
			!folio_locked[f] ->
			printf("linux fault_dirty_shared_page(): CPU %d, %d\n", cpu, f);
			put(f)
		}
	:: else
	fi;
	goto out;

pte_wait:
	atomic {
		!pte_locked[t] ->
		printf("linux migration_entry_wait(): CPU %d waits at a pte\n", cpu);
		f = NOTHING;
		if
		:: pmd_same(v, t) && PTE(t, i) == entry ->
			f = folio_of(frame(entry));
			assert(life[f] == LIVE && folio_locked[f])
		:: else
		fi;
		unmap_table(t)
	}
	goto wait;

pmd_wait:
	atomic {
		!pmd_locked[v] ->
		f = NOTHING;
		if
		:: pmd[v] == entry ->
			printf("linux pmd_migration_entry_wait(): CPU %d waits for %d\n", cpu, frame(entry));
			f = frame(entry);
			assert(life[f] == LIVE && folio_locked[f])
		:: else
		fi
	}
wait:
	/* No reference is held. */
	atomic {
		!folio_locked[f] ->
		printf("linux softleaf_entry_wait_on_locked(): CPU %d goes on\n", cpu);
		f = NOTHING
	}
out:
	atomic {
		true ->
		printf("linux handle_mm_fault(): CPU %d is done\n", cpu);
		vma_readers[v]--;
		released(VMA_LOCK);
		goto access
	}
over:
	skip
}
#endif
