// SPDX-License-Identifier: GPL-2.0
/*
 * Drops the mappings of small folios that several VMAs had.
 *
 * Why this is C: it changes _mapcount, which is the business of mm/rmap.c and
 * rmap.h, and belongs there as folio_remove_rmap_ptes() for several VMAs and
 * several folios. With 32 mappers that function would be called 16384 times for
 * an extent, with an atomic operation for the mappings and another one for the
 * references each time. Here each folio has one of either.
 */

#include <linux/mm.h>
#include <linux/rmap.h>

#include "../functions.h"

/*
 * Drops as many mappings of each folio, all of them small and locked, as
 * @mappings has in its place and @more; returns of how many none is left.
 */
unsigned int shmem_collapse_folios_drop_mappings(struct folio **folios,
						 const u32 *mappings,
						 unsigned int nr, u32 more)
{
	unsigned int unmapped = 0;

	for (; nr--; folios++, mappings++) {
		int dropped = *mappings + more;

		if (!*folios || !dropped)
			continue;
		/*
		 * If these are all mappings, no one else can change the count: a new
		 * mapping needs the lock, or another mapping to be copied.
		 * (vm_insert_page() needs neither, but inserts a driver's pages.)
		 */
		if (atomic_read(&(*folios)->_mapcount) == dropped - 1) {
			atomic_set(&(*folios)->_mapcount, -1);
			unmapped++;
		} else if (atomic_sub_return(dropped, &(*folios)->_mapcount) == -1) {
			unmapped++;
		}
		folio_ref_sub(*folios, dropped);
	}
	return unmapped;
}
