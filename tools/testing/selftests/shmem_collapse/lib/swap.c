// SPDX-License-Identifier: GPL-2.0
/* Swap: whatever is active, else a zram device. And such devices for I/O. */
#include "sc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <unistd.h>

#define ZRAM_BYTES	(512ull << 20)

struct swap_header {
	char boot_bits[1024];
	uint32_t version;
	uint32_t last_page;
	uint32_t nr_bad;
	unsigned char uuid[16];
	unsigned char label[16];
};

static int write_header(const char *device)
{
	static char page[65536];
	struct swap_header *header = (struct swap_header *)page;
	int fd;
	int err = 0;

	memset(page, 0, sizeof(page));
	header->version = 1;
	header->last_page = ZRAM_BYTES / sc_page() - 1;
	memcpy(page + sc_page() - 10, "SWAPSPACE2", 10);
	fd = open(device, O_WRONLY | O_SYNC | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (pwrite(fd, page, sc_page(), 0) != (ssize_t)sc_page())
		err = errno;
	close(fd);
	return err;
}

int sc_swap_on(const char **reason)
{
	char size[32];
	int err;

	if (sc_meminfo("SwapTotal") > 0)
		return 0;
	if (access("/sys/block/zram0/disksize", W_OK)) {
		*reason = "no swap is active and there is no zram device";
		return ENOENT;
	}
	snprintf(size, sizeof(size), "%llu", ZRAM_BYTES);
	err = sc_write_file("/sys/block/zram0/disksize", size);
	err = err ?: write_header("/dev/zram0");
	if (!err && swapon("/dev/zram0", 0))
		err = errno;
	if (err)
		*reason = "the zram device does not become swap";
	return err;
}

long sc_swap_out(void *addr, size_t len)
{
	long long swapped = -1;
	int tries;

	/* Pages still in a batch of a CPU are passed over; this empties them. */
	for (tries = 0; tries < 20; tries++) {
		if (tries)
			sc_write_file("/proc/sys/vm/drop_caches", "1");
		if (madvise(addr, len, MADV_PAGEOUT))
			return -1;
		swapped = sc_smaps(getpid(), addr, len, "Swap");
		if (swapped < 0 || swapped >= (long long)len)
			break;
		usleep(10000);
	}
	return swapped < 0 ? -1 : swapped / (long)sc_page();
}

int sc_zram_add(void)
{
	int nr = sc_read_number("/sys/class/zram-control/hot_add");
	char path[64];

	if (nr < 0)
		return -1;
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", nr);
	if (!sc_write_file(path, "128M"))
		return nr;
	sc_zram_remove(nr);
	return -1;
}

void sc_zram_remove(int nr)
{
	char path[64], number[16];

	if (nr < 0)
		return;
	snprintf(path, sizeof(path), "/sys/block/zram%d/reset", nr);
	sc_write_file(path, "1");
	snprintf(number, sizeof(number), "%d", nr);
	sc_write_file("/sys/class/zram-control/hot_remove", number);
}
