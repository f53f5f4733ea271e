// SPDX-License-Identifier: GPL-2.0
/*
 * Finds the memory cgroup that pays for a folio.
 *
 * Why this is C: css_tryget() and memcg_data are inline functions and fields
 * that depend on the configuration, used in one RCU section.
 */

#include <linux/memcontrol.h>

#include "../functions.h"

/*
 * The group that pays for a folio; the root, which pays for nothing, if there
 * is no other. get_mem_cgroup_from_folio() wants the folio's lock:
 * memory_failure() uncharges under it, and that function looks twice. Under
 * RCU.
 */
static struct mem_cgroup *payer(struct folio *folio)
{
	struct mem_cgroup *memcg = folio_memcg_check(folio);

	return memcg ?: root_mem_cgroup;
}

/* Returns the group that a folio is charged to, with a reference. */
struct mem_cgroup *shmem_collapse_folio_memcg(struct folio *folio)
{
	struct mem_cgroup *memcg;

	rcu_read_lock();
	do {
		memcg = payer(folio);
	} while (!mem_cgroup_tryget(memcg));
	rcu_read_unlock();
	return memcg;
}

/*
 * Tells the groups that pay for folios apart. memcg_data does not: a group has
 * one for each node, and inherits those of groups that are gone.
 */
unsigned int shmem_collapse_folio_payer(struct folio *folio)
{
	unsigned int id = 0;

#ifdef CONFIG_MEMCG
	if (mem_cgroup_disabled())
		return 0;
	rcu_read_lock();
	id = payer(folio)->css.id;
	rcu_read_unlock();
#endif
	return id;
}
