/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The benchmark: madvise(MADV_COLLAPSE) and shmem_collapse by turns on the same memory, mapped by
 * the same processes. Each group of measurements is a file; what they share is in arena.c
 * (memory, processes, requests), result.c (medians, output) and trace.c (events of the kernel).
 */
#ifndef BENCH_H
#define BENCH_H

#include "sc.h"

#define MAX_MAPPERS	1024
#define MAX_SAMPLES	(1 << 18)

enum engine { KERNEL, OURS, ENGINES };
extern const char * const engine_name[ENGINES];

/* --- result.c ------------------------------------------------------------------------------- */

struct samples {
	int count;
	double value[MAX_SAMPLES];
};

/* NAN stands for one that could not be taken: in ratios places matter. */
void sample(struct samples *s, double value);
/* The value below which @share of the samples are: 0.5 is the median. NAN if there is none. */
double quantile(const struct samples *s, double share);
double sum(const struct samples *s);

/* Where the clock counts instructions (-i), every time is given in those. */
void count_instructions(void);
bool counts_instructions(void);

/* One line of the table; nothing if @value is NAN. */
void result(enum engine who, int mappers, const char *metric, const char *unit, double value,
	    int rounds);
/* The median of nanoseconds, as METRIC_time or METRIC_instructions. */
void result_time(enum engine who, int mappers, const char *metric, const struct samples *ns);
/*
 * The median of what each sample of @over is, divided by that of @under in the same place, as
 * METRIC_ratio of ours.
 */
void result_ratio(int mappers, const char *metric, const struct samples *over,
		  const struct samples *under);
void __printf(1, 2) say(const char *format, ...);
void __printf(2, 3) __noreturn fail(int err, const char *format, ...);

/* --- arena.c -------------------------------------------------------------------------------- */

/*
 * A memfd and the processes that map it. The first of them makes all requests. Each engine has a
 * share of its own, of @extents, so that memory can be filled for both and their calls follow each
 * other. What is done at a time is done to a piece of that: @nr extents from @at on.
 */
struct arena {
	struct sc_segment seg;
	struct sc_mapper m[MAX_MAPPERS];
	int mappers;
	int extents, shares;
	int at, nr;
	int huge;		/* extents mapped huge when that was last counted */
	uint64_t seed;
};

/* How long memory is left alone before a request: FRESH pages may sit in batches of a CPU. */
enum rest { FRESH, RESTED };

/* Which engines this kernel has. */
bool have(enum engine who);
/* One for each of them. */
int shares(void);
void setup(void);
struct arena *arena_make(int mappers, int extents, int shares);
void arena_drop(struct arena *a);
/* Small pages with new content, every page of every process mapped. */
void arena_fill(struct arena *a, enum rest rest);
/* The same with only the first @pages of each extent there. */
void arena_fill_part(struct arena *a, size_t pages);
/* One of @pieces of a share. */
void arena_choose(struct arena *a, int share, int piece, int pieces);
/* Fails unless all content is as it was written. */
void arena_check(struct arena *a);
/*
 * Extents of the piece that the process that makes the requests does not map huge. Of the pieces of
 * a filling either each is asked for, after its request, or none.
 */
int arena_small(struct arena *a);
/* Minor faults of a process that reads every page of the piece. */
long arena_touch(struct arena *a, int mapper);

/* Nanoseconds that one request for the piece took @who. */
uint64_t collapse(struct arena *a, enum engine who);
/* Chooses all of a share, and collapses it once: a round that is not measured. */
void arena_warm_up(struct arena *a);
/* For use in a process of the arena. */
long op_collapse(struct sc_child *child, const long *arg);	/* engine, at, nr -> ns */
/* Keeps the calling thread on a CPU, if there is that one; ANY_CPU lets it go. */
#define ANY_CPU		(-1)
void stay_on(int cpu);

/*
 * Calls @round for each of @pieces and each engine, @rounds times, and once before, in vain. Who is
 * first changes, and so does who has which share. Memory is filled once for a round of both;
 * where it has to be FRESH, for each of them, since the first to collapse empties the batches.
 */
typedef void (*round_fn)(struct arena *a, enum engine who, bool counts, void *data);
void alternate(struct arena *a, enum rest manner, int pieces, int rounds, round_fn round, void *data);

/* --- trace.c -------------------------------------------------------------------------------- */

struct trace_line {
	const char *event, *text;
	pid_t pid;
	double us;
};

typedef void (*trace_fn)(const struct trace_line *line, void *data);

void trace_open(void);
void trace_close(void);
/* Defines a dynamic event; false if this kernel cannot. */
bool trace_probe(const char *definition);
void trace_enable(const char *event, const char *filter);
void trace_disable(const char *event);
/* collapse() during which events are recorded. */
uint64_t trace_collapse(struct arena *a, enum engine who);
void trace_read(trace_fn each, void *data);
/* "name=" of a line as a number, 0 if it is not there. */
unsigned long long trace_field(const struct trace_line *line, const char *name);

/* --- the groups ----------------------------------------------------------------------------- */

struct plan {
	int rounds;
	int extents;
	const int *mappers;	/* ends with 0 */
};

/* For the tail of a distribution, and for what needs both CPUs of the host. */
static inline int twice_the_rounds(const struct plan *plan)
{
	return 2 * plan->rounds;
}

/* For what is counted, or has many samples in a round. */
static inline int half_the_rounds(const struct plan *plan)
{
	return (plan->rounds + 1) / 2;
}

/* A round with many mappers takes long, and its ratios are far from their bars. */
static inline int rounds_with(const struct plan *plan, int mappers)
{
	return mappers > 8 ? half_the_rounds(plan) : plan->rounds;
}

/* For what is not judged, or the same each time. */
static inline int few_rounds(const struct plan *plan)
{
	return (plan->rounds + 5) / 6;
}

void bench_times(const struct plan *plan);
void bench_access(const struct plan *plan);
void bench_elsewhere(const struct plan *plan);
void bench_busy(const struct plan *plan);
void bench_events(const struct plan *plan);
void bench_memory(const struct plan *plan);
void bench_hopeless(const struct plan *plan);
void bench_steps(const struct plan *plan);
void bench_kept(const struct plan *plan);
void bench_functions(const struct plan *plan);
void bench_workers(const struct plan *plan);

#endif /* BENCH_H */
