/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the shmem_collapse tests share: requests and statistics (sysfs.c), shared segments with a
 * known content (segment.c), processes that map them (mapper.c), what the kernel reports about
 * memory (report.c), accounting snapshots (account.c), mmap_lock events (events.c), swap (swap.c),
 * faults and delays (fault.c), windows (window.c).
 */
#ifndef SC_H
#define SC_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kselftest.h"

#define SC_DIR		"/sys/kernel/mm/shmem_collapse"
#define SC_THP		"/sys/kernel/mm/transparent_hugepage"

/* --- geometry ------------------------------------------------------------------------------- */

size_t sc_page(void);		/* bytes of a small page */
size_t sc_extent(void);		/* bytes of an extent: one PMD */
size_t sc_nr(void);		/* small pages per extent */

/* --- small files ---------------------------------------------------------------------------- */

/* Both return 0 or the errno. */
int sc_read_file(const char *path, char *buf, size_t size);
int sc_write_file(const char *path, const char *text);
/* -1 if the file is not there or is not a number. */
long long sc_read_number(const char *path);

/* --- requests, knobs, statistics ------------------------------------------------------------ */

/* Each returns 0 if the whole request was accepted and every extent is huge, else the errno. */
int sc_collapse_raw(const void *request, size_t len);
int __printf(1, 2) sc_collapsef(const char *format, ...);
int sc_collapse(pid_t pid, const void *addr, size_t len);
/* The same, repeated while the kernel says EAGAIN, at most @tries times. */
int sc_collapse_retry(pid_t pid, const void *addr, size_t len, int tries);

int sc_knob_set(const char *knob, const char *value);
int sc_knob_set_number(const char *knob, long long value);
long long sc_knob(const char *knob);
/* Whether SC_BRIEF asks for fewer rounds. */
bool sc_brief(void);
bool sc_loaded(void);
/* Of the file that SHMEM_COLLAPSE_KO names, else the one of the VM. Return errno. */
int sc_load(void);
/* The program that loads it, where it is linked then. */
#define MODULE_LINK "/bin/module-link"
int sc_unload(void);
/* Knobs as they are after loading, and the kernel's own THP policy for shmem off. */
int sc_defaults(void);

#define SC_MAX_STATS	64

struct sc_stats {
	int count;
	struct {
		char name[40];
		unsigned long long value;
	} stat[SC_MAX_STATS];
};

int sc_stats(struct sc_stats *stats);
/* ULLONG_MAX if there is no such statistic. */
unsigned long long sc_stat(const struct sc_stats *stats, const char *name);
/* How much @name grew since @before was taken; ULLONG_MAX if there is no such statistic. */
unsigned long long sc_grown(const struct sc_stats *before, const char *name);
/* Which outcomes there were since @before was taken: what one wants to know after a failure. */
void sc_print_outcomes(const struct sc_stats *before);
/* Only those whose name begins so. */
void sc_print_grown(const struct sc_stats *before, const char *prefix);
/* Sum of all failed_<outcome>. */
unsigned long long sc_failed_sum(const struct sc_stats *stats);

/* Sets a kernel switch until sc_restore_switches(). Returns 0 or the errno. */
int sc_switch(const char *path, const char *value);
void sc_restore_switches(void);
#define SC_FAULT_AROUND	65536	/* the kernel's own */
/*
 * How much a read fault maps. Returns what it was, or -1 if it cannot be set. Where huge pages are
 * split it has to be one page: Linux 7.3 loses entries otherwise, see
 * tools/testing/shmem_collapse/fault_around/.
 */
long long sc_fault_around(size_t bytes);
/* shmem_enabled of the folio size @kb. */
int sc_mthp(size_t kb, const char *value);

/* --- segments ------------------------------------------------------------------------------- */

enum sc_kind { SC_MEMFD, SC_TMPFS, SC_SYSV, SC_ANON };

struct sc_segment {
	enum sc_kind kind;
	int fd;			/* -1 without a file descriptor */
	int shmid;		/* System V only */
	size_t len;
	char *addr;		/* where the creator maps it, NULL if it does not */
	char path[128];		/* the name a request or another process uses; "" if none */
};

/* @extents whole extents, not mapped except for SC_ANON. Returns 0 or the errno. */
int sc_create(struct sc_segment *seg, enum sc_kind kind, size_t extents);
/* The same at a path of one's own. */
int sc_create_file(struct sc_segment *seg, const char *path, size_t len);
/* Mapped, filled with the pattern of @seed, all in small pages. */
int sc_create_filled(struct sc_segment *seg, enum sc_kind kind, size_t extents, uint64_t seed);
void sc_destroy(struct sc_segment *seg);

/* An address for @len bytes that is congruent to @offset modulo the extent; nothing there yet. */
char *sc_reserve(size_t len, off_t offset);
/* Maps at such an address. MAP_FAILED as mmap. */
char *sc_map(int fd, size_t len, int prot, int flags, off_t offset);
/* Maps a whole segment, whatever its kind, from its creator. */
char *sc_map_segment(const struct sc_segment *seg, int prot);

