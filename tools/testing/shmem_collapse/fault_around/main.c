// SPDX-License-Identifier: GPL-2.0
/*
 * Whether the kernel keeps the entries that a fault makes around its own while a huge page is
 * split. It takes no request, and not the module: MADV_COLLAPSE makes the huge pages.
 *
 * A fault that maps the pages around its own (filemap_map_pages(), mm/filemap.c) walks the page
 * cache from the first of them on. Where it meets a huge page that is being split it skips that
 * page, and so goes on at the second of the slots of the page cache's node that the huge page has
 * filled. By then the small folios are there, with lower indices than the fault had begun with.
 * They are mapped at lower addresses: before the VMA, where no zap finds the entries, and if the
 * table begins there before the table. Seen with Linux 7.3.4.
 */
#include "sc.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define TOUCHERS	3
#define AROUND		16	/* pages */
#define LOOK		256	/* touches between two looks at the counters */
#define SLACK		16	/* pages: the program's own come and go */

static struct sc_segment seg;
static uint64_t end;

static bool is_over(void)
{
	return sc_now_ns() > end;
}

/* Pages that the RSS has and the page tables have not. */
static long long lost(void)
{
	return (sc_status(getpid(), "VmRSS") - sc_smaps_rollup(getpid(), "Rss")) /
	       (long long)sc_page();
}

/* The two are not read at the same time, so it has to be so for a while. */
static bool is_lost(void)
{
	int i;

	for (i = 0; i < 20; i++) {
		if (lost() <= SLACK)
			return false;
		usleep(10000);
	}
	return true;
}

/* Touches pages of a mapping that begins in the middle of an extent, and drops them. */
static int touch(void)
{
	size_t first = sc_nr() / 3, pages = sc_nr() - first, i, touches = 0;
	char *at = sc_map(seg.fd, pages * sc_page(), PROT_READ, MAP_SHARED, first * sc_page());

	if (at == MAP_FAILED)
		return 2;
	while (!is_over()) {
		for (i = 0; i < LOOK; i++) {
			size_t page = touches++ * 61 % (pages - AROUND);

			*(volatile char *)(at + page * sc_page());
			madvise(at + page * sc_page(), AROUND * sc_page(), MADV_DONTNEED);
		}
		if (is_lost()) {
			printf("# after %zu touches %lld pages are in no page table\n", touches,
			       lost());
			return 1;
		}
	}
	printf("# %zu touches, nothing is lost\n", touches);
	return 0;
}

/* Returns the number of times. */
static unsigned long collapse_and_split(void)
{
	int fd = open("/sys/kernel/debug/split_huge_pages", O_WRONLY | O_CLOEXEC);
	unsigned long splits = 0;
	char line[128];
	int len;

	if (fd < 0)
		return 0;
	len = snprintf(line, sizeof(line), "%s,0x0,0x%zx,5", seg.path, sc_nr());
	while (!is_over()) {
		madvise(seg.addr, seg.len, MADV_COLLAPSE);
		splits += write(fd, line, len) == len;
	}
	close(fd);
	return splits;
}

int main(int argc, char **argv)
{
	double seconds = argc == 3 && !strcmp(argv[1], "--seconds") ? atof(argv[2]) : 60;
	int i, status, failed = 0;
	unsigned long splits;
	pid_t pid[TOUCHERS];

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("TAP version 13\n1..1\n");
	if (sc_create_filled(&seg, SC_TMPFS, 1, 1)) {
		printf("Bail out! no file\n");
		return 1;
	}
	end = sc_now_ns() + (uint64_t)(seconds * 1e9);
	for (i = 0; i < TOUCHERS; i++) {
		pid[i] = sc_fork();
		if (!pid[i])
			exit(touch());
	}
	splits = collapse_and_split();
	for (i = 0; i < TOUCHERS; i++)
		failed |= waitpid(pid[i], &status, 0) != pid[i] || status;
	sc_destroy(&seg);
	printf("# %lu splits\n", splits);
	if (!splits)
		printf("ok 1 # SKIP nothing can be split\n");
	else
		printf("%s 1 entries around a fault are in the mapping\n", failed ? "not ok" : "ok");
	return splits && failed;
}
