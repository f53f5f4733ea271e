/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Locks, and the order in which they are taken: mm/rmap.c and the top of
 * rust/collapse/mod.rs. Who takes one that may sleep or spin holds none of those
 * that come later. What is only tried, and the second of two nested page-table
 * locks, may come in any order.
 */

#define VMA_LOCK	1
#define FOLIO_LOCK	2
#define I_MMAP		4
#define PMD_LOCK	8
#define PTE_LOCK	16
#define I_PAGES		32

/* "held" is a variable of each process. */
inline ordered(lock)
{
	assert(held < lock);
	held = held | lock;
}

inline released(lock)
{
	held = held & (255 - lock)
}

/* Fair: a reader does not overtake a writer that waits. */
#define i_mmap_may_read()	(!i_mmap_writer && !i_mmap_waiting)

inline i_mmap_lock_read()
{
	ordered(I_MMAP);
	i_mmap_readers++
}

inline i_mmap_unlock_read()
{
	i_mmap_readers--;
	released(I_MMAP)
}

/* Not inside atomic: it waits twice. */
inline i_mmap_lock_write()
{
	d_step {
		ordered(I_MMAP);
		i_mmap_waiting++
	}
	d_step {
		!i_mmap_writer && !i_mmap_readers ->
		i_mmap_waiting--;
		i_mmap_writer = true
	}
}

inline i_mmap_unlock_write()
{
	i_mmap_writer = false;
	released(I_MMAP)
}

/* vma_start_write(), under the mmap lock: no new readers, then none at all. */
inline vma_start_write(v)
{
	d_step {
		!vma_writer[v] ->
		vma_writer[v] = true
	}
	d_step {
		vma_readers[v] == 0 ->
		ordered(VMA_LOCK)
	}
}

inline vma_end_write(v)
{
	vma_writer[v] = false;
	released(VMA_LOCK)
}

inline lock_pmd(v)
{
	assert(!pmd_freed[v]);
	ordered(PMD_LOCK);
	pmd_locked[v] = true
}

inline unlock_pmd(v)
{
	pmd_locked[v] = false;
	released(PMD_LOCK)
}

inline lock_pte(t)
{
	assert(state[t] != TABLE_FREED);
	ordered(PTE_LOCK);
	pte_locked[t] = true
}

inline unlock_pte(t)
{
	pte_locked[t] = false;
	released(PTE_LOCK)
}

/* Folio locks of one extent in index order: the second is only tried. */
inline lock_folio(f)
{
	assert(life[f] == LIVE);
	ordered(FOLIO_LOCK);
	folio_locked[f] = true
}

inline unlock_folio(f)
{
	assert(life[f] == LIVE && folio_locked[f]);
	folio_locked[f] = false;
	released(FOLIO_LOCK)
}

/*
 * MMU notifiers. A section is told before anything is cleared, and it is over
 * after the TLB flush.
 */
#ifdef NOTIFIER
inline notifier_start(v)
{
	if
	:: v == SUBJECT ->
		invalidations++;
		d_step {
			for (i_ : 0 .. PAGES - 1) {
				spte[i_] = NOTHING
			}
		}
	:: else
	fi
}

inline notifier_end(v)
{
	if
	:: v == SUBJECT ->
		invalidate_seq++;
		invalidations--
	:: else
	fi
}
#else
inline notifier_start(v) { skip }
inline notifier_end(v) { skip }
#endif