/* The pattern of a page depends on the seed and the page's index in the file. */
void sc_fill(void *addr, size_t len, uint64_t seed, size_t first_index);
void sc_fill_page(void *page, uint64_t seed, size_t index);
/* Number of pages that differ. */
size_t sc_verify(const void *addr, size_t len, uint64_t seed, size_t first_index);
bool sc_page_is(const void *page, uint64_t seed, size_t index);
bool sc_page_is_zero(const void *page);
/* Number of pages of a file that differ, read through pread. */
size_t sc_verify_fd(int fd, size_t len, uint64_t seed);
/* Reads one word of every page; returns the number of minor faults that took. */
long sc_touch(const void *addr, size_t len);

/* --- processes ------------------------------------------------------------------------------ */

struct sc_mapper {
	pid_t pid;
	int sock;
	char *addr;		/* its mapping, in its own addresses */
};

struct sc_child {
	char *addr;
	size_t len;
};

#define SC_ARGS 4

typedef long (*sc_op)(struct sc_child *child, const long *arg);

enum sc_kinship { SC_FORKED, SC_UNRELATED };

/* @seg must be mapped in the caller for SC_FORKED; SC_UNRELATED maps by name or id on its own. */
int sc_spawn(struct sc_mapper *m, const struct sc_segment *seg, enum sc_kinship kinship);
int sc_spawn_n(struct sc_mapper *m, int n, const struct sc_segment *seg, enum sc_kinship kinship);
/* A process without any mapping of a test. */
int sc_spawn_bare(struct sc_mapper *m);
long sc_call(struct sc_mapper *m, sc_op op, long a, long b, long c, long d);
void sc_send(struct sc_mapper *m, sc_op op, long a, long b, long c, long d);
long sc_wait(struct sc_mapper *m);
void sc_kill(struct sc_mapper *m, int n);
/* Process in which @fn runs as root of nothing but itself; the result is its exit status. */
pid_t sc_fork(void);
int sc_join(pid_t pid);
/* What a process gets that reads there, or writes: 0 or minus the signal. */
int sc_try_access(char *at, bool write);

/* Operations for sc_call(). Offsets and lengths are in pages of the mapping. */
long sc_op_attach(struct sc_child *child, const long *arg);
long sc_op_touch(struct sc_child *child, const long *arg);	/* -> minor faults */
long sc_op_verify(struct sc_child *child, const long *arg);	/* seed, first index -> wrong pages */
long sc_op_fill(struct sc_child *child, const long *arg);	/* seed, first index */
long sc_op_peek(struct sc_child *child, const long *arg);	/* page -> first word */
long sc_op_poke(struct sc_child *child, const long *arg);	/* page, value */
/* What the mapping still holds is compared: seed, first index -> wrong pages, or -1. */
long sc_op_fork(struct sc_child *child, const long *arg);	/* by a child of its own */
long sc_op_protect(struct sc_child *child, const long *arg);	/* half of it from writing */
long sc_op_exit(struct sc_child *child, const long *arg);	/* without an answer */

/* --- what the kernel reports ---------------------------------------------------------------- */

/* Sum in bytes of a field of smaps over the VMAs that overlap the range; -1 if there is none. */
long long sc_smaps(pid_t pid, const void *addr, size_t len, const char *field);
/* A field of /proc/PID/status in bytes ("VmPTE", "VmSwap"...). */
long long sc_status(pid_t pid, const char *field);
/* The sum of a field of smaps over all VMAs, in bytes. */
long long sc_smaps_rollup(pid_t pid, const char *field);
/* Resident shared memory as the counter of the process has it, without the program itself. */
long long sc_rss(pid_t pid);
/* Bytes of a field of /proc/meminfo, with per-CPU counters folded. */
long long sc_meminfo(const char *field);
/* Extents of the range that the process maps by a PMD. */
int sc_huge_mapped(pid_t pid, const void *addr, size_t len);
/* Pages of the range the process has mapped, by whatever size. */
long sc_present(pid_t pid, const void *addr, size_t len);
/* Pages of the caller's range that belong to a PMD-sized folio; faults them in. */
long sc_huge_pages(const void *addr, size_t len);
/* Pages of the caller's range that are part of any large folio. */
long sc_compound_pages(const void *addr, size_t len);
bool sc_soft_dirty(pid_t pid, const void *addr);
/* The page frame number behind the caller's address; 0 if no page is mapped there. */
uint64_t sc_frame(const void *addr);
/* Physical address is known: splits the huge folios of the caller's range. 0 or errno. */
int sc_split(const void *addr, size_t len);

/* A statistic of huge pages of the extent's size. */
long long sc_thp_event(const char *name);

/* --- accounting ----------------------------------------------------------------------------- */

