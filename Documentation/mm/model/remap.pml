/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A part of a request: the extent is huge already, but mapped page by page
 * somewhere. The huge folio itself is what the entries name; nothing is copied.
 * rust/collapse/remap.rs.
 */

/* The mappings of a table that was taken out go off the counts of the huge folio. */
inline settle_huge()
{
	if
	:: remapping ->
		for (n_ : 0 .. PAGES - 1) {
			assert(mapcount[huge] >= gone[n_] && refs[huge] > gone[n_]);
			mapcount[huge] = mapcount[huge] - gone[n_];
			refs[huge] = refs[huge] - gone[n_];
			gone[n_] = 0
		}
	:: else
	fi
}

inline remap()
{
#ifdef MAP_NOWHERE
	goto put_sources;
#endif
	atomic {
		i_mmap_may_read() ->
		printf("rust remap(): is there a table that could go?\n");
		/* No small folio comes before a huge one. */
		assert(i == 0);
		d_step {
			found = 0;
			for (n_ : 0 .. VMAS - 1) {
				if
				:: linked[n_] && is_table(pmd[n_]) && !misaligned[n_] && table_removable(n_) ->
					found = 1
				:: else
				fi
			}
		}
		if
		:: !found -> goto put_sources
		:: else
		fi
	}
	atomic {
		old = cache[0];
		if
		:: !is_huge(old) -> goto put_sources
		:: else
		fi;
		printf("rust PublishedFolio::find(): a reference on %d\n", old);
		get(old)
	}
	atomic {
		if
		:: folio_locked[old] || !in_file[old] ->
			printf("rust PublishedFolio::find(): %d is locked by somebody else\n", old);
			put(old);
			goto put_sources
		:: else -> skip
		fi;
		printf("rust PublishedFolio::find(): %d is locked\n", old);
		lock_folio(old);
		huge = old;
		remapping = true;
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				source[n_] = huge + n_;
				gone[n_] = 0
			}
		}
		goto unmap
	}
taken:
	atomic {
		d_step {
			for (n_ : 0 .. PAGES - 1) {
				source[n_] = NOTHING
			}
		}
		mapping = true;
		printf("rust map_everywhere(): %d, if an entry names it\n", huge);
		if
		:: named -> goto map_entries
		:: else -> goto mapped
		fi
	}
}
