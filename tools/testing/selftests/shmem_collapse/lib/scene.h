/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One extent with everything in it that a request has to account for: small pages, a folio of
 * middle size, holes, swapped pages; mapped whole, private with a copy, in part, read-only and
 * locked; its pages charged to a control group, its space to a quota.
 */
#ifndef SC_SCENE_H
#define SC_SCENE_H

#include "sc.h"

enum sc_role {
	SC_OWNER,	/* wrote the pages, which its control group owns */
	SC_PRIVATE,	/* MAP_PRIVATE, has a page of its own */
	SC_PART,	/* maps a part of the extent */
	SC_READER,	/* PROT_READ */
	SC_LOCKER,	/* mlocked, as far as it touches it */
	SC_ROLES,
};

#define SC_SCENE_VALUES 64

struct sc_state {
	int count;
	struct {
		char name[32];
		long long value;
	} row[SC_SCENE_VALUES];
	long long charged;	/* memory.current; exact only up to the batches of the CPUs */
};

struct sc_scene {
	struct sc_segment seg;	/* mapped here as well, shared and writable */
	struct sc_mapper m[SC_ROLES];
	char group[128];
	uint64_t seed;
};

/* Each returns 0 or the errno; *@what says what could not be done. */
int sc_scene_create(struct sc_scene *s, const char *mount_options, const char **what);
/* New content, small pages and mappings as at first. */
int sc_scene_remake(struct sc_scene *s, const char **what);
void sc_scene_destroy(struct sc_scene *s);

/* Pages that no process has and that a collapse must fill. */
size_t sc_scene_holes(void);
/* Looks at everything that is mapped, which maps it again. The number of wrong pages. */
long sc_scene_check(struct sc_scene *s);
/* The same for every page, when the extent is huge. */
long sc_scene_check_huge(struct sc_scene *s);

void sc_scene_state(struct sc_scene *s, struct sc_state *state);
/*
 * Waits a moment for what the kernel sums up later. 0 if nothing differs, else the names go to
 * stderr. A request may bring swapped pages in; that is no difference.
 */
int sc_scene_differs(struct sc_scene *s, const struct sc_state *before);
/* What success changes: the holes are pages now, and all of it is one huge folio. */
int sc_scene_succeeded(struct sc_scene *s, const struct sc_state *before);

#endif /* SC_SCENE_H */
