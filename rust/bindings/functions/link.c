// SPDX-License-Identifier: GPL-2.0
/*
 * Tells how the module was linked, and whether with the addresses of this
 * kernel.
 *
 * Why this is C: tools/module-link writes into a section whose layout it
 * knows, and a test that it was given the right addresses must not depend on
 * code that calls any of them.
 */

#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/hex.h>
#include <linux/ioport.h>
#include <linux/kobject.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched/task.h>
#include <linux/utsname.h>

#include "../functions.h"

#define ADDRESS(name) { .by_kernel = &(name) }

/*
 * What tools/module-link fills in; its table.rs knows the layout. Variables
 * that every kernel exports, from all parts of its image: the first address of
 * each is the kernel's own, the second one is from the list of symbols that the
 * module was linked with when it was loaded. Read once each, since the compiler
 * knows only what it has put there.
 */
static const struct {
	unsigned long how;
	unsigned long count;
	struct {
		const void *by_kernel;
		unsigned long by_list;
	} pairs[8];
} link __used __section(".module_link") = {
	.how = SHMEM_COLLAPSE_LINKED_BY_EXPORTS,
	.count = 8,
	.pairs = {
		ADDRESS(_ctype),
		ADDRESS(hex_asc),
		ADDRESS(init_task),
		ADDRESS(init_uts_ns),
		ADDRESS(iomem_resource),
		ADDRESS(kernel_kobj),
		ADDRESS(node_states),
		ADDRESS(_totalram_pages),
	},
};

/*
 * Returns how the module was linked. The first thing that its init calls: if
 * this is an error, no function may be called but what the kernel exports.
 */
int shmem_collapse_linked(void)
{
	unsigned long how = READ_ONCE(link.how);
	int i;

	if (how != SHMEM_COLLAPSE_LINKED_AT_LOAD)
		return how;
	for (i = 0; i < ARRAY_SIZE(link.pairs); i++) {
		if ((unsigned long)READ_ONCE(link.pairs[i].by_kernel) !=
		    READ_ONCE(link.pairs[i].by_list))
			return -ESTALE;
	}
	return how;
}
