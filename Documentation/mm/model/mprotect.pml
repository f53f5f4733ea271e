/* SPDX-License-Identifier: GPL-2.0 */
/* mprotect(PROT_READ): mm/mprotect.c. When it has returned nobody writes. */

#ifdef WITH_mprotect
proctype mprotect(byte v)
{
	byte held, entry, t;
	bool changed;

	vma_start_write(v);
	if
	:: unmapped[v] -> goto over
	:: else
	fi;
	d_step {
		true ->
		printf("linux mprotect_fixup(): VMA %d is read-only\n", v);
		protection[v] = 0;
		notifier_start(v)
	}
again:
	atomic {
		printf("linux change_pmd_range(): VMA %d\n", v);
		entry = pmd[v];
		if
		:: entry == NOTHING -> goto done
		:: is_table(entry) -> t = table(entry); map_table(t)
		:: else -> goto huge
		fi
	}
	atomic {
		!pte_locked[t] ->
		if
		:: pmd[v] != TABLE + t -> unmap_table(t); goto again
		:: else
		fi;
		printf("linux change_pte_range(): VMA %d, table %d\n", v, t);
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				if
				:: is_present(PTE(t, n_)) ->
					PTE(t, n_) = PTE(t, n_) & (255 - WRITE);
					changed = true
				:: else
				fi
			}
		}
		unmap_table(t);
		goto done
	}
huge:
	atomic {
		!pmd_locked[v] ->
		if
		:: pmd[v] == NOTHING || is_table(pmd[v]) -> goto again
		:: is_present(pmd[v]) ->
			printf("linux change_huge_pmd(): VMA %d\n", v);
			pmd[v] = pmd[v] & (255 - WRITE);
			changed = true
		:: is_migration(pmd[v]) ->
			/* Read-only already; nothing to flush for. */
			printf("linux change_huge_pmd(): VMA %d, a migration entry\n", v)
		fi
	}
done:
	atomic {
		true ->
		if
		:: changed ->
			printf("linux tlb_end_vma(): VMA %d is flushed\n", v);
			flush_tlb(v)
		:: else
		fi;
		notifier_end(v);
		protected[v] = true
	}
over:
	vma_end_write(v)
}
#endif
