/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A registration of VMA 0 for missing pages: fs/userfaultfd.c. A page that was
 * seen missing after it has an event when it is touched, so nobody else fills it.
 */

#ifdef WITH_uffd_missing
proctype uffd_missing()
{
	byte held;

	vma_start_write(SUBJECT);
	d_step {
		true ->
		printf("linux userfaultfd_register(): VMA 0 is armed\n");
		armed[SUBJECT] = true;
		vma_end_write(SUBJECT)
	}
look:
	atomic {
		if
		:: cache[PAGES - 1] == RETRY -> goto look
		:: cache[PAGES - 1] == NOTHING ->
			printf("linux mincore_page(): page %d is missing\n", PAGES - 1);
			missing = true
		:: else
		fi
	}
	d_step {
		true ->
		printf("linux handle_userfault(): the last page is touched\n");
		assert(!missing || unmapped[SUBJECT] ||
		       cache[PAGES - 1] == NOTHING || cache[PAGES - 1] == RETRY)
	}
}
#endif

/*
 * The same for minor events: a page that the file has, and that was never mapped
 * here, has an event when it is touched. With ANY_TIME also if the registration
 * falls between the request's look at the flags and its mapping.
 */
#ifdef WITH_uffd_minor
proctype uffd_minor()
{
	byte held, entry;

	vma_start_write(SUBJECT);
	d_step {
#ifdef ANY_TIME
		true ->
#else
		!mapping ->
#endif
		printf("linux userfaultfd_register(): VMA %d is armed\n", SUBJECT);
		armed[SUBJECT] = true;
		entry = pmd[SUBJECT];
		if
		:: is_table(entry) -> entry = PTE(table(entry), PAGES - 1)
		:: else
		fi;
		waits_minor[SUBJECT] = untouched[SUBJECT] && !is_present(entry);
		vma_end_write(SUBJECT)
	}
}
#endif
