/* SPDX-License-Identifier: GPL-2.0 */
/* read(2) and write(2), which may fill a hole: mm/shmem.c. */

/* The folio f of page i, referenced and locked; NOTHING for a hole unless it is filled. */
inline get_folio(fill)
{
	f = NOTHING;
look:
	atomic {
		f = cache[i];
		if
		:: f == RETRY -> goto look
		:: f == SWAPPED || (f == NOTHING && fill) -> goto add
		:: f == NOTHING && !fill -> goto found
		:: else ->
			if
			:: refs[f] > 0 ->
				printf("linux filemap_get_entry(): page %d, a reference on %d\n", i, f);
				get(f)
			:: else -> goto look
			fi
		fi
	}
	atomic {
		!folio_locked[f] ->
		if
		:: in_file[f] ->
			printf("linux shmem_get_folio_gfp(): %d is locked\n", f);
			lock_folio(f);
			goto found
		:: else -> put(f); goto look
		fi
	}
add:
	atomic {
		!i_pages ->
		if
		:: cache[i] != NOTHING && cache[i] != SWAPPED -> goto look
		:: else
		fi;
		printf("linux shmem_add_to_page_cache(): page %d\n", i);
		new_small(f);
		ordered(FOLIO_LOCK);
		if
		:: cache[i] == SWAPPED -> data[f] = swapped[i]
		:: else
		fi;
		filled(i);
		cache[i] = f;
		refs[f]++
	}
found:
	skip
}

#ifdef WITH_reader
proctype reader()
{
	byte held, i, f, p;

	select_page(i);
	get_folio(false);
	if
	:: f == NOTHING -> goto over
	:: else
	fi;
	d_step {
		true ->
		printf("linux shmem_file_read_iter(): %d is unlocked, not put\n", f);
		unlock_folio(f)
	}
	d_step {
		true ->
		printf("linux shmem_file_read_iter(): page %d of %d is read\n", i, f);
		p = page_of(f, i);
		load(p, i);
		put(f)
	}
over:
	skip
}
#endif

#ifdef WITH_writer
proctype writer()
{
	byte held, i, f, p;

	select_page(i);
	get_folio(true);
	d_step {
		true ->
		printf("linux shmem_write_end(): page %d of %d is written\n", i, f);
		p = page_of(f, i);
		store(p, i, 4);
		unlock_folio(f);
		put(f)
	}
}
#endif
