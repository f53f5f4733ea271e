// SPDX-License-Identifier: GPL-2.0
/* States and contents of pages. */
#include "stress.h"

#include <stdio.h>
#include <string.h>

/*
 * A state: version in the upper half, then who changes the page (its number and one), then what it
 * holds. Settled means that nobody changes it.
 */
#define OWNER_SHIFT	8
#define VERSION_SHIFT	32

struct page *pages;

static struct page *page_of(const struct file *f, size_t index)
{
	return &pages[f->id * file_pages() + index];
}

static int state_owner(uint64_t state)
{
	return (int)(state >> OWNER_SHIFT & 0xff) - 1;
}

enum content state_content(uint64_t state)
{
	return state & 0xff;
}

bool state_is_settled(uint64_t state)
{
	return state_owner(state) < 0 && state_content(state) != UNKNOWN;
}

uint64_t page_state(const struct file *f, size_t index)
{
	return __atomic_load_n(&page_of(f, index)->state, __ATOMIC_SEQ_CST);
}

uint64_t page_truncations(const struct file *f, size_t index)
{
	return __atomic_load_n(&page_of(f, index)->truncations, __ATOMIC_SEQ_CST);
}

bool page_lock(struct file *f, size_t index)
{
	uint64_t state = page_state(f, index), owned;

	if (state_owner(state) >= 0)
		return false;
	owned = state | (uint64_t)(me + 1) << OWNER_SHIFT;
	return __atomic_compare_exchange_n(&page_of(f, index)->state, &state, owned, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

size_t page_lock_range(struct file *f, size_t index, size_t n)
{
	size_t i;

	for (i = 0; i < n && page_lock(f, index + i); i++)
		;
	return i;
}

static uint64_t next_version(uint64_t state)
{
	return (state >> VERSION_SHIFT) + 1;
}

void page_unlock(struct file *f, size_t index, enum content content)
{
	uint64_t next = next_version(page_state(f, index)) << VERSION_SHIFT | content;
	struct page *p = page_of(f, index);

	p->worker = me;
	p->step = world->worker[me].step;
	p->op = world->worker[me].op;
	__atomic_store_n(&page_of(f, index)->state, next, __ATOMIC_SEQ_CST);
}

void page_give_back(struct file *f, size_t index)
{
	uint64_t state = page_state(f, index);

	if (state_owner(state) == me)
		__atomic_store_n(&page_of(f, index)->state, state & ~(0xffull << OWNER_SHIFT),
				 __ATOMIC_SEQ_CST);
}

void page_unlock_range(struct file *f, size_t index, size_t n, enum content content)
{
	size_t i;

	for (i = 0; i < n; i++)
		page_unlock(f, index + i, content);
}

void page_note_truncation(struct file *f, size_t index, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		count(&page_of(f, index + i)->truncations, 1);
}

bool page_is_owned(const struct file *f, size_t index, int worker)
{
	return state_owner(page_state(f, index)) == worker;
}

void pages_abandoned_by(int worker)
{
	size_t i;

	for (i = 0; i < FILES * file_pages(); i++) {
		struct page *p = &pages[i];

		if (state_owner(p->state) != worker)
			continue;
		if (p->truncations % 2)
			count(&p->truncations, 1);
		p->state = next_version(p->state) << VERSION_SHIFT | UNKNOWN;
	}
}

/* Words 0 to 2 say in clear what the page is, the others depend on them. */
void pattern(void *buf, uint64_t tag, size_t index, uint64_t version)
{
	uint64_t *word = buf, base;
	size_t i;

	word[0] = tag;
	word[1] = index;
	word[2] = version;
	base = sc_mix(sc_mix(sc_mix(world->seed + tag) + index) + version);
	for (i = 3; i < sc_page() / sizeof(*word); i++)
		word[i] = base + i;
}

static uint64_t file_tag(const struct file *f)
{
	return 0xf17e0000 + f->id;
}

void page_next(const struct file *f, size_t index, void *buf)
{
	pattern(buf, file_tag(f), index, next_version(page_state(f, index)));
}

static char expected[65536];

static void tell_history(const struct file *f, size_t index)
{
	const struct page *p = page_of(f, index);

	fprintf(stderr, "#   state %#llx, last changed by worker %d, step %llu: %s; truncations %llu\n",
		(unsigned long long)p->state, p->worker, (unsigned long long)p->step,
		ops[p->op].name, (unsigned long long)p->truncations);
}

static enum verdict judge(const void *buf, const char *how, const struct file *f, size_t index)
{
	const uint64_t *is = buf, *want = (uint64_t *)expected;
	size_t words = sc_page() / sizeof(*is), first, wrong = 0, i;

	count(&world->pages_checked, 1);
	if (!memcmp(buf, expected, sc_page()))
		return RIGHT;
	for (i = 0, first = words; i < words; i++) {
		if (is[i] == want[i])
			continue;
		first = first < i ? first : i;
		wrong++;
	}
	complain("%s of file %d page %zu: %zu of %zu words wrong, from word %zu: %#llx, not %#llx; it begins with %#llx %#llx %#llx, not %#llx %#llx %#llx",
		 how, f ? (int)f->id : -1, index, wrong, words, first,
		 (unsigned long long)is[first], (unsigned long long)want[first],
		 (unsigned long long)is[0], (unsigned long long)is[1], (unsigned long long)is[2],
		 (unsigned long long)want[0], (unsigned long long)want[1],
		 (unsigned long long)want[2]);
	if (f)
		tell_history(f, index);
	return WRONG;
}

enum verdict page_judge(const struct file *f, size_t index, uint64_t before, const void *buf,
			const char *how)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!state_is_settled(before) || page_state(f, index) != before) {
		count(&world->pages_unclear, 1);
		return UNCLEAR;
	}
	if (state_content(before) == ZERO)
		memset(expected, 0, sc_page());
	else
		pattern(expected, file_tag(f), index, before >> VERSION_SHIFT);
	return judge(buf, how, f, index);
}

enum verdict page_judge_next(const struct file *f, size_t index, const void *buf, const char *how)
{
	page_next(f, index, expected);
	return judge(buf, how, f, index);
}

enum verdict pattern_judge(const void *buf, uint64_t tag, size_t index, uint64_t version,
			   const char *how)
{
	pattern(expected, tag, index, version);
	return judge(buf, how, NULL, index);
}
