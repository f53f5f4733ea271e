/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A request to free page tables with nothing in them: rust/collapse/reap.rs. Of a
 * file, it visits every VMA with the reverse map locked; of a process, one with
 * its own lock held.
 */

#ifdef WITHOUT_REAP
/* The contents half of the test, under the locks. */
#define stays(entry)	false
#else
#define stays(entry)	((entry) != NOTHING)
#endif

#ifdef WITH_reap
inline reap_vma(v)
{
	atomic {
		true ->
		assert(!pmd_freed[v]);
		if
		:: !is_table(pmd[v]) -> goto next_vma
		:: else
		fi;
		printf("rust free_if_empty(): VMA %d, as seen without a lock\n", v);
		notifier_start(v)
	}
	atomic {
		!pmd_locked[v] && (!is_table(pmd[v]) || !pte_locked[table(pmd[v])]) ->
		entry = pmd[v];
		lock_pmd(v);
		if
		:: !is_table(entry) ->
			printf("rust lock_table(): VMA %d has none any more\n", v);
			unlock_pmd(v);
			notifier_end(v);
			goto next_vma
		:: else
		fi;
		t = table(entry);
		lock_pte(t);
		kept = !table_removable(v);
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				kept = kept || stays(PTE(t, n_))
			}
		}
		if
		:: kept ->
			printf("rust check_empty(): VMA %d has to keep table %d\n", v, t);
			unlock_pte(t);
			unlock_pmd(v);
			notifier_end(v);
			goto next_vma
		:: !kept ->
			printf("rust EmptyTable::remove(): VMA %d, table %d\n", v, t);
			pmd[v] = NOTHING
		fi
	}
	d_step {
		true ->
		printf("rust pmd_remove_table(): the TLBs of VMA %d are flushed\n", v);
		flush_tlb(v)
	}
	d_step {
		true ->
		printf("rust PmdTableGuard::empty(): table %d is zeroed and unlocked\n", t);
		for (n_ : 0 .. PAGES - 1) {
			PTE(t, n_) = NOTHING
		}
		unlock_pte(t);
		unlock_pmd(v);
		free_table(t);
		notifier_end(v)
	}
next_vma:
	skip
}

proctype reap(bool of_file)
{
	byte held, v, t, entry;
	bool kept;

	if
	:: !of_file -> goto of_process
	:: else
	fi;
	d_step {
		i_mmap_may_read() ->
		printf("rust reverse_map(): locked, to free tables\n");
		i_mmap_lock_read();
		v = 0
	}
	goto walk;
of_process:
	atomic {
		/* Only tried. */
		if
		:: vma_writer[SUBJECT] || unmapped[SUBJECT] -> goto over
		:: else
		fi;
		printf("rust look(): VMA %d is locked\n", SUBJECT);
		ordered(VMA_LOCK);
		vma_readers[SUBJECT]++;
		v = SUBJECT
	}
walk:
	do
	:: v == VMAS -> break
	:: v < VMAS && !linked[v] -> v++
	:: v < VMAS && linked[v] ->
		reap_vma(v);
		v = (of_file -> v + 1 : VMAS)
	od;
	if
	:: of_file -> i_mmap_unlock_read()
	:: else -> vma_readers[SUBJECT]--
	fi;
over:
	skip
}
#endif
