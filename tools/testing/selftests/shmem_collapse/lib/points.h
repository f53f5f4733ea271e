/* SPDX-License-Identifier: GPL-2.0 */
/* What a request for an address range must answer when a fault point fails each time. */
#ifndef SC_POINTS_H
#define SC_POINTS_H

#include <errno.h>
#include <stddef.h>

struct sc_point {
	const char *name;
	int err;
	const char *outcome;	/* NULL: the request ends before there is an extent */
	int skips[4];		/* calls that pass first, -1 behind the last */
	const char *with;	/* a point that must fail as well */
};

static const struct sc_point sc_points[] = {
	{ "process", ESRCH, NULL, { 0, -1 }, NULL },
	{ "scratch", ENOMEM, NULL, { 0, -1 }, NULL },
	{ "waiting", EAGAIN, "locked", { 0, -1 }, "page_lock" },
	{ "vma_lock", EAGAIN, "vma_busy", { 0, -1 }, NULL },
	{ "extent_lock", EAGAIN, "locked", { 0, -1 }, NULL },
	{ "frozen", EOPNOTSUPP, "frozen", { 0, 1, -1 }, NULL },
	{ "swap_in", ENOMEM, "no_memory", { 0, 1, -1 }, NULL },
	{ "huge_page", ENOMEM, "no_huge_page", { 0, -1 }, NULL },
	{ "memcg", ENOMEM, "memcg_limit", { 0, -1 }, NULL },
	{ "zone", EOPNOTSUPP, "zone", { 0, -1 }, NULL },
	{ "space", ENOSPC, "no_space", { 0, -1 }, NULL },
	{ "quota", EDQUOT, "no_quota", { 0, -1 }, NULL },
	{ "nodes", ENOMEM, "no_memory", { 0, -1 }, NULL },
	{ "tables", ENOMEM, "no_memory", { 0, -1 }, NULL },
	{ "page_lock", EAGAIN, "locked", { 0, 3, 8, -1 }, NULL },
	{ "page_changed", EAGAIN, "raced", { 0, 1, 7, -1 }, NULL },
	{ "references_mapped", EAGAIN, "lru", { 0, -1 }, NULL },
	{ "table_lock", EAGAIN, "lru", { 0, -1 }, NULL },
	{ "references_unmapped", EAGAIN, "lru", { 0, -1 }, NULL },
	{ "copy", EHWPOISON, "poisoned", { 0, 5, 8, -1 }, NULL },
	{ "poison", EHWPOISON, "poisoned", { 0, -1 }, NULL },
	{ "new_poison", EAGAIN, "raced", { 0, -1 }, NULL },
	{ "block_holes", ENOMEM, "no_memory", { 0, 2, -1 }, NULL },
	{ "recount", EAGAIN, "filled", { 0, -1 }, NULL },
	{ "uffd_missing", EBUSY, "uffd_missing", { 0, -1 }, NULL },
	{ "freeze", EAGAIN, "lru", { 0, 1, 8, -1 }, NULL },
	{ "keep", 0, "collapsed", { 0, 1, -1 }, NULL },
	{ "table", 0, "collapsed", { 0, 1, 2, -1 }, NULL },
};

/* Points that such a request does not come to; they have tests of their own. */
static const char *const sc_other_points[] = {
	"path", "helper", "huge_find", "install", "reap",
};

#endif /* SC_POINTS_H */
