/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request for the extent: rust/collapse/. Each step says which function it
 * stands for; WITHOUT_Hn takes the rule of that hazard away.
 */

#ifndef ATTEMPTS
#define ATTEMPTS	1
#endif

/* With FAILURES any step may end the attempt, and what was done is rolled back. */
#ifdef FAILURES
#define may_fail(where)	\
	if \
	:: true \
	:: atomic { true -> printf("rust fails(): an error is injected\n"); goto where } \
	fi
#else
#define may_fail(where)	skip
#endif

/* Flags half of the test of a table. */
#ifdef WITHOUT_H22
#define table_removable(v)	true
#else
#define table_removable(v)	(!has_flags[v] && !armed[v] && !vma_writer[v])
#endif

/* Contents half: what is not ours keeps the table. */
#ifdef WITHOUT_H3
#define keeps_table(v, i)	false
#else
#define keeps_table(v, i)	((v) != NOTHING && !is_source(v, i))
#endif

/* Where no page of ours is in the table, nothing takes its place. */
#ifdef WITHOUT_H28
#define leaves_entry(found)	true
#else
#define leaves_entry(found)	((found) > 0)
#endif

#ifdef WITHOUT_H5
#define notifier(call)	skip
#else
#define notifier(call)	call
#endif

/* The lock of the reverse map, where pages are unmapped or entries cleared. */
#ifdef WITHOUT_H7
#define rmap_readable()		true
#define rmap_lock()		skip
#define rmap_unlock()		skip
#else
#define rmap_readable()		i_mmap_may_read()
#define rmap_lock()		i_mmap_lock_read()
#define rmap_unlock()		i_mmap_unlock_read()
#endif

/*
 * The way back takes the pmd lock and the PTE lock of every VMA, whatever a look
 * without them says.
 */
#define pmd_free(v)	(!pmd_locked[v])
#define table_free(v)	(!is_table(pmd[v]) || !pte_locked[table(pmd[v])])
#if defined(WITHOUT_H41)
#define may_look(v)	((pmd[v] != MIGRATION + huge || pmd_free(v)) && table_free(v))
#elif defined(WITHOUT_H43)
#define may_look(v)	(pmd_free(v))
#else
#define may_look(v)	(pmd_free(v) && table_free(v))
#endif

inline clear_pmd(v)
{
	if
	:: pmd[v] == MIGRATION + huge ->
		pmd[v] = NOTHING;
		sub_rss(v, PAGES)
	:: else
	fi
}

/* A mapping of one page of a source that is back. */
inline count_back(i)
{
	refs[source[i]]++;
	add_rmap(source[i])
}

/*
 * The table that was taken out of this pmd, if it still is at hand: no other, or a
 * fault that has it mapped finds an entry that is equal and not its own.
 */
#ifdef WITHOUT_H44
inline table_of(v, t)
{
	t = TABLES;
	for (n_ : 0 .. VMAS - 1) {
		if
		:: t == TABLES && kept_table[VMAS - 1 - n_] ->
			t = kept_table[VMAS - 1 - n_] - 1;
			kept_table[VMAS - 1 - n_] = 0
		:: else
		fi
	}
}
#else
inline table_of(v, t)
{
	t = TABLES;
	if
	:: kept_table[v] -> t = kept_table[v] - 1; kept_table[v] = 0
	:: else
	fi
}
#endif

/* What vm_page_prot gives, as for a read fault. */
#ifdef TRACKED
#define back_prot(v)	0
#else
#define back_prot(v)	protection[v]
#endif

/*
 * The old pages take the places of the entries, counted before anybody can see
 * them; the PTE lock is held until the pmd points to the table.
 */
inline pmd_back(v, t)
{
	if
	:: pmd[v] == MIGRATION + huge ->
		table_of(v, t);
		sub_rss(v, PAGES);
		if
		:: t < TABLES ->
			for (n_ : 0 .. PAGES - 1) {
				if
				:: was[v * PAGES + n_] ->
#ifndef WITHOUT_H45
					count_back(n_);
#endif
					add_rss(v, 1);
					PTE(t, n_) = source[n_] + back_prot(v)
				:: else
				fi
			}
			state[t] = IN_USE;
			pmd[v] = TABLE + t
		:: else -> pmd[v] = NOTHING
		fi
	:: else -> t = TABLES
	fi
}

