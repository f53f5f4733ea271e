/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The last page of the extent leaves the file: truncation, or a hole is
 * punched. mm/truncate.c, mm/shmem.c, mm/memory.c.
 */

#ifdef WITH_truncate
proctype truncate()
{
	byte held, i, f, v, t, entry, dropped;
	bool locked;

	i = PAGES - 1;
unmap:
	/* Before the folio is locked, and again if it is still mapped then. */
	atomic {
		i_mmap_may_read() ->
		printf("linux unmap_mapping_pages(): the reverse map\n");
		i_mmap_lock_read();
		v = 0
	}
	do
	:: v == VMAS -> break
	:: v < VMAS && !linked[v] -> v++
	:: v < VMAS && linked[v] ->
		d_step {
			is_table(pmd[v]) && !pte_locked[table(pmd[v])] ||
			!is_table(pmd[v]) && !pmd_locked[v] ->
			entry = pmd[v];
			dropped = NOTHING;
			notifier_start(v);
			if
			:: is_table(entry) ->
				t = table(entry);
				entry = PTE(t, i);
				if
				:: is_present(entry) ->
					printf("linux zap_pte_range(): VMA %d, page %d\n", v, i);
					PTE(t, i) = NOTHING;
					dropped = folio_of(frame(entry));
					remove_rmap(dropped);
					sub_rss(v, 1)
				:: is_migration(entry) ->
					PTE(t, i) = NOTHING;
					sub_rss(v, 1)
				:: else
				fi
			:: entry == NOTHING -> skip
			:: is_present(entry) || is_migration(entry) ->
				printf("linux __split_huge_pmd_locked(): VMA %d\n", v);
				f = frame(entry);
				assert(life[f] == LIVE && in_file[f]);
				pmd[v] = NOTHING;
				sub_rss(v, PAGES);
				if
				:: is_present(entry) -> dropped = f; remove_rmap(f)
				:: else
				fi
			fi;
			if
			:: !dropped -> notifier_end(v); v++
			:: else
			fi
		}
		if
		:: dropped ->
			d_step {
				printf("linux tlb_finish_mmu(): VMA %d\n", v);
				flush_tlb(v);
				put(dropped);
				dropped = NOTHING;
				notifier_end(v);
				v++
			}
		:: else
		fi
	od;
	i_mmap_unlock_read();
	if
	:: locked -> f = cache[i]; goto delete
	:: else
	fi;
look:
	atomic {
		f = cache[i];
		if
		:: f == RETRY -> goto look
		:: f == NOTHING -> goto over
		:: f == SWAPPED && !i_pages ->
			printf("linux shmem_free_swap(): page %d\n", i);
			cache[i] = NOTHING;
			truth[i] = 0;
			goto over
		:: f == SWAPPED && i_pages -> goto look
		:: f != RETRY && f != SWAPPED && f != NOTHING ->
			if
			:: refs[f] > 0 ->
				printf("linux find_get_entries(): page %d, %d\n", i, f);
				get(f)
			:: else -> goto look
			fi
		fi
	}
	atomic {
		!folio_locked[f] ->
		lock_folio(f);
		if
		:: !in_file[f] ->
			unlock_folio(f);
			put(f);
			goto look
		:: in_file[f] && is_huge(f) ->
			printf("linux truncate_inode_partial_folio(): page %d of %d is zeroed\n", i, f);
			data[f + i] = 0;
			truth[i] = 0;
			unlock_folio(f);
			put(f);
			goto over
		:: in_file[f] && !is_huge(f) && mapcount[f] ->
			printf("linux truncate_cleanup_folio(): %d is still mapped\n", f);
			locked = true;
			goto unmap
		:: else
		fi
	}
delete:
	atomic {
		!i_pages ->
		printf("linux truncate_inode_folio(): %d leaves the page cache\n", f);
		assert(mapcount[f] == 0);
		cache[i] = NOTHING;
		truth[i] = 0;
		in_file[f] = false;
		truncated[f] = true;
		refs[f]--;
		unlock_folio(f);
		put(f)
	}
over:
	skip
}
#endif
