// SPDX-License-Identifier: GPL-2.0
/*
 * The demonstration: a memfd of 16 extents that 8 processes map becomes huge in all of them. Shows
 * the memory before and after, and compares with the kernel's own madvise(MADV_COLLAPSE) on a
 * memfd and processes of the same kind, rounds alternating.
 */
#include "sc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXTENTS		16
#define PROCESSES	8
#define MAX_ROUNDS	7

enum engine { KERNEL, OURS, ENGINES };
enum mode { ONE_CALL, PER_EXTENT, MODES };

static const char * const engine_name[ENGINES] = { "madvise(MADV_COLLAPSE)", "shmem_collapse" };

struct arena {
	struct sc_segment seg;
	struct sc_mapper m[PROCESSES];
	uint64_t seed;
};

#define REASONS		8

/* Why extents were left small, and how many, or how many calls said so. */
struct reason {
	char name[48];
	long count;
};

struct result {
	struct reason why[REASONS];
	uint64_t ns[MODES][MAX_ROUNDS];
	uint64_t copy_ns[MAX_ROUNDS];	/* of ns[ONE_CALL], where it is known */
	long faults;		/* of the other processes on their next touch, all rounds */
	long failed;		/* extents left small, all rounds */
};

/* How often both are measured. An emulator takes minutes to fill and read larger extents. */
static int rounds(void)
{
	return sc_brief() || sc_extent() > 2 << 20 ? 1 : MAX_ROUNDS;
}

static void die(const char *what, int err)
{
	printf("demo: %s: %s\n", what, strerror(err));
	exit(1);
}

/* Number of processes in which every byte is as it was written. */
static int intact(struct arena *a)
{
	int n = 0, i;

	for (i = 0; i < PROCESSES; i++)
		n += !sc_call(&a->m[i], sc_op_verify, a->seed, 0, 0, 0);
	return n;
}

/* Small pages, new content, mapped and read by every process. */
static void remake(struct arena *a, uint64_t seed)
{
	int i;

	if (fallocate(a->seg.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, a->seg.len))
		die("punching the memfd", errno);
	a->seed = seed;
	if (sc_call(&a->m[0], sc_op_fill, seed, 0, 0, 0))
		die("filling the memfd", EIO);
	/* Twice: afterwards also the code that counts faults has had its own. */
	for (i = 0; i < 2 * PROCESSES; i++)
		sc_call(&a->m[i % PROCESSES], sc_op_touch, 0, 0, 0, 0);
	if (intact(a) != PROCESSES)
		die("reading the memfd", EIO);
}

static void make_arena(struct arena *a)
{
	int err = sc_create(&a->seg, SC_MEMFD, EXTENTS);

	err = err ?: sc_spawn_n(a->m, PROCESSES, &a->seg, SC_UNRELATED);
	if (err)
		die("setting up a memfd and its processes", err);
}

/* Extents that are huge in every process. */
static int huge_everywhere(struct arena *a)
{
	int huge = 0, extent, i;

	for (extent = 0; extent < EXTENTS; extent++) {
		for (i = 0; i < PROCESSES; i++)
			if (sc_huge_mapped(a->m[i].pid, a->m[i].addr + extent * sc_extent(),
					   sc_extent()) != 1)
				break;
		huge += i == PROCESSES;
	}
	return huge;
}

static const char *cell(struct sc_mapper *m, int extent)
{
	const char *at = m->addr + extent * sc_extent();
	long present = sc_present(m->pid, at, sc_extent());

	if (sc_huge_mapped(m->pid, at, sc_extent()) == 1)
		return "█";
	if (!present)
		return " ";
	return present < (long)sc_nr() ? "▒" : "·";
}

static void picture(struct arena *a, const char *title)
{
	int i, extent;

	printf("\n%s\n", title);
	for (i = 0; i < PROCESSES; i++) {
		printf("  process %-5d |", a->m[i].pid);
		for (extent = 0; extent < EXTENTS; extent++)
			printf("%s", cell(&a->m[i], extent));
		printf("|  huge %5lld kB\n",
		       sc_smaps(a->m[i].pid, a->m[i].addr, a->seg.len, "ShmemPmdMapped") / 1024);
	}
}