inline ptes_back(v)
{
	if
	:: is_table(pmd[v]) ->
		for (n_ : 0 .. PAGES - 1) {
			if
			:: PTE(table(pmd[v]), n_) == MIGRATION + huge + n_ ->
				count_back(n_);
				PTE(table(pmd[v]), n_) = source[n_] + back_prot(v)
			:: else
			fi
		}
	:: else
	fi
}

inline clear_ptes(v)
{
	if
	:: is_table(pmd[v]) ->
		for (n_ : 0 .. PAGES - 1) {
			if
			:: PTE(table(pmd[v]), n_) == MIGRATION + huge + n_ ->
				PTE(table(pmd[v]), n_) = NOTHING;
				sub_rss(v, 1)
			:: else
			fi
		}
	:: else
	fi
}

/* Where entries are emptied instead of being mapped. */
#if defined(MAP_NOWHERE)
#define clears(v)	true
#elif defined(WITHOUT_H25)
#define clears(v)	false
#else
#define clears(v)	armed[v]
#endif

/* Whether an entry maps the page that the extent has in this place. */
#define is_source(v, i)	(is_present(v) && frame(v) == source[i])

#include "remap.pml"

proctype request(byte huge)
{
	byte held, i, v, t, old, entry, found, holes;
	byte source[PAGES], gone[PAGES], kept_table[VMAS];
	bool was[VMAS * PAGES];
	bool named, kept, remapping;
	byte attempts = ATTEMPTS;

attempt:
	atomic {
		!extent_locked ->
		printf("rust lock_extent(): one request at a time\n");
		extent_locked = true;
		attempts--;
		holes = 0;
		named = false;
		i = 0
	}

	/* Located -> Scanned: a reference on each folio that the cache has. */
scan:
	do
	:: i == PAGES -> break
	:: i < PAGES ->
		atomic {
			old = cache[i];
			printf("rust find(): page %d, the cache has %d\n", i, old);
			if
			:: old == NOTHING -> source[i] = NOTHING; holes++; i++
			:: old == RETRY -> skip
			:: old == SWAPPED -> goto bring_in
			:: is_huge(old) -> goto already_huge
			:: else -> goto get_source
			fi
		}
	od;
	goto scanned;
get_source:
	atomic {
		if
#ifdef WITHOUT_H12
		:: true ->
#else
		:: refs[old] > 0 && cache[i] == old ->
#endif
			printf("rust xas_find_folios(): a reference on %d\n", old);
			get(old);
			source[i] = old;
			i++
#ifndef WITHOUT_H12
		:: else -> skip
#endif
		fi;
		goto scan
	}
bring_in:
	atomic {
		!i_pages ->
		if
		:: cache[i] == SWAPPED ->
			printf("rust bring_in(): page %d is read from swap\n", i);
			new_small(old);
			data[old] = swapped[i];
			cache[i] = old;
			refs[old]++;
			folio_locked[old] = false;
			put(old)
		:: else
		fi;
		goto scan
	}
scanned:
	if
	:: holes == PAGES -> goto put_sources
	:: else
	fi;

	/* Scanned -> Gathered. */
	d_step {
		true ->
		printf("rust HugeFolio::new(): folio %d, locked\n", huge);
		new_folio(huge);
		for (n_ : 0 .. PAGES - 1) {
			data[huge + n_] = 255
		}
		i = 0
	}
	do
	:: i == PAGES -> break
	:: i < PAGES && source[i] == NOTHING -> i++
	:: d_step {
		i < PAGES && source[i] != NOTHING && !folio_locked[source[i]] ->
		printf("rust Sources::lock(): folio %d\n", source[i]);
		assert(held == 0 || held == FOLIO_LOCK);
		held = FOLIO_LOCK;
		folio_locked[source[i]] = true;
		i++
	   }
	:: atomic {
		i < PAGES && source[i] != NOTHING && folio_locked[source[i]] ->
		printf("rust Sources::lock(): folio %d is locked by somebody else\n", source[i]);
		goto unlock_some
	   }
	od;
	atomic {
		true ->
		printf("rust surplus_mapped(): looked at again and counted\n");
		d_step {
			old = 0;
			for (n_ : 0 .. PAGES - 1) {
				if
				:: source[n_] &&
				   (cache[n_] != source[n_] || !in_file[source[n_]] ||
				    refs[source[n_]] - mapcount[source[n_]] != 2) -> old = 1
				:: else
				fi;
				gone[n_] = 0
			}
		}
		if
		:: old -> goto unlock_some
		:: else
		fi
	}
	may_fail(unlock_some);

	/* Gathered -> Unmapped: one pass in the order of the tree. */
unmap:
	atomic {
		rmap_readable() ->
		printf("rust reverse_map(): locked, to unmap\n");
		rmap_lock();
		v = 0
	}
	do
	:: v == VMAS -> break
	:: v < VMAS && !linked[v] -> v++
	:: v < VMAS && linked[v] ->
		atomic {
			true ->
			assert(!pmd_freed[v]);
			entry = pmd[v];
			kept = misaligned[v] || !table_removable(v);
			if
			:: kept -> goto sweep
			:: !kept && !is_table(entry) -> v++; goto next_vma
			:: !kept && is_table(entry) ->
				printf("rust take_table(): VMA %d, as seen without a lock\n", v);
				notifier(notifier_start(v))
			fi
		}
		atomic {
#ifdef WITHOUT_H8
			!pmd_locked[v] && !pte_locked[table(entry)] ->
#else
			!pmd_locked[v] && (!is_table(pmd[v]) || !pte_locked[table(pmd[v])]) ->
			entry = pmd[v];
#endif
			lock_pmd(v);
			if
			:: !is_table(entry) ->
				printf("rust lock_table(): VMA %d has none any more\n", v);
				unlock_pmd(v);
				notifier(notifier_end(v));
				v++;
				goto next_vma
			:: else -> skip
			fi;
			t = table(entry);
			lock_pte(t);
			found = 0;
			kept = !table_removable(v);
			d_step {
				for (n_ : 0 .. PAGES - 1) {
					if
					:: is_source(PTE(t, n_), n_) -> found++
					:: else -> kept = kept || keeps_table(PTE(t, n_), n_)
					fi
				}
			}
			if
			:: kept ->
				printf("rust check(): VMA %d has to keep table %d\n", v, t);
				unlock_pte(t);
				unlock_pmd(v);
				notifier(notifier_end(v));
				goto sweep
			:: !kept && !leaves_entry(found) ->
				printf("rust EmptyTable::remove(): VMA %d, table %d\n", v, t);
				entry = NOTHING;
				pmd[v] = NOTHING
			:: !kept && leaves_entry(found) ->
				d_step {
					for (n_ : 0 .. PAGES - 1) {
						if
						:: is_source(PTE(t, n_), n_) ->
							gone[n_]++;
							was[v * PAGES + n_] = true
						:: else -> was[v * PAGES + n_] = false
						fi
					}
				}
#ifdef WITHOUT_H20
				printf("rust MappedTable::remove(): VMA %d, table %d, no entry\n", v, t);
				sub_rss(v, found);
				entry = NOTHING;
				pmd[v] = NOTHING
#else
				assert(life[huge] == LIVE && folio_locked[huge] && in_file[huge]);
				named = true;
				add_rss(v, PAGES - found);
#ifdef WITHOUT_H42
				printf("rust MappedTable::replace(): VMA %d, table %d by nothing at first\n", v, t);
				pmd[v] = NOTHING;
#else
				printf("rust MappedTable::replace(): VMA %d, table %d by a migration entry\n", v, t);
				pmd[v] = MIGRATION + huge;
#endif
				entry = MIGRATION + huge
#endif
			fi
		}
#ifdef WITHOUT_H42
		if
		:: entry != NOTHING ->
			d_step {
				printf("rust MappedTable::replace(): VMA %d, then by an entry\n", v);
				pmd[v] = entry
			}
		:: else
		fi;
#endif
#ifndef WITHOUT_H32
		d_step {
			true ->
			printf("rust pmd_replace_table(): the TLBs of VMA %d are flushed\n", v);
			flush_tlb(v)
		}
#endif
		d_step {
			true ->
			settle_huge();
#ifndef WITHOUT_H27
			printf("rust PmdTableGuard::empty(): table %d is zeroed and unlocked\n", t);
			for (n_ : 0 .. PAGES - 1) {
				PTE(t, n_) = NOTHING
			}
#endif
			unlock_pte(t);
			unlock_pmd(v);
			if
			:: entry == NOTHING || remapping -> free_table(t)
			:: else -> state[t] = PUT_ASIDE; kept_table[v] = t + 1
			fi;
			notifier(notifier_end(v))
		}
#ifdef WITHOUT_H32
		d_step {
			true ->
			printf("rust pmd_replace_table(): the TLBs of VMA %d are flushed, too late\n", v);
			flush_tlb(v)
		}
#endif
		v++;
		goto next_vma;
sweep:
		atomic {
			if
			:: is_table(pmd[v]) && !remapping ->
				printf("rust sweep_table(): VMA %d\n", v);
				t = table(pmd[v]);
				map_table(t);
				notifier(notifier_start(v))
			:: else -> v++; goto next_vma
			fi
		}
		d_step {
			!pte_locked[t] ->
			lock_pte(t);
			if
			:: pmd_same(v, t) ->
				printf("rust PteTableWriteGuard::replace(): VMA %d, table %d stays\n", v, t);
				for (n_ : 0 .. PAGES - 1) {
					if
					:: is_source(PTE(t, n_), n_) ->
						PTE(t, n_) = MIGRATION + huge + n_;
						named = true;
						gone[n_]++
					:: else
					fi
				}
			:: else
			fi
		}
		d_step {
			true ->
			printf("rust PtlGuard::drop(): VMA %d, table %d is flushed and unlocked\n", v, t);
#ifndef WITHOUT_H32
			flush_tlb(v);
#endif
			unlock_pte(t);
			unmap_table(t);
			notifier(notifier_end(v));
#ifndef WITHOUT_H32
			v++
#endif
		}
#ifdef WITHOUT_H32
		d_step {
			true ->
			printf("rust PteTableWriteGuard::replace(): VMA %d is flushed, too late\n", v);
			flush_tlb(v);
			v++
		}
#endif
next_vma:
		skip
	od;
	atomic {
		true ->
		printf("rust settle(): the mappings are off the counts\n");
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: gone[n_] ->
					assert(mapcount[source[n_]] >= gone[n_] && refs[source[n_]] > gone[n_]);
					mapcount[source[n_]] = mapcount[source[n_]] - gone[n_];
					refs[source[n_]] = refs[source[n_]] - gone[n_];
					gone[n_] = 0
				:: else
				fi
			}
		}
		rmap_unlock();
		if
		:: remapping -> goto taken
		:: else
		fi
	}
	atomic {
		true ->
		printf("rust surplus_unmapped(): counted again\n");
		d_step {
			old = 0;
			for (n_ : 0 .. PAGES - 1) {
				if
				:: source[n_] && refs[source[n_]] != 2 -> old = 1
				:: else
				fi
			}
		}
		if
		:: old ->
			met_reference = true;
#ifndef WITHOUT_H15
			goto roll_back
#endif
		:: else
		fi
	}
	may_fail(roll_back);

	/*
	 * Unmapped -> Copied. With holes the reverse map is locked from here on, so
	 * that nothing is waited for between the copy and the store.
	 */
	if
	:: holes ->
		atomic {
			i_mmap_may_read() ->
			printf("rust reverse_map(): locked, to copy, commit and map\n");
			i_mmap_lock_read()
		}
	:: else
	fi;
	i = 0;
	do
	:: i == PAGES -> break
	:: d_step {
		i < PAGES ->
		printf("rust copy_pages(): page %d\n", i);
		data[huge + i] = (source[i] -> data[source[i]] : 0);
		i++
	   }
	od;
	may_fail(unlock_rmap);

	/* Copied -> Committed: one hold from the holes to the store. */
	atomic {
		!i_pages ->
		printf("rust CacheSection::enter(), block_holes()\n");
		ordered(I_PAGES);
		i_pages = true;
#ifndef WITHOUT_H9
		old = 0;
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: cache[n_] == NOTHING -> cache[n_] = RETRY; old++
				:: else
				fi
			}
		}
		if
		:: old != holes -> goto unblock
		:: else
		fi;
