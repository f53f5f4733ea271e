/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The protocol of rust/collapse/ among the rest of mm, for SPIN. See
 * Documentation/mm/model.rst; scripts/model.sh says who takes part.
 */

/* The VMA that most actors work on, and a mask of those that are not there at first. */
#ifndef SUBJECT
#define SUBJECT		0
#endif
#ifndef NEW_VMAS
#define NEW_VMAS	0
#endif

#include "state.pml"
#include "locks.pml"
#include "memory.pml"
#include "end.pml"
#include "request.pml"
#include "faults.pml"
#include "reap.pml"
#include "teardown.pml"
#include "fork.pml"
#include "mremap.pml"
#include "mprotect.pml"
#include "truncate.pml"
#include "readers.pml"
#include "pin.pml"
#include "reclaim.pml"
#include "notifier.pml"
#include "uffd.pml"

init
{
	byte at, v;

	atomic {
		begin_file();
		for (v : 0 .. VMAS - 1) {
			if
			:: !((NEW_VMAS >> v) & 1) -> begin_vma(v)
			:: else
			fi
		}
		at = 0;
		v = 0;
		/* Who takes part. */
		run request(HUGE_A);
#if REQUESTS > 1
		run request(HUGE_B);
#endif
		ACTORS
	}
	d_step {
		_nr_pr == 1 ->
		printf("all are done\n");
		check_end()
	}
}
