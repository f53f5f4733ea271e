/* SPDX-License-Identifier: GPL-2.0 */
/* What page tables hold, as debugfs has it. */
#ifndef SC_TABLES_H
#define SC_TABLES_H

#include "sc.h"

#define SC_TABLES	"/sys/kernel/debug/shmem_collapse/page_tables"
#define SC_MAX_TABLES	(1 << 21)

/* A descriptor, or -1 with errno. */
int sc_tables_open(void);
/* Makes a request; 0 or the errno. */
int sc_tables_ask(int fd, const char *request);
/* The answer to the last request, from a buffer that the next call overwrites; "" if there is none. */
const char *sc_tables_answer(int fd);
/* Both for one range of a process, or all of it without an address; NULL with errno. */
const char *sc_tables(pid_t pid, const void *addr, size_t len);

/*
 * A figure from the line of the answer that begins with @word; 0 if the line does not have it, -1
 * without a line.
 */
long long sc_figure(const char *answer, const char *word, const char *name);
/* The same for the mapping that has @addr. */
long long sc_figure_at(const char *answer, const void *addr, const char *name);
/* The same for all that was walked. */
long long sc_figure_total(const char *answer, const char *name);

/* One figure of a range of a process: -1 if it cannot be had. */
long long sc_tables_of(pid_t pid, const void *addr, size_t len, const char *name);

/* --- tables that are given back --------------------------------------------------------------- */

/* Requests to free empty tables; each returns 0 or the errno. */
int __printf(1, 2) sc_reapf(const char *format, ...);
int sc_reap(pid_t pid, const void *addr, size_t len);

/* Removes the pages of a file; what maps it keeps its tables. 0 or the errno. */
int sc_punch(const struct sc_segment *seg, size_t first_page, size_t pages);

#endif /* SC_TABLES_H */