#endif
		i = 0
	}
#ifndef WITHOUT_H10
	atomic {
		true ->
		printf("rust has_uffd_missing()\n");
		d_step {
			old = 0;
			for (n_ : 0 .. VMAS - 1) {
				if
				:: holes && linked[n_] && armed[n_] -> old = 1
				:: else
				fi
			}
		}
		if
		:: old -> goto unblock
		:: else
		fi
	}
#endif
	may_fail(unblock);
	do
	:: i == PAGES -> break
	:: i < PAGES && !source[i] -> i++
	:: atomic {
		i < PAGES && source[i] ->
#ifdef WITHOUT_H23
		i++
#else
		printf("rust freeze(): folio %d has %d references\n", source[i], refs[source[i]]);
		if
		:: refs[source[i]] == 2 -> refs[source[i]] = 0; i++
		:: else -> goto unfreeze
		fi
#endif
	   }
	od;
	atomic {
		true ->
		printf("rust CacheSection::store(): the page cache has %d\n", huge);
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				cache[n_] = huge
			}
		}
		refs[huge] = refs[huge] + PAGES;
		committed++;
		mapping = true;
		i_pages = false;
		released(I_PAGES);
		if
		:: !named && !holes -> goto mapped
		:: else
		fi
	}

	/*
	 * Committed -> mapped. Where a userfaultfd was registered meanwhile, a pmd is
	 * emptied; a pte is mapped, since its page was.
	 */
