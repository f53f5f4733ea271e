// SPDX-License-Identifier: GPL-2.0
/* Requests beside I/O: read(2) of the file, and O_DIRECT from and into the memory. */
#include "load.h"

#include <fcntl.h>

#define PAGES	64	/* of one I/O */

/* All over the file. Eight on a real machine, with a file as large, read as often. */
static void read_file(int nr)
{
	size_t page = nr * 17, pages = shared->len / sc_page();
	char *buf = malloc(sc_page());

	while (buf && pread(shared->fd, buf, sc_page(), page * sc_page()) == (ssize_t)sc_page()) {
		page = (page * 5 + 3) % pages;
		turn(nr);
		usleep(500);
	}
	_exit(1);
}

LOAD_TEST(readers)
{
	beside(_metadata, self, LOADERS, read_file, false);
}

/* --- O_DIRECT ---------------------------------------------------------------------------------- */

static int device;		/* a zram of the test's own */

/* Out and back: what is written into the memory is what it held. */
static void write_and_read(int nr)
{
	size_t at = nr * shared->len / LOADERS, len = PAGES * sc_page();
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/dev/zram%d", device);
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	while (fd >= 0 && pwrite(fd, shared->addr + at, len, at) == (ssize_t)len &&
	       pread(fd, shared->addr + at, len, at) == (ssize_t)len) {
		/* So that no two of them follow each other in one extent. */
		at = (at + sc_extent() + len) % shared->len;
		turn(nr);
		usleep(500);
	}
	_exit(1);
}

LOAD_TEST(direct_io)
{
	device = sc_zram_add();
	if (device < 0)
		SKIP(return, "no zram device can be added");
	beside(_metadata, self, LOADERS, write_and_read, false);
	sc_zram_remove(device);
}

TEST_HARNESS_MAIN