/*
 * Bytes of all page tables of the machine. Those that were given back are freed after a grace
 * period: waits until there are no fewer any more.
 */
static long long page_tables(void)
{
	long long last, now = sc_meminfo("PageTables");

	do {
		last = now;
		usleep(100 * 1000);
		now = sc_meminfo("PageTables");
	} while (now < last);
	return now;
}

static void note_reason(struct result *r, const char *name, long count)
{
	int i;

	for (i = 0; i < REASONS - 1 && r->why[i].count; i++)
		if (!strcmp(r->why[i].name, name))
			break;
	/* The last one takes what finds no other place. */
	if (!r->why[i].count)
		snprintf(r->why[i].name, sizeof(r->why[i].name), "%s", name);
	r->why[i].count += count;
}

/* What a process was told by madvise() since it was asked last. */
static int told;

/* length, call after call -> ns; run by a process on its own mapping */
static long op_madvise(struct sc_child *child, const long *arg)
{
	uint64_t begin = sc_now_ns();
	size_t at;

	for (at = 0; at < child->len; at += arg[0])
		if (madvise(child->addr + at, arg[0], MADV_COLLAPSE))
			told = errno;
	return sc_now_ns() - begin;
}

/* -> the last errno of it, 0 if there was none */
static long op_told(struct sc_child *child, const long *arg)
{
	int err = told;

	told = 0;
	return err;
}

/* What there is to say about @small extents: outcomes, or the last error of the kernel. */
static void explain(struct arena *a, enum engine who, struct result *r, int small,
		    const struct sc_stats *before)
{
	struct sc_stats now;
	int i, err = 0;

	if (who == KERNEL) {
		err = sc_call(&a->m[0], op_told, 0, 0, 0, 0);
	} else if (!sc_stats(&now)) {
		for (i = 0; i < now.count; i++) {
			long grown = now.stat[i].value - sc_stat(before, now.stat[i].name);

			if (strncmp(now.stat[i].name, "failed_", 7) || grown <= 0)
				continue;
			note_reason(r, now.stat[i].name + 7, grown);
			small -= grown;
		}
	}
	if (small > 0)
		note_reason(r, err ? strerror(err) : "huge, but not mapped so everywhere", small);
}

static uint64_t collapse(struct arena *a, enum engine who, size_t step)
{
	struct sc_mapper *m = &a->m[0];
	uint64_t begin;
	size_t at;

	if (who == KERNEL)
		return sc_call(m, op_madvise, step, 0, 0, 0);
	begin = sc_now_ns();
	for (at = 0; at < a->seg.len; at += step)
		sc_collapse(m->pid, m->addr + at, step);
	return sc_now_ns() - begin;
}