map_entries:
	if
	:: !holes ->
		atomic {
			i_mmap_may_read() ->
			printf("rust reverse_map(): locked, to map\n");
			i_mmap_lock_read()
		}
	:: else
	fi;
	v = 0;
	do
	:: v == VMAS -> break
	:: v < VMAS && (!linked[v] || !clears(v)) -> v++
	:: d_step {
		v < VMAS && linked[v] && clears(v) && pmd_free(v) && table_free(v) ->
		printf("rust clear_entries(): VMA %d, the others are mapped\n", v);
		clear_pmd(v);
#ifdef MAP_NOWHERE
		clear_ptes(v);
#endif
		v++
	   }
	od;
	v = 0;
	do
	:: v == VMAS -> break
	:: v < VMAS && !linked[v] -> v++
	:: d_step {
		v < VMAS && linked[v] && pmd_free(v) && table_free(v) ->
		if
		:: pmd[v] == MIGRATION + huge ->
			printf("linux remove_migration_pmd(): VMA %d maps %d\n", v, huge);
			get(huge);
			add_rmap(huge);
			pmd[v] = huge + protection[v]
		:: is_table(pmd[v]) ->
			for (n_ : 0 .. PAGES - 1) {
				if
				:: PTE(table(pmd[v]), n_) == MIGRATION + huge + n_ ->
					printf("linux remove_migration_pte(): VMA %d maps page %d of %d\n", v, n_, huge);
					get(huge);
					add_rmap(huge);
					PTE(table(pmd[v]), n_) = huge + n_ + protection[v]
				:: else
				fi
			}
		:: else
		fi;
		v++
	   }
	od;
	atomic {
		true ->
		printf("rust map_everywhere(): done\n");
		i_mmap_unlock_read();
mapped:
		printf("rust PublishedFolio::drop(): folio %d is unlocked\n", huge);
		folio_locked[huge] = false;
		put(huge);
		mapping = false;
		i = 0
	}
	do
	:: i == PAGES -> break
	:: i < PAGES && !source[i] -> i++
	:: d_step {
		i < PAGES && source[i] ->
		printf("rust retire(): folio %d\n", source[i]);
		in_file[source[i]] = false;
#ifdef WITHOUT_H23
		refs[source[i]]--;
#else
		refs[source[i]] = 1;
#endif
		folio_locked[source[i]] = false;
		put(source[i]);
		source[i] = NOTHING;
		i++
	   }
	od;
	held = 0;
	attempts = 0;
	goto over;

