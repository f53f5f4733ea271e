/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHMEM_COLLAPSE_CHARGE_H
#define SHMEM_COLLAPSE_CHARGE_H

#include <linux/mm_types.h>

/*
 * Folios with the same value are charged to the same memory cgroup. One group
 * may have several values: one for each node, and those of groups that are
 * gone.
 */
static inline unsigned long shmem_collapse_folio_charge(struct folio *folio)
{
#ifdef CONFIG_MEMCG
	return READ_ONCE(folio->memcg_data);
#else
	return 0;
#endif
}

#endif /* SHMEM_COLLAPSE_CHARGE_H */
