/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How memory begins, and what must be true when all have done their work.
 */

/* One of the pages, or the first only where there is one. */
inline select_page(i)
{
	if
	:: i = 0
#if PAGES > 1
	:: i = 1
#endif
	fi
}

/* The file has all pages, or all but the last; or a huge folio. */
#ifdef PTE_MAPPED
inline begin_file()
{
	life[HUGE_B] = LIVE;
	refs[HUGE_B] = PAGES;
	in_file[HUGE_B] = true;
	for (at : 0 .. PAGES - 1) {
		data[HUGE_B + at] = 1;
		cache[at] = HUGE_B;
		truth[at] = 1
	}
}
#else
inline begin_file()
{
	for (at : 0 .. PAGES - 1) {
		if
		:: true ->
			life[SMALL(at)] = LIVE;
			refs[SMALL(at)] = 1;
			in_file[SMALL(at)] = true;
			data[SMALL(at)] = 1;
			cache[at] = SMALL(at);
			truth[at] = 1
#ifdef HOLES
		:: at == PAGES - 1 -> skip
#endif
		fi
	}
}
#endif

/* A VMA that is there, with none, some or all of the pages mapped. */
inline begin_vma(v)
{
	linked[v] = true;
	protection[v] = WRITE;
#ifdef MISALIGNED
	if
	:: misaligned[v] = true
	:: true
	fi;
#endif
	if
#ifndef MAPPED
	:: true -> untouched[v] = true
#endif
#ifdef PTE_MAPPED
	:: !misaligned[v] ->
		pmd[v] = HUGE_B + WRITE;
		get(HUGE_B);
		add_rmap(HUGE_B);
		add_rss(v, PAGES);
		for (at : 0 .. PAGES - 1) {
			had[v * PAGES + at] = true
		}
#endif
#ifdef WITH_reap
	/* A table whose pages have gone. */
	:: true -> populate(v); untouched[v] = true
#endif
	:: true ->
		populate(v);
		for (at : 0 .. PAGES - 1) {
			if
			:: cache[at] ->
#ifdef TRACKED
				PTE(table(pmd[v]), at) = page_of(cache[at], at);
#else
				PTE(table(pmd[v]), at) = page_of(cache[at], at) + WRITE;
#endif
				get(cache[at]);
				add_rmap(cache[at]);
				had[v * PAGES + at] = true;
				add_rss(v, 1)
#ifndef MAPPED
			:: at == PAGES - 1 -> untouched[v] = true
#endif
#ifdef MARKERS
			:: at == PAGES - 1 ->
				/* It may have outlived the registration that made it. */
				PTE(table(pmd[v]), at) = MARKER;
				marked[v] = true;
				if
				:: has_flags[v] = true
				:: true
				fi
#endif
			:: else -> skip
			fi
		}
	fi
}

/* What VMA v has of the folio f, as many mappings as references. */
inline count_mappings(v, f)
{
	if
	:: is_present(pmd[v]) && frame(pmd[v]) == f -> c_++
	:: is_table(pmd[v]) ->
		for (n_ : 0 .. PAGES - 1) {
			if
			:: is_present(PTE(table(pmd[v]), n_)) &&
			   folio_of(frame(PTE(table(pmd[v]), n_))) == f -> c_++
			:: else
			fi
		}
	:: else
	fi
}

inline check_folio(f)
{
	c_ = 0;
	for (i_ : 0 .. VMAS - 1) {
		count_mappings(i_, f)
	}
	assert(mapcount[f] == c_);
	for (n_ : 0 .. PAGES - 1) {
		if
		:: cache[n_] == f -> c_++
		:: else
		fi
	}
	assert(refs[f] == c_);
	assert(!folio_locked[f]);
	assert((life[f] == LIVE) == (refs[f] > 0));
	assert(life[f] != LIVE || in_file[f])
}

inline check_vma(v)
{
	assert(!is_migration(pmd[v]));
	c_ = 0;
	if
	:: is_present(pmd[v]) ->
		c_ = PAGES;
		for (n_ : 0 .. PAGES - 1) {
			assert(cache[n_] == frame(pmd[v]))
		}
	:: is_table(pmd[v]) ->
		assert(state[table(pmd[v])] == IN_USE);
		for (n_ : 0 .. PAGES - 1) {
			assert(!is_migration(PTE(table(pmd[v]), n_)));
			if
			:: is_present(PTE(table(pmd[v]), n_)) ->
				c_++;
				assert(folio_of(frame(PTE(table(pmd[v]), n_))) == cache[n_])
			:: else
			fi
		}
	:: else
	fi;
	assert(rss[v] == c_);
#ifdef STAYS_MAPPED
	/* However many attempts there were, and whether they failed. */
	for (n_ : 0 .. PAGES - 1) {
		assert(!had[v * PAGES + n_] || is_present(pmd[v]) ||
		       (is_table(pmd[v]) && is_present(PTE(table(pmd[v]), n_))))
	}
#endif
	if
	:: waits_minor[v] ->
		assert(!is_present(pmd[v]));
		assert(!is_table(pmd[v]) || !is_present(PTE(table(pmd[v]), PAGES - 1)))
	:: else
	fi;
	assert(!marked[v] || unmapped[v] || (is_table(pmd[v]) && PTE(table(pmd[v]), PAGES - 1) == MARKER));
	assert(!pmd_locked[v] && !vma_readers[v] && !vma_writer[v]);
	assert(!unmapped[v] || pmd[v] == NOTHING)
}

/* A TLB may have what the page table has, and nothing else. */
inline check_tlb(cpu, v)
{
	for (n_ : 0 .. PAGES - 1) {
		if
		:: TLB(cpu, n_) ->
			if
			:: is_present(pmd[v]) -> assert(frame(TLB(cpu, n_)) == frame(pmd[v]) + n_)
			:: is_table(pmd[v]) ->
				assert(frame(TLB(cpu, n_)) == frame(PTE(table(pmd[v]), n_)))
			:: else -> assert(false)
			fi
		:: else
		fi
	}
}

inline check_end()
{
	assert(!i_mmap_readers && !i_mmap_writer && !i_mmap_waiting && !i_pages);
	assert(!extent_locked);
#ifdef ONLY_FAULTS
	/* Faults are no reason for an attempt to fail. */
	assert(!met_reference);
#endif
	for (k_ : 1 .. FRAMES - 1) {
		if
		:: folio_of(k_) == k_ -> check_folio(k_)
		:: else
		fi
	}
	c_ = 0;
	for (k_ : 0 .. VMAS - 1) {
		check_vma(k_)
	}
	for (k_ : 0 .. CPUS - 1) {
		check_tlb(k_, cpu_vma[k_])
	}
	/* As many tables as pmds that point to one. */
	c_ = 0;
	for (k_ : 0 .. TABLES - 1) {
		assert(!pte_locked[k_] && !rcu_readers[k_] && state[k_] != PUT_ASIDE);
		if
		:: state[k_] == IN_USE -> c_++
		:: else
		fi
	}
	for (k_ : 0 .. VMAS - 1) {
		if
		:: is_table(pmd[k_]) -> c_--
		:: else
		fi
	}
	assert(c_ == 0);
	/* What was written is what is there. */
	for (k_ : 0 .. PAGES - 1) {
		if
		:: cache[k_] == NOTHING -> assert(truth[k_] == 0)
		:: cache[k_] == SWAPPED -> assert(truth[k_] == swapped[k_])
		:: else -> assert(cache[k_] != RETRY && truth[k_] == data[page_of(cache[k_], k_)])
		fi
	}
}
