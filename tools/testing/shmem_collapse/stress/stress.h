/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything at once, bounded in time. A supervisor (main.c) keeps a fixed number of processes
 * alive. Each draws one operation after the other (op.c) from a generator of its own; what it draws
 * depends on the seed, its number and its step alone.
 *
 * Every page of every file has a state that all processes share (page.c): what it holds, in which
 * version, and who changes it at the moment. Who reads a page looks at the state before and after,
 * and if it is the same, knows every byte.
 */
#ifndef STRESS_H
#define STRESS_H

#include "random.h"
#include "sc.h"

#include <setjmp.h>
#include <signal.h>

#define USERS		27	/* map, read, write, change files, pin, fork... */
#define COLLAPSERS	3	/* make huge and split again */
#define MANAGERS	2	/* reclaim, migration, compaction, limits */
#define WORKERS		(USERS + COLLAPSERS + MANAGERS)

#define EXTENTS		3	/* per file */
#define VIEWS		4	/* mappings of files per user */
#define MAX_OPS		64

enum role { USER, COLLAPSER, MANAGER, ROLES };

/* --- files ---------------------------------------------------------------------------------- */

enum file_id { TMPFS, MEMFD, SYSV, ANON, SMALL_FS, LIMITED, FILES };

struct file {
	enum file_id id;
	struct sc_segment seg;
	int fd;			/* -1: only mapped */
	char path[128];		/* as a request names it */
	bool may_lack_room;
};

extern struct file files[FILES];

int files_create(void);		/* 0 or the errno; says what failed */
void files_destroy(void);
size_t file_pages(void);	/* of each file */
/* The file system of SMALL_FS, in pages: what it may use, and what it does. */
int small_fs_resize(size_t pages);
size_t small_fs_used(void);
#define SMALL_FS_SIZE	(file_pages() * 4 / 5)

/* --- control groups ------------------------------------------------------------------------- */

/* "" where the kernel has none. */
extern char group_root[64], group_free[96], group_limited[96];

int groups_create(void);
void groups_destroy(void);
int group_write(const char *group, const char *file, const char *text);
long long group_read(const char *group, const char *file);
bool is_limited(int worker);

/* --- states of pages ------------------------------------------------------------------------ */

enum content { ZERO, DATA, UNKNOWN };

struct page {
	uint64_t state;
	/* Odd while the file is truncated below this page: private copies go then. */
	uint64_t truncations;
	/* Who changed it last, for complaints. */
	uint64_t step;
	int worker, op;
};

extern struct page *pages;

/* A word that changes with every change of the page. */
uint64_t page_state(const struct file *f, size_t index);
bool state_is_settled(uint64_t state);
enum content state_content(uint64_t state);
uint64_t page_truncations(const struct file *f, size_t index);
/* Tries to become the one who changes the page. */
bool page_lock(struct file *f, size_t index);
/* The same for up to @n pages, stops at the first that is taken: returns how many. */
size_t page_lock_range(struct file *f, size_t index, size_t n);
/* What a DATA page holds after the unlock. */
void page_next(const struct file *f, size_t index, void *buf);
void page_unlock(struct file *f, size_t index, enum content content);
void page_unlock_range(struct file *f, size_t index, size_t n, enum content content);
/* After nothing was changed. Does nothing to a page of somebody else. */
void page_give_back(struct file *f, size_t index);
void page_note_truncation(struct file *f, size_t index, size_t n);
bool page_is_owned(const struct file *f, size_t index, int worker);
/* Pages that a killed worker was changing. */
void pages_abandoned_by(int worker);

/* Fills a page that belongs to nobody else: a private copy, a transient file. */
void pattern(void *buf, uint64_t tag, size_t index, uint64_t version);

enum verdict { RIGHT, UNCLEAR, WRONG };

/*
 * @buf was read when the state was @before; compares unless it has changed since. @how says in a
 * complaint which way it was read.
 */