struct sc_account {
	long long shmem, shmem_huge, free_blocks, blocks, rss, swap_used, memcg_shmem;
};

/* @fd: the file, or -1; @pid: whose RSS; @cgroup: its directory, or NULL. */
void sc_account(struct sc_account *a, int fd, pid_t pid, const char *cgroup);
/* 0 if equal, else the name of the first difference goes to @what. */
int sc_account_differs(const struct sc_account *a, const struct sc_account *b, const char **what);

/* A memory control group of one's own; 0 or the errno. */
int sc_cgroup_create(char *path, size_t size, const char *name);
int sc_cgroup_enter(const char *path, pid_t pid);
void sc_cgroup_remove(const char *path);
long long sc_cgroup_stat(const char *path, const char *field);
/* The same once it is @expected; the kernel sums up its counters every two seconds only. */
long long sc_cgroup_settles(const char *path, const char *field, long long expected);

/* --- mmap_lock events ----------------------------------------------------------------------- */

#define SC_MAX_TARGETS 40

struct sc_events {
	int count;			/* targets known */
	struct {
		pid_t pid;
		char mm[24];		/* as the events print it */
	} target[SC_MAX_TARGETS];
	long by_writer;			/* events of the writer during the request */
	long on_targets;		/* events of anyone on a target's mm */
	long lost;
};

/* Returns 0, or the errno if the kernel has no such events. */
int sc_events_open(void);
/* Learns how the events name the mm of @m: makes it map something. */
int sc_events_learn(struct sc_events *e, struct sc_mapper *m);
/* Runs the request in a process of its own with the events on; returns as sc_collapse_raw(). */
int sc_events_run(struct sc_events *e, const char *request);
void sc_events_close(void);

/* --- fault points and delays, of a debug kernel only ---------------------------------------- */

#define SC_FAULT_DIR	"/sys/kernel/debug/shmem_collapse"
#define SC_NAME		24
#define SC_MAX_PLACES	40
#define SC_ALWAYS	1000000u

#define SC_NO_FAULTS	"this kernel has no CONFIG_FAULT_INJECTION_DEBUG_FS"

bool sc_has_faults(void);
/* After @skip calls that pass, @count calls fail. Each returns 0 or the errno. */
int sc_fail(const char *point, unsigned int count, unsigned int skip);
/* Requests wait at @place, at most so long; 0 lets those go that wait. */
int sc_delay(const char *place, unsigned int ms);
/* Waits until a request waits at @place; 0 or ETIMEDOUT. */
int sc_delay_reached(const char *place);
/* Whether a request waits there at this moment. */
bool sc_delay_waiting(const char *place);
void sc_faults_off(void);
/* Calls that failed at @point since the module was loaded; -1 if there is no such point. */
long sc_failed(const char *point);
/* The names in @file, "fail" or "delay": how many there are, or -1. */
int sc_names(const char *file, char names[][SC_NAME], int max);

/* --- who holds pages, or is told of them ------------------------------------------------------ */

/* Each returns a descriptor that ends it when it is closed, or -1 with errno. */

/* A buffer of io_uring, which pins its pages. */
int sc_register_buffer(void *addr, size_t len);
/* A userfaultfd for the range. */
int sc_uffd_watch(uint64_t features, void *addr, size_t len, uint64_t mode);
/* Pins pages of a memfd that was sealed for it, by neither a mapping nor the lock of a page. */
int sc_udmabuf(const struct sc_segment *seg, size_t index, size_t pages);
bool sc_has_udmabuf(void);
int sc_udmabuf_seal(const struct sc_segment *seg);	/* 0 or the errno */

/* --- windows: a request that waits at a delay point, of a debug kernel only ------------------- */

/* A process that asks for the first extent and waits at @place by now; -1 if it does not. */
pid_t sc_window_open(const struct sc_segment *seg, const char *place);
/* Lets it go on; returns the errno of its request. */
int sc_window_close(pid_t writer, const char *place);
/* The same, and says whether it came to @watched on its way. */
int sc_window_close_noting(pid_t writer, const char *place, const char *watched, bool *reached);
/* Until the process sleeps and no signal would wake it, as in a page fault. 0 or the errno. */
int sc_wait_asleep(pid_t pid);

/* --- swap ----------------------------------------------------------------------------------- */

/* Makes sure there is swap; 0, or the errno and a reason. */
int sc_swap_on(const char **reason);
/* Pushes mapped pages out; returns the number of pages that are now swapped, -1 on error. */
long sc_swap_out(void *addr, size_t len);

/* A zram device for I/O: its number, or -1; and its end, if there is one. */
int sc_zram_add(void);
void sc_zram_remove(int nr);

/* --- capabilities, timing ------------------------------------------------------------------- */

int sc_drop_cap(int cap);		/* from all sets */
uint64_t sc_now_ns(void);

#endif /* SC_H */
