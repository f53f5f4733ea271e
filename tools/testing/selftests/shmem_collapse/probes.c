// SPDX-License-Identifier: GPL-2.0
/* Debuggers and uprobes put private copies into mappings of a file. */
#include "fixture.h"

#include <signal.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static long op_map_private(struct sc_child *child, const long *arg)
{
	child->addr = sc_map(arg[0], child->len, PROT_READ, MAP_PRIVATE, 0);
	return (long)child->addr;
}

/* A debugger's write makes a private copy in a mapping that is read-only. */
SC_TEST(H17_copy_made_by_a_debugger)
{
	struct sc_mapper m;
	int status;

	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_MEMFD, 1, SC_SEED));
	ASSERT_EQ(0, sc_spawn(&m, &self->seg, SC_FORKED));
	m.addr = (char *)sc_call(&m, op_map_private, self->seg.fd, 0, 0, 0);
	ASSERT_NE(MAP_FAILED, m.addr);
	ASSERT_EQ(0, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));

	ASSERT_EQ(0, ptrace(PTRACE_ATTACH, m.pid, 0, 0));
	ASSERT_EQ(m.pid, waitpid(m.pid, &status, 0));
	ASSERT_EQ(0, ptrace(PTRACE_POKEDATA, m.pid, m.addr, 4711));
	ASSERT_EQ(0, ptrace(PTRACE_DETACH, m.pid, 0, 0));

	ASSERT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	EXPECT_EQ(4711, sc_call(&m, sc_op_peek, 0, 0, 0, 0));
	/* That page is the only one that differs from the file. */
	EXPECT_EQ(1, sc_call(&m, sc_op_verify, SC_SEED, 0, 0, 0));
	EXPECT_EQ(0, sc_verify(self->seg.addr, self->seg.len, SC_SEED, 0));
	EXPECT_EQ(0, sc_huge_mapped(m.pid, m.addr, self->seg.len));
	sc_kill(&m, 1);
}

/* A function that returns at once, and does nothing else. */
#if defined(__x86_64__)
static const unsigned char just_return[] = { 0x90, 0xc3 };
#elif defined(__aarch64__)
static const unsigned char just_return[] = { 0x1f, 0x20, 0x03, 0xd5, 0xc0, 0x03, 0x5f, 0xd6 };
#elif defined(__riscv)
static const unsigned char just_return[] = { 0x13, 0x00, 0x00, 0x00, 0x67, 0x80, 0x00, 0x00 };
#else
static const unsigned char just_return[] = {};
#endif

#define TRACING		"/sys/kernel/tracing"
#define PROBE		TRACING "/events/shmem_collapse_test/probe"

/* Hits of the probe so far. */
static long probe_hits(const char *path)
{
	char line[512], name[256];
	unsigned long hits = 0;
	FILE *f = fopen(TRACING "/uprobe_profile", "re");

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%255s probe %lu", name, &hits) == 2 && !strcmp(name, path))
			break;
	fclose(f);
	return hits;
}

static int probe_define(const char *path, size_t offset)
{
	char text[300];

	if (access(TRACING "/uprobe_events", F_OK))
		mount("tracefs", TRACING, "tracefs", 0, NULL);
	snprintf(text, sizeof(text), "p:shmem_collapse_test/probe %s:0x%zx", path, offset);
	return sc_write_file(TRACING "/uprobe_events", text);
}

/* The breakpoint is in a copy of its own, and must be hit before and after the collapse. */
SC_TEST(H17_uprobe_in_a_program)
{
	size_t at = 3 * sc_page();
	void (*function)(void);
	char *text;

	if (!sizeof(just_return))
		SKIP(return, "no machine code for this architecture");
	ASSERT_EQ(0, sc_create_filled(&self->seg, SC_TMPFS, 1, SC_SEED));
	memcpy(self->seg.addr + at, just_return, sizeof(just_return));
	if (probe_define(self->seg.path, at))
		SKIP(return, "the kernel has no uprobe events");
	text = sc_map(self->seg.fd, self->seg.len, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
	ASSERT_NE(MAP_FAILED, text);
	function = (void (*)(void))(text + at);
	sc_touch(text, self->seg.len);
	EXPECT_EQ(0, sc_write_file(PROBE "/enable", "1"));
	function();
	EXPECT_EQ(1, probe_hits(self->seg.path));

	EXPECT_ERRNO(0, sc_collapse(getpid(), self->seg.addr, self->seg.len));
	function();
	EXPECT_EQ(2, probe_hits(self->seg.path));
	EXPECT_EQ(0, sc_verify(text, at, SC_SEED, 0));
	/* The file has the instruction, not the breakpoint. */
	EXPECT_EQ(0, memcmp(self->seg.addr + at, just_return, sizeof(just_return)));

	EXPECT_EQ(0, sc_write_file(PROBE "/enable", "0"));
	function();
	EXPECT_EQ(0, memcmp(text + at, just_return, sizeof(just_return)));
	munmap(text, self->seg.len);
	EXPECT_EQ(0, sc_write_file(TRACING "/uprobe_events", "-:shmem_collapse_test/probe"));
}

TEST_HARNESS_MAIN
