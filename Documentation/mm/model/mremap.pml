/* SPDX-License-Identifier: GPL-2.0 */
/*
 * mremap() of one VMA to another place: copy, link, move, unmap. mm/mremap.c,
 * mm/vma.c. A new VMA that comes first in the tree needs the lock of the reverse
 * map for every entry.
 */

inline take_rmap_locks()
{
	if
	:: to < from -> i_mmap_lock_write()
	:: else
	fi
}

inline drop_rmap_locks()
{
	if
	:: to < from -> i_mmap_unlock_write()
	:: else
	fi
}

inline move_rss(pages)
{
	sub_rss(from, pages);
	add_rss(to, pages)
}

#ifdef WITH_mremap
proctype mremap(byte from, to)
{
	byte held, entry, t, t2, f, piece;
	byte moving[PAGES];
	bool whole, pieces;

	/* Where two tables are not aligned with each other, a part of one at a time. */
	pieces = PAGES > 1 && misaligned[from];
	vma_start_write(from);
	if
	:: unmapped[from] -> goto over
	:: else
	fi;
	d_step {
		true ->
		printf("linux copy_vma(): VMA %d, write-locked\n", to);
		vma_writer[to] = true;
		protection[to] = protection[from];
		has_flags[to] = has_flags[from]
	}
	i_mmap_lock_write();
	d_step {
		true ->
		printf("linux vma_link(): VMA %d is in the reverse map\n", to);
		linked[to] = true;
		i_mmap_unlock_write();
		notifier_start(from)
	}
again:
	atomic {
		printf("linux move_page_tables(): VMA %d to VMA %d\n", from, to);
		entry = pmd[from];
		if
		:: entry == NOTHING -> goto moved
		:: is_table(entry) ->
			/* Not every architecture moves tables. */
			if
			:: whole = false; goto move_ptes
			:: !pieces -> whole = true
			fi
		:: else -> goto move_huge
		fi
	}
	i_mmap_lock_write();
	atomic {
		!pmd_locked[from] && !pmd_locked[to] ->
		if
		:: is_table(pmd[from]) && pmd[to] == NOTHING ->
			printf("linux move_normal_pmd(): table %d\n", table(pmd[from]));
			lock_pmd(from);
			pmd[to] = pmd[from];
			pmd[from] = NOTHING;
			flush_tlb(from);
			f = rss[from];
			move_rss(f);
			unlock_pmd(from);
			i_mmap_unlock_write();
			goto moved
		:: else -> i_mmap_unlock_write()
		fi
	}
move_ptes:
	atomic {
		!pmd_locked[to] ->
		if
		:: pmd[from] == NOTHING -> goto moved
		:: pmd[from] != NOTHING && pmd[to] == NOTHING ->
			printf("linux move_page_tables(): a table for VMA %d\n", to);
			lock_pmd(to);
			populate(to);
			unlock_pmd(to)
		:: else
		fi
	}
	take_rmap_locks();
	atomic {
		!is_table(pmd[from]) || !pte_locked[table(pmd[from])] ->
		printf("linux move_ptes(): locks the table of VMA %d\n", from);
		if
		:: !is_table(pmd[from]) ->
			drop_rmap_locks();
			goto again
		:: else
		fi;
		t = table(pmd[from]);
		lock_pte(t)
	}
	atomic {
		true ->
		if
		:: !is_table(pmd[to]) ->
			printf("linux move_ptes(): VMA %d has no table: again\n", to);
			unlock_pte(t);
			drop_rmap_locks();
			goto again
		:: else
		fi;
		t2 = table(pmd[to]);
		map_table(t2)
	}
	d_step {
		/* Nested, and without a second look at the pmd. */
		!pte_locked[t2] ->
		printf("linux move_ptes(): out of table %d\n", t);
		pte_locked[t2] = true;
		for (n_ : 0 .. PAGES - 1) {
			if
			:: !pieces || n_ == piece ->
				moving[n_] = PTE(t, n_);
				PTE(t, n_) = NOTHING
			:: else -> moving[n_] = NOTHING
			fi
		}
	}
	atomic {
		true ->
		printf("linux move_ptes(): into table %d\n", t2);
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: moving[n_] ->
					assert(PTE(t2, n_) == NOTHING);
					PTE(t2, n_) = moving[n_];
					if
					:: moving[n_] != MARKER -> move_rss(1)
					:: else
					fi;
					moving[n_] = NOTHING
				:: else
				fi
			}
		}
		pte_locked[t2] = false;
		flush_tlb(from);
		unmap_table(t2);
		unlock_pte(t);
		drop_rmap_locks();
		entry = NOTHING;
		piece++;
		if
		:: pieces && piece < PAGES -> goto again
		:: else -> goto moved
		fi
	}
move_huge:
	take_rmap_locks();
	atomic {
		!pmd_locked[from] && !pmd_locked[to] ->
		if
		:: (is_present(pmd[from]) || is_migration(pmd[from])) && pmd[to] == NOTHING && !pieces ->
			printf("linux move_huge_pmd(): VMA %d to VMA %d\n", from, to);
			lock_pmd(from);
			pmd[to] = pmd[from];
			pmd[from] = NOTHING;
			move_rss(PAGES);
			flush_tlb(from);
			unlock_pmd(from);
			drop_rmap_locks();
			goto moved
		:: else -> drop_rmap_locks()
		fi
	}
	atomic {
		!pmd_locked[from] ->
		if
		:: is_present(pmd[from]) || is_migration(pmd[from]) ->
			printf("linux split_huge_pmd(): VMA %d\n", from);
			f = frame(pmd[from]);
			assert(life[f] == LIVE && in_file[f]);
			sub_rss(from, PAGES);
			flush_tlb(from);
			if
			:: is_present(pmd[from]) ->
				pmd[from] = NOTHING;
				remove_rmap(f);
				put(f)
			:: else -> pmd[from] = NOTHING
			fi
		:: else
		fi;
		goto again
	}
moved:
	atomic {
		true ->
		printf("linux move_vma(): all of VMA %d is moved\n", from);
		notifier_end(from);
		vma_writer[to] = false;
		unmapped[from] = true
	}
	i_mmap_lock_write();
	d_step {
		true ->
		printf("linux unmap_source_vma(): VMA %d leaves the reverse map\n", from);
		linked[from] = false;
		i_mmap_unlock_write();
	}
	d_step {
		true ->
		printf("linux free_pgd_range(): VMA %d\n", from);
		if
		:: is_table(pmd[from]) ->
			for (n_ : 0 .. PAGES - 1) {
				assert(PTE(table(pmd[from]), n_) == NOTHING)
			}
			free_table(table(pmd[from]))
		:: else -> assert(pmd[from] == NOTHING)
		fi;
		pmd[from] = NOTHING;
		assert(rss[from] == 0);
		pmd_freed[from] = true
	}
over:
	vma_end_write(from)
}
#endif
