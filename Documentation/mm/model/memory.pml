/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Folios, page tables and translations: what every actor does in the same way,
 * each inside a step of the actor.
 */

/* What the hardware has of a folio that is about to be freed. */
inline no_translation(f)
{
	d_step {
		for (k_ : 0 .. CPUS * PAGES - 1) {
			assert(!tlb[k_] || folio_of(frame(tlb[k_])) != f)
		}
#ifdef NOTIFIER
		for (k_ : 0 .. PAGES - 1) {
			assert(!spte[k_] || folio_of(frame(spte[k_])) != f)
		}
#endif
	}
}

/* A reference that nobody else can take the last of: it is there already. */
inline get(f)
{
	assert(life[f] == LIVE && refs[f] > 0);
	refs[f]++
}

/* folio_put(). With the last one the folio is freed, once. */
inline put(f)
{
	assert(life[f] == LIVE && refs[f] > 0);
	refs[f]--;
	if
	:: refs[f] == 0 ->
		assert(mapcount[f] == 0 && !folio_locked[f] && !in_file[f]);
		no_translation(f);
		truncated[f] = false;
		life[f] = FREED
	:: else
	fi
}

/* A new folio, locked, for the file. */
inline new_folio(f)
{
	assert(life[f] != LIVE && refs[f] == 0 && mapcount[f] == 0);
	life[f] = LIVE;
	refs[f] = 1;
	folio_locked[f] = true;
	in_file[f] = true
}

/* The first spare small folio. */
inline new_small(f)
{
	f = SPARE;
	do
	:: f < FRAMES && life[f] == LIVE -> f++
	:: else -> break
	od;
	assert(f < FRAMES);
	new_folio(f);
	data[f] = 0
}

inline add_rmap(f)
{
	assert(life[f] == LIVE && refs[f] > 0);
	mapcount[f]++
}

inline remove_rmap(f)
{
	assert(life[f] == LIVE && mapcount[f] > 0);
	mapcount[f]--
}

inline add_rss(v, pages)
{
	rss[v] = rss[v] + pages
}

inline sub_rss(v, pages)
{
	assert(rss[v] >= pages);
	rss[v] = rss[v] - pages
}

/* flush_tlb_range() with the table caches. */
inline flush_tlb(v)
{
	d_step {
		for (c_ : 0 .. CPUS - 1) {
			if
			:: cpu_vma[c_] == v ->
				walk_cache[c_] = NOTHING;
				for (k_ : 0 .. PAGES - 1) {
					TLB(c_, k_) = NOTHING
				}
			:: else
			fi
		}
	}
}

/* A table for a pmd that is none, under the pmd lock. */
inline populate(v)
{
	d_step {
		k_ = 0;
		do
		:: k_ < TABLES && (state[k_] == IN_USE || state[k_] == PUT_ASIDE ||
				   rcu_readers[k_] || pte_locked[k_]) -> k_++
		:: else -> break
		od;
		assert(k_ < TABLES);
		for (i_ : 0 .. PAGES - 1) {
			PTE(k_, i_) = NOTHING
		}
		state[k_] = IN_USE;
		pmd[v] = TABLE + k_
	}
}

/*
 * A table that no pmd points to any more, to its end: pte_free_defer(). It is
 * freed when nobody has it mapped (a grace period).
 */
inline free_table(t)
{
	assert(state[t] == IN_USE || state[t] == PUT_ASIDE);
#ifdef WITHOUT_RCU
	state[t] = TABLE_FREED
#else
	state[t] = (rcu_readers[t] -> DETACHED : TABLE_FREED)
#endif
}

/* pte_offset_map*() and its end. */
inline map_table(t)
{
	assert(state[t] == IN_USE);
	rcu_readers[t]++
}

inline unmap_table(t)
{
	rcu_readers[t]--;
	if
	:: state[t] == DETACHED && rcu_readers[t] == 0 -> state[t] = TABLE_FREED
	:: else
	fi
}

/* A read of an entry without its lock. */
inline read_pte(t, i, v)
{
	assert(state[t] != TABLE_FREED);
	v = PTE(t, i)
}

/* Whether the table that was locked still is the one of the pmd. */
#ifdef WITHOUT_H2
#define pmd_same(v, t)	true
#else
#define pmd_same(v, t)	(pmd[v] == TABLE + (t))
#endif

/* Somebody else than a request fills a page: it is not missing any more. */
#ifdef WITH_uffd_missing
inline filled(i)
{
	missing = missing && (i) < PAGES - 1
}
#else
inline filled(i) { skip }
#endif

/*
 * A store and a load through a translation. What was written last is what
 * everybody reads; a folio that was truncated keeps nothing.
 */
inline store(p, i, value)
{
	assert(life[folio_of(p)] == LIVE);
	data[p] = value;
	if
	:: !truncated[folio_of(p)] -> truth[i] = value
	:: else
	fi
}

inline load(p, i)
{
	assert(life[folio_of(p)] == LIVE);
	assert(truncated[folio_of(p)] || data[p] == truth[i])
}
