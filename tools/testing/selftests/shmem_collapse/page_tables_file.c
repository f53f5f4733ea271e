// SPDX-License-Identifier: GPL-2.0
/* The file of the view: who may ask what, and which answer belongs to whom. */
#include "fixture.h"
#include "tables.h"

#include <linux/capability.h>
#include <fcntl.h>
#include <sys/mman.h>

SC_TEST(errors)
{
	char longest[5000];
	int fd = sc_tables_open();
	size_t i;
	static const struct {
		const char *request;
		int err;
	} wrong[] = {
		{ "x", EINVAL }, { "kernels", EINVAL }, { "kernel,", EINVAL },
		{ "kernel,1,2,3", EINVAL }, { "kernel,0,4096", EINVAL }, { "0,1", EINVAL },
		{ "/dev/zero", EINVAL }, { "-1", EINVAL }, { "0,2,1", EINVAL },
		{ "4194303", ESRCH },
	};

	ASSERT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		ASSERT_ERRNO(0, sc_tables_ask(fd, "0"));
		EXPECT_NE(0, strlen(sc_tables_answer(fd)));
		EXPECT_EQ(wrong[i].err, sc_tables_ask(fd, wrong[i].request))
			TH_LOG("request \"%s\"", wrong[i].request);
		/* An error leaves no answer behind. */
		EXPECT_STREQ("", sc_tables_answer(fd));
	}
	memset(longest, '1', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	EXPECT_ERRNO(E2BIG, sc_tables_ask(fd, longest));
	close(fd);
}

SC_TEST(an_answer_belongs_to_an_open_file)
{
	int a = sc_tables_open(), b = sc_tables_open();
	char first[64] = "", again[64] = "";

	ASSERT_LE(0, a);
	ASSERT_LE(0, b);
	EXPECT_STREQ("", sc_tables_answer(a));
	ASSERT_ERRNO(0, sc_tables_ask(a, "0"));
	EXPECT_STREQ("", sc_tables_answer(b));
	ASSERT_ERRNO(0, sc_tables_ask(b, "kernel"));
	EXPECT_LT(0, sc_figure_total(sc_tables_answer(a), "mappings"));
	EXPECT_EQ(-1, sc_figure_total(sc_tables_answer(b), "mappings"));
	/* Position by position, as read() does it, and again from the start. */
	ASSERT_EQ(10, read(a, first, 10));
	ASSERT_EQ(10, read(a, first + 10, 10));
	ASSERT_EQ(0, lseek(a, 0, SEEK_SET));
	ASSERT_EQ(20, read(a, again, 20));
	EXPECT_STREQ(first, again);
	close(a);
	close(b);
}

/* Runs as somebody else; @fd is the administrator's. */
static int as_somebody(int fd)
{
	if (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534))
		return 2;
	if (sc_tables_open() >= 0 || errno != EACCES)
		return 3;
	/* A descriptor that was passed on makes no request. */
	return sc_tables_ask(fd, "0") == EPERM ? 0 : 4;
}

SC_TEST(only_the_administrator_asks)
{
	int fd = sc_tables_open();
	pid_t pid;

	ASSERT_LE(0, fd);
	pid = sc_fork();
	if (!pid)
		_exit(as_somebody(fd));
	EXPECT_EQ(0, sc_join(pid));
	/* Nor does one that was opened without the capability. */
	pid = sc_fork();
	if (!pid) {
		int own;

		if (sc_drop_cap(CAP_SYS_ADMIN))
			_exit(2);
		own = sc_tables_open();
		_exit(own < 0 ? 3 : sc_tables_ask(own, "0") == EPERM ? 0 : 4);
	}
	EXPECT_EQ(0, sc_join(pid));
	close(fd);
}

static int kernel_range(int fd)
{
	return sc_tables_ask(fd, "kernel,0xffffffffc0000000,0xffffffffc0200000");
}

/* Addresses are for those who may see them in /proc/kallsyms. */
SC_TEST(addresses_of_the_kernel)
{
	int fd = sc_tables_open();
	bool wide = sizeof(long) == 8;
	pid_t pid;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, sc_switch("/proc/sys/kernel/kptr_restrict", "0"));
	ASSERT_ERRNO(0, sc_tables_ask(fd, "kernel"));
	EXPECT_NE(NULL, strstr(sc_tables_answer(fd), "vmalloc "));
	EXPECT_NE(NULL, strchr(strstr(sc_tables_answer(fd), "vmalloc "), '-'));
	if (wide)
		EXPECT_ERRNO(0, kernel_range(fd));
	ASSERT_EQ(0, sc_switch("/proc/sys/kernel/kptr_restrict", "2"));
	ASSERT_ERRNO(0, sc_tables_ask(fd, "kernel"));
	EXPECT_EQ(NULL, strchr(sc_tables_answer(fd), '-'));
	if (wide)
		EXPECT_ERRNO(EPERM, kernel_range(fd));
	EXPECT_STREQ("", sc_tables_answer(fd));

	ASSERT_EQ(0, sc_switch("/proc/sys/kernel/kptr_restrict", "1"));
	ASSERT_ERRNO(0, sc_tables_ask(fd, "kernel"));
	EXPECT_NE(NULL, strchr(sc_tables_answer(fd), '-'));
	pid = sc_fork();
	if (!pid) {
		if (sc_drop_cap(CAP_SYSLOG))
			_exit(2);
		if (sc_tables_ask(fd, "kernel") || strchr(sc_tables_answer(fd), '-'))
			_exit(3);
		_exit(wide && kernel_range(fd) != EPERM ? 4 : 0);
	}
	EXPECT_EQ(0, sc_join(pid));
	close(fd);
}

/* Kilobytes that the direct map has by pages of one size. */
static long long mapped(const char *answer, size_t kb)
{
	char name[32];

	snprintf(name, sizeof(name), "%zukB_pages", kb);
	return kb * sc_figure(answer, "direct_map", name);
}

/*
 * The direct map of all memory, with nothing counted twice or left out: small and PMD-sized pages
 * come to the sum that the kernel has of the two. (Each may differ, by pages of the kernel's image
 * that were split at its other address; and the kernel goes on counting 1 GB pages that it split
 * while it booted.)
 */
SC_TEST(direct_map_is_that_of_meminfo)
{
	long long small = sc_meminfo("DirectMap4k");
	long long medium = sc_meminfo("DirectMap2M");
	long long large = sc_meminfo("DirectMap1G");
	const char *answer;
	int fd;

	if (small < 0 || medium < 0)
		SKIP(return, "/proc/meminfo does not have the direct map");
	small /= 1024;
	medium /= 1024;
	large = large < 0 ? 0 : large / 1024;
	fd = sc_tables_open();
	ASSERT_LE(0, fd);
	ASSERT_ERRNO(0, sc_tables_ask(fd, "kernel"));
	answer = sc_tables_answer(fd);
	TH_LOG("4 kB: %lld of %lld kB, 2 MB: %lld of %lld kB, 1 GB: %lld of %lld kB",
	       mapped(answer, 4), small, mapped(answer, 2048), medium, mapped(answer, 1 << 20),
	       large);
	EXPECT_EQ(small + medium, mapped(answer, 4) + mapped(answer, 2048));
	EXPECT_LE(mapped(answer, 4), small);
	EXPECT_LE(mapped(answer, 1 << 20), large);
	close(fd);
}

TEST_HARNESS_MAIN