static void measure(struct arena *a, enum engine who, struct result *r, int round)
{
	struct sc_stats before;
	long long copied;
	int mode, i, small;

	for (mode = 0; mode < MODES; mode++) {
		remake(a, round * MODES + mode + 1);
		if (sc_stats(&before))
			die("reading the statistics", EIO);
		copied = sc_read_number(SC_DIR "/stats/copy_ns");
		r->ns[mode][round] = collapse(a, who, mode == ONE_CALL ? a->seg.len : sc_extent());
		if (mode == ONE_CALL)
			r->copy_ns[round] = sc_read_number(SC_DIR "/stats/copy_ns") - copied;
		for (i = 1; i < PROCESSES; i++)
			r->faults += sc_call(&a->m[i], sc_op_touch, 0, 0, 0, 0);
		small = EXTENTS - huge_everywhere(a);
		r->failed += small;
		explain(a, who, r, small, &before);
		if (intact(a) != PROCESSES) {
			printf("demo: %s damaged the data\n", engine_name[who]);
			exit(1);
		}
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double median_ms(uint64_t *ns)
{
	qsort(ns, rounds(), sizeof(*ns), compare);
	return ns[rounds() / 2] / 1e6;
}

static void print_reasons(const struct result *r)
{
	int i;

	printf("  %-24sleft %ld of %d extents small:", "", r->failed, rounds() * MODES * EXTENTS);
	for (i = 0; i < REASONS && r->why[i].count; i++)
		printf("%s %s %ld", i ? "," : "", r->why[i].name, r->why[i].count);
	printf("\n");
}

int main(void)
{
	static struct arena arena[ENGINES];
	static struct result result[ENGINES];
	double ms[ENGINES][MODES], ratio;
	struct sc_stats before;
	long long tables[2];
	bool data_intact;
	int engine, mode, round, huge, ok;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!sc_loaded())
		die("module shmem_collapse is not loaded", ENOENT);
	ok = sc_defaults();
	if (ok)
		die("setting the knobs", ok);
	for (engine = 0; engine < ENGINES; engine++)
		make_arena(&arena[engine]);

	printf("A memfd of %d extents of %zu kB, filled, and mapped by %d processes.\n", EXTENTS,
	       sc_extent() / 1024, PROCESSES);
	printf("One cell is one extent: · small pages, ▒ partly mapped, █ huge.\n");
	remake(&arena[OURS], 0);
	picture(&arena[OURS], "Before:");
	tables[0] = page_tables();
	if (sc_stats(&before))
		die("reading the statistics", EIO);
	ok = sc_collapse(arena[OURS].m[0].pid, arena[OURS].m[0].addr, arena[OURS].seg.len);
	if (ok) {
		printf("\nThe request failed: %s\n", strerror(ok));
		sc_print_outcomes(&before);
	}
	picture(&arena[OURS], "After \"PID,START,END\" was written for one of them:");
	tables[1] = page_tables();
	printf("\nPageTables of the machine: %lld kB before, %lld kB after.\n", tables[0] / 1024,
	       tables[1] / 1024);
	printf("Content as written in %d of %d processes.\n", intact(&arena[OURS]), PROCESSES);

	for (round = 0; round < rounds(); round++)
		for (engine = 0; engine < ENGINES; engine++)
			measure(&arena[engine], engine, &result[engine], round);

	printf("\n%d round%s, alternating, medians:\n", rounds(), rounds() > 1 ? "s" : "");
	printf("  %-24s%16s%18s%22s\n", "", "one call", "call per extent", "faults of the others");
	for (engine = 0; engine < ENGINES; engine++) {
		for (mode = 0; mode < MODES; mode++)
			ms[engine][mode] = median_ms(result[engine].ns[mode]);
		printf("  %-24s%13.1f ms%15.1f ms%22ld\n", engine_name[engine],
		       ms[engine][ONE_CALL], ms[engine][PER_EXTENT],
		       result[engine].faults / (rounds() * MODES));
		if (result[engine].failed)
			print_reasons(&result[engine]);
	}
	printf("  %-24s%13.1f ms\n", "  of which the copy", median_ms(result[OURS].copy_ns));
	ratio = ms[KERNEL][ONE_CALL] / ms[OURS][ONE_CALL];
	printf("  %-24s%15.1fx%17.1fx\n", "ratio", ratio,
	       ms[KERNEL][PER_EXTENT] / ms[OURS][PER_EXTENT]);

	/* The last word is about the state that is there now. */
	huge = huge_everywhere(&arena[OURS]);
	data_intact = intact(&arena[OURS]) == PROCESSES;
	for (engine = 0; engine < ENGINES; engine++)
		sc_kill(arena[engine].m, PROCESSES);
	printf("\ndemo: %d/%d extents huge in %d processes, data %s, %.1f x MADV_COLLAPSE\n", huge,
	       EXTENTS, PROCESSES, data_intact ? "intact" : "damaged", ratio);
	return huge == EXTENTS && data_intact && !result[OURS].failed ? 0 : 1;
}
