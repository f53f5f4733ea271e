// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a mistake of the kind that the parameter names: what finds none of these in the module
 * shmem_collapse has to find this one first. For tests only.
 */
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#define TURNS	4000000ul
#define LEAKS	256

static char *mistake = "";
module_param(mistake, charp, 0444);
MODULE_PARM_DESC(mistake, "race, leak or page");

static unsigned long shared;

/* Plain accesses to what another thread changes as well. */
static noinline void planted_race(void)
{
	unsigned long turns;

	for (turns = 0; turns < TURNS; turns++) {
		shared++;
		barrier();
		if (!(turns & 0xffff))
			cond_resched();
	}
}

static int other_thread(void *unused)
{
	planted_race();
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int race(void)
{
	struct task_struct *other = kthread_run(other_thread, NULL, "planted_race");

	if (IS_ERR(other))
		return PTR_ERR(other);
	planted_race();
	return kthread_stop(other);
}

/* Nobody keeps the pointers, but a CPU's cache of objects has those of the last few. */
static noinline int planted_leak(void)
{
	int i;

	for (i = 0; i < LEAKS; i++) {
		void *p = kmalloc(192, GFP_KERNEL);

		if (!p)
			return -ENOMEM;
		memset(p, 0, 192);
		OPTIMIZER_HIDE_VAR(p);
	}
	return 0;
}

static noinline int planted_page(void)
{
	return alloc_page(GFP_KERNEL) ? 0 : -ENOMEM;
}

static int __init plant_init(void)
{
	if (!strcmp(mistake, "race"))
		return race();
	if (!strcmp(mistake, "leak"))
		return planted_leak();
	if (!strcmp(mistake, "page"))
		return planted_page();
	return -EINVAL;
}

static void __exit plant_exit(void)
{
}

module_init(plant_init);
module_exit(plant_exit);
MODULE_DESCRIPTION("Mistakes that tests have to find");
MODULE_LICENSE("GPL");
