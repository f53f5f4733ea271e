/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Devices that write to pages: through the page tables (GUP-fast), and past them
 * (memfd_pin_folios()). mm/gup.c.
 */

#ifdef WITH_gup_fast
proctype gup_fast(byte v)
{
	byte i, f, t, entry, high;

	select_page(i);
	/* Interrupts are off from here to the second look. */
	atomic {
		high = pmd[v];
		if
		:: pmd_freed[v] || high == NOTHING || is_migration(high) -> goto over
		:: is_table(high) ->
			printf("linux gup_fast_pmd_range(): VMA %d, table %d\n", v, table(high));
			t = table(high);
			map_table(t);
			read_pte(t, i, entry);
			if
			:: !is_present(entry) || !(entry & WRITE) -> unmap_table(t); goto over
			:: else
			fi
		:: is_present(high) ->
			if
			:: !(high & WRITE) -> goto over
			:: else
			fi;
			entry = high + i
		fi
	}
	d_step {
		f = folio_of(frame(entry));
		if
		:: life[f] == LIVE && refs[f] > 0 ->
			printf("linux try_grab_folio_fast(): a reference on %d\n", f);
			get(f)
		:: else -> f = NOTHING
		fi
	}
	atomic {
		true ->
		if
		:: f && (pmd[v] != high || (is_table(high) && PTE(t, i) != entry)) ->
			printf("linux gup_fast_pte_range(): it has changed, the reference on %d goes\n", f);
			put(f);
			f = NOTHING
		:: else
		fi;
		if
		:: is_table(high) -> unmap_table(t)
		:: else
		fi;
		if
		:: f == NOTHING -> goto over
		:: else
		fi
	}
	d_step {
		true ->
		printf("a device writes page %d of %d through its pin\n", i, f);
		store(frame(entry), i, 5)
	}
	d_step {
		true ->
		printf("linux unpin_user_page(): %d\n", f);
		put(f)
	}
over:
	skip
}
#endif

/*
 * No lock of the folio, no page table. With KEPT the pin is held until the
 * request is over and written through only then.
 */
#ifdef WITH_memfd_pin
proctype memfd_pin()
{
	byte i, f, p;

	select_page(i);
look:
	atomic {
		f = cache[i];
		if
		:: f == RETRY -> goto look
		:: f == NOTHING || f == SWAPPED -> goto over
		:: f != NOTHING && f != SWAPPED && f != RETRY ->
			if
			:: refs[f] > 0 ->
				printf("linux memfd_pin_folios(): page %d, %d\n", i, f);
				get(f)
			:: else -> goto look
			fi
		fi
	}
	d_step {
#ifdef KEPT
		!extent_locked ->
#else
		true ->
#endif
		printf("a device writes page %d of %d through its pin\n", i, f);
		p = page_of(f, i);
		store(p, i, 6)
	}
	d_step {
		true ->
		printf("linux unpin_folios(): %d\n", f);
		put(f)
	}
over:
	skip
}
#endif