already_huge:
	remap();

unfreeze:
	atomic {
		true ->
		printf("rust freeze(): gives back what is frozen\n");
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: n_ < i && source[n_] -> refs[source[n_]] = 2
				:: else
				fi
			}
		}
	}
unblock:
	atomic {
		true ->
		printf("rust unblock_holes(): the page cache is unlocked\n");
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: cache[n_] == RETRY -> cache[n_] = NOTHING
				:: else
				fi
			}
		}
		i_pages = false;
		released(I_PAGES)
	}
unlock_rmap:
	if
	:: holes ->
		d_step {
			printf("rust reverse_map(): unlocked\n");
			i_mmap_unlock_read()
		}
	:: else
	fi;

roll_back:
	i = PAGES;
	if
	:: !named -> goto unlock_some
	:: else
	fi;
	d_step {
		rmap_readable() ->
		printf("rust map_back(): the reverse map is locked\n");
		rmap_lock();
		v = 0
	}
	do
	:: v == VMAS -> break
	:: v < VMAS && !linked[v] -> v++
	:: d_step {
		v < VMAS && linked[v] && may_look(v) ->
		printf("rust map_back(): VMA %d\n", v);
		ptes_back(v);
		pmd_back(v, t);
#ifndef WITHOUT_H45
		v++
#endif
	   }