enum verdict page_judge(const struct file *f, size_t index, uint64_t before, const void *buf,
			const char *how);
/* @buf must hold what page_next() says. */
enum verdict page_judge_next(const struct file *f, size_t index, const void *buf, const char *how);
/* @buf must be pattern(@tag, @index, @version). */
enum verdict pattern_judge(const void *buf, uint64_t tag, size_t index, uint64_t version,
			   const char *how);

/* --- memory that may not be there ----------------------------------------------------------- */

void trap_init(void);
/* Copies; 0 or the signal it got. */
int copy_trapped(void *to, const void *from, size_t len);

/* --- mappings of a user --------------------------------------------------------------------- */

struct view {
	char *addr;
	struct file *file;
	size_t first, pages;	/* of the file */
	bool private, writable;
};

extern struct view views[VIEWS];

int view_map(int v, struct rng *r);	/* anew, in a shape drawn from @r */
void view_unmap(int v);
/* A random view that is mapped, or NULL; shared and writable if asked for. */
struct view *view_any(struct rng *r, bool shared_writable);
char *view_page(const struct view *v, size_t at);
/* Around whatever makes the addresses mean something else for a moment. */
void view_change_begin(const struct view *v);
void view_change_end(const struct view *v);
/* Checks page @at through the mapping. */
enum verdict view_check(const struct view *v, size_t at);
/* Some pages of the view, drawn from @r. */
void view_check_some(const struct view *v, struct rng *r, size_t n);
/* Lets others work on what an operation has prepared, and checks now and then. */
void dwell(const struct view *v, struct rng *r);

/* What a private view has that the file has not. */
void private_note(const struct view *v, size_t at, uint64_t version, uint64_t truncations);
void private_forget(const struct view *v, size_t at, size_t n);
bool private_write(const struct view *v, size_t at, uint64_t version, bool by_debugger);
uint64_t private_tag(uint64_t version);

/* --- operations ----------------------------------------------------------------------------- */

struct op {
	const char *name;
	/* False: nothing to do it with at this moment. */
	bool (*run)(struct rng *r);
	int weight[ROLES];
};

extern const struct op ops[];
extern const int nr_ops;

bool op_check(struct rng *r), op_check_file(struct rng *r), op_check_other(struct rng *r),
	op_check_splice(struct rng *r), op_write(struct rng *r), op_write_file(struct rng *r);
bool op_punch(struct rng *r), op_truncate(struct rng *r), op_fallocate(struct rng *r),
	op_sealed(struct rng *r), op_unlinked(struct rng *r);
bool op_map(struct rng *r), op_move(struct rng *r), op_resize(struct rng *r),
	op_pierce(struct rng *r), op_protect(struct rng *r), op_lock(struct rng *r),
	op_private_write(struct rng *r), op_ptraced_write(struct rng *r);
bool op_advise(struct rng *r), op_drop(struct rng *r), op_guard(struct rng *r),
	op_mergeable(struct rng *r), op_kernel_collapse(struct rng *r), op_pagemap(struct rng *r);
bool op_fork(struct rng *r), op_exec(struct rng *r), op_exit(struct rng *r);
bool op_vmsplice(struct rng *r), op_direct_io(struct rng *r), op_io_uring(struct rng *r),
	op_longterm_pin(struct rng *r);
bool op_uffd_missing(struct rng *r), op_uffd_wp(struct rng *r), op_uffd_minor(struct rng *r),
	op_uffd_rwp(struct rng *r), op_uffd_copy(struct rng *r), op_uffd_poison(struct rng *r);
bool op_reclaim(struct rng *r), op_compact(struct rng *r), op_drop_caches(struct rng *r),
	op_migrate(struct rng *r), op_move_pages(struct rng *r), op_limit(struct rng *r),
	op_remount(struct rng *r), op_merging(struct rng *r), op_shmem_policy(struct rng *r),
	op_swapoff(struct rng *r), op_watch(struct rng *r), op_clear_refs(struct rng *r),
	op_advise_other(struct rng *r);
