/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What memory is made of: one extent of one file, the VMAs that map it, and
 * what the properties compare with.
 */

/* An extent of two pages stands for one of HPAGE_PMD_NR. */
#ifndef PAGES
#define PAGES		2
#endif
/* Numbers are the order of the interval tree. */
#ifndef VMAS
#define VMAS		1
#endif
/* Threads that touch memory, each on a CPU of its own. */
#ifndef CPUS
#define CPUS		1
#endif
#ifndef TABLES
#define TABLES		(2 * VMAS + 1)
#endif

/*
 * Page frames. A folio is named by its first one. What the file has at first
 * are the frames 1 and 2; HUGE_A and HUGE_B belong to the two requests.
 */
#define NOTHING		0
#define SMALL(i)	(1 + (i))
#define HUGE_A		3
#define HUGE_B		5
#define SPARE		7
#ifndef SPARES
#define SPARES		2
#endif
#define FRAMES		(SPARE + SPARES)

#define is_huge(f)	((f) == HUGE_A || (f) == HUGE_B)
#define folio_of(p)	((p) == HUGE_A + 1 -> HUGE_A : ((p) == HUGE_B + 1 -> HUGE_B : (p)))
#define page_of(f, i)	(is_huge(f) -> (f) + (i) : (f))

/* Other things that the page cache may have in a place. */
#define RETRY		20
#define SWAPPED		21

/*
 * Values of pmd, pte and TLB entries: a frame that is mapped, with WRITE if it
 * may be written through it; MIGRATION and the frame that a migration entry
 * names; MARKER for whatever is neither (private copies, guard pages, markers of
 * userfaultfd); in a pmd TABLE and the number of a page table.
 */
#define MIGRATION	16
#define WRITE		32
#define TABLE		64
#define MARKER		128

#define frame(v)	((v) & 15)
#define is_table(v)	((v) >= TABLE && (v) < MARKER)
#define table(v)	((v) - TABLE)
#define is_migration(v)	((v) < TABLE && ((v) & MIGRATION))
#define is_present(v)	((v) < TABLE && !((v) & MIGRATION) && frame(v))

/* A folio. */
mtype:life = { UNUSED, LIVE, FREED };
byte refs[FRAMES];
byte mapcount[FRAMES];
bool folio_locked[FRAMES];
bool in_file[FRAMES];		/* folio->mapping is set */
mtype:life life[FRAMES];
byte data[FRAMES];		/* of each frame */

/* The page cache of the file. */
byte cache[PAGES];
byte swapped[PAGES];		/* what swap has of a page */
bool i_pages;			/* its lock */

/* The reverse map and its lock. */
bool linked[VMAS];
byte i_mmap_readers;
bool i_mmap_writer;
byte i_mmap_waiting;		/* writers, in front of which no reader gets in */

/* A VMA, its one pmd entry, and its mm's RSS. */
byte pmd[VMAS];
bool pmd_locked[VMAS];
bool pmd_freed[VMAS];		/* the level that has the pmd entry */
byte vma_readers[VMAS];
bool vma_writer[VMAS];		/* write-locked, with the mmap lock held */
bool unmapped[VMAS];		/* no longer there for faults */
bool has_flags[VMAS];		/* anon_vma, guard or registered: copied by fork */
bool armed[VMAS];		/* registered with userfaultfd */
bool misaligned[VMAS];		/* no pmd can map the extent */
byte protection[VMAS];		/* WRITE, or 0 */
byte rss[VMAS];

/* Page tables. */
mtype:table = { NO_TABLE, IN_USE, PUT_ASIDE, DETACHED, TABLE_FREED };
mtype:table state[TABLES];
byte pte[TABLES * PAGES];
bool pte_locked[TABLES];
byte rcu_readers[TABLES];	/* who has it mapped */

#define PTE(t, i)	pte[(t) * PAGES + (i)]

/* What a CPU has in its TLB, and the table that it knows without the pmd. */
byte tlb[CPUS * PAGES];
byte walk_cache[CPUS];
byte cpu_vma[CPUS];

#define TLB(c, i)	tlb[(c) * PAGES + (i)]

#ifdef NOTIFIER
byte spte[PAGES];		/* of a secondary MMU that follows VMA 0 */
byte invalidations;		/* sections that are open */
byte invalidate_seq;
#endif

bool extent_locked;

/* What is not in the kernel: what a property is checked against. */
byte truth[PAGES];		/* what was written last */
bool truncated[FRAMES];		/* writes to it need not stay */
bool protected[VMAS];		/* an mprotect() to read-only has returned */
bool marked[VMAS];		/* has a marker, in the last place */
bool untouched[VMAS];		/* nobody ever had the last page mapped */
bool had[VMAS * PAGES];		/* which pages a VMA had mapped at first */
bool waits_minor[VMAS];		/* whose first touch has to be an event */
bool missing;			/* a monitor saw that there is no last page */
bool mapping;			/* a request is between the store and the unlock */
byte committed;			/* requests that stored their huge folio */
bool met_reference;		/* one counted a reference too many after it unmapped */

/* Counters of loops inside one step. */
hidden byte c_, i_, k_, n_;

/* munmap() has returned, or the process is gone: nothing translates any more. */
#define unmapped_for_good(v)	pmd_freed[v]