#ifdef WITHOUT_H45
	   ;
	   d_step {
		true ->
		printf("rust map_back(): VMA %d, now counted\n", v);
		for (n_ : 0 .. PAGES - 1) {
			if
			:: t < TABLES && was[v * PAGES + n_] -> count_back(n_)
			:: else
			fi
		}
		v++
	   }
#endif
	od;
	atomic {
		true ->
		printf("rust map_back(): done\n");
		rmap_unlock()
	}
unlock_some:
	/* Those before i are locked. */
	do
	:: i == 0 -> break
	:: d_step {
		i > 0 ->
		i--;
		if
		:: source[i] ->
			printf("rust release(): folio %d is unlocked\n", source[i]);
			folio_locked[source[i]] = false;
			put(source[i]);
			source[i] = NOTHING
		:: else
		fi
	   }
	od;
	atomic {
		true ->
		printf("rust HugeFolio::drop(): folio %d is abandoned\n", huge);
		in_file[huge] = false;
		folio_locked[huge] = false;
		put(huge);
		held = 0;
		i = PAGES
	}
put_sources:
	atomic {
		true ->
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: n_ < i && source[n_] ->
					printf("rust release(): the reference on %d is dropped\n", source[n_]);
					put(source[n_])
				:: else
				fi;
				source[n_] = NOTHING
			}
		}
	}
over:
	atomic {
		true ->
		printf("rust DetachedTable::drop(): tables that are not back\n");
		d_step {
			for (n_ : 0 .. VMAS - 1) {
				if
				:: kept_table[n_] ->
					i_ = kept_table[n_] - 1;
					free_table(i_);
					kept_table[n_] = 0
				:: else
				fi
			}
		}
	}
	atomic {
		true ->
		printf("rust lock_extent(): is given back\n");
		extent_locked = false;
		if
		:: attempts -> goto attempt
		:: else
		fi
	}
}