bool op_collapse_file(struct rng *r), op_collapse_extent(struct rng *r),
	op_collapse_range(struct rng *r), op_collapse_process(struct rng *r),
	op_collapse_split(struct rng *r), op_split(struct rng *r), op_knobs(struct rng *r),
	op_reap(struct rng *r), op_tables(struct rng *r);

/* --- what all processes share --------------------------------------------------------------- */

struct window {			/* a view as others see it */
	uint64_t seq;		/* odd: being changed */
	uint64_t addr, first, pages;
	int file;
	bool private;
};

/* What is judged at the end. */
enum test {
	CONTENT, WORKERS_LIVED, WORKERS_ENDED, ANSWERS, FINAL_CONTENT, FINAL_COLLAPSE, STATISTICS,
	ENOUGH, GROUPS_EMPTY, BALANCED, TESTS
};

struct world {
	uint64_t seed;
	bool passed[TESTS];
	double seconds;
	uint64_t least;		/* extents that must be collapsed */
	pid_t supervisor;
	unsigned int background;	/* what the supervisor does besides */
	uint64_t background_done;
	const char *requests;	/* the only kind that collapsers make, or NULL */
	bool stop;
	int zram;		/* device for direct I/O, -1: none */
	uint64_t pages_checked, pages_unclear, pages_written;
	uint64_t wrong;		/* wrong bytes, lost events, faults without a cause */
	uint64_t answers[256], bad_answers;
	struct {
		uint64_t tried, done;
	} op[MAX_OPS];
	struct {
		uint64_t step;
		int op;
		pid_t pid;
		struct window window[VIEWS];
	} worker[WORKERS + 1];	/* the supervisor has a place as well */
};

extern struct world *world;
extern int me;			/* number of the worker */

uint64_t count(uint64_t *counter, uint64_t by);
/* A mistake of the kernel: counted, and the first few are printed. */
void __printf(1, 2) complain(const char *format, ...);
enum role role_of(int worker);
/* The only kind of requests that are made from now on; false if there is no such one. */
bool requests_choose(const char *kind);
/* Does operations until it is told to stop. */
void worker_run(int number);
/* Notes an operation of a user, and now and then compares RSS and page tables. */
void rss_check(int op, uint64_t step);
/* Exit status of a worker that wants to be started anew. */
#define REBORN 77

/* A random user that lives, or -1. */
int any_user(struct rng *r);
/* A view of another process; false if it is being changed. */
bool window_open(int worker, int v, struct window *w, pid_t *pid);
bool window_is_same(int worker, int v, const struct window *w, pid_t pid);
/* process_madvise() of such a view; false if nothing was advised. */
bool advise_other(struct rng *r, int advice);

/* --- requests ------------------------------------------------------------------------------- */

/* Carries it out and checks that the answer is one of those the documentation knows. */
int __printf(1, 2) ask(const char *format, ...);
int split_file(const struct file *f, size_t extent, int order);

/* --- the end -------------------------------------------------------------------------------- */

/* What must be as before when all is over. */
struct balance {
	long long value[16];
};

void balance_take(struct balance *b);
/* Waits for deferred work; prints what differs in the end. */
bool balance_is(const struct balance *before);

/* By name; false if there is no such one. */
bool background_choose(const char *name);
/* Files of the module may be gone at any time. */
bool background_reloads(void);
void background_step(struct rng *r);
void background_end(void);

/* What a module has counted that is removed, and the beginning of the next one's count. */
void figures_module_goes(void);
void figures_module_came(void);
void figures_begin(void);
void figures_minute(int minute);
void figures_end(void);
unsigned long long figures_collapsed(void);
bool figures_add_up(void);

/* The process that starts the workers and judges at the end; does not return. */
void supervise(void);

#endif /* STRESS_H */
