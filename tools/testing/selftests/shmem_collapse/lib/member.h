/* SPDX-License-Identifier: GPL-2.0 */
/* A child of a test that is no administrator, but may open the device. */
#ifndef SC_MEMBER_H
#define SC_MEMBER_H

#include <grp.h>
#include <unistd.h>

#define NOBODY	65534
#define GROUP	54321	/* the device's, where a test says so */
#define UNABLE	254	/* status of a child that could not do its part */

/* A member of the device's group and nothing else; for good, or until become_root(). */
static inline void become_member(bool for_good)
{
	const gid_t group = GROUP;

	if (setgroups(1, &group) || setresgid(NOBODY, NOBODY, for_good ? NOBODY : 0) ||
	    setresuid(NOBODY, NOBODY, for_good ? NOBODY : 0))
		_exit(UNABLE);
}

static inline void become_root(void)
{
	if (setresuid(0, 0, 0))
		_exit(UNABLE);
}

#endif /* SC_MEMBER_H */
