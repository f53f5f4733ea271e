// SPDX-License-Identifier: GPL-2.0
/*
 * The grammar and the answers, from Documentation/ABI/testing/sysfs-kernel-mm-shmem_collapse. The
 * kernel's own look-up of names and processes says what is there.
 */
#include "fuzz.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static void trim(const char **text, size_t *len)
{
	while (*len && is_space((*text)[*len - 1]))
		(*len)--;
	while (*len && is_space(**text)) {
		(*text)++;
		(*len)--;
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static int take_base(const char **text, size_t *len)
{
	if (*len >= 2 && **text == '0' && ((*text)[1] == 'x' || (*text)[1] == 'X')) {
		*text += 2;
		*len -= 2;
		return 16;
	}
	return 10;
}

bool model_number(const char *text, size_t len, uint64_t *value)
{
	unsigned __int128 n = 0;
	int base;

	trim(&text, &len);
	base = take_base(&text, &len);
	if (!len)
		return false;
	for (; len; text++, len--) {
		if (digit(*text) >= base)
			return false;
		n = n * base + digit(*text);
		if (n > UINT64_MAX)
			return false;
	}
	*value = n;
	return true;
}

bool model_signed(const struct input *in, long long *value)
{
	const char *text = in->bytes;
	size_t len = in->len;
	bool minus;
	uint64_t n;

	trim(&text, &len);
	minus = len && *text == '-';
	if (minus) {
		text++;
		len--;
		/* No space behind the sign. */
		if (!len || digit(*text) > 9)
			return false;
	}
	if (!model_number(text, len, &n) || n > LLONG_MAX)
		return false;
	*value = minus ? -(long long)n : (long long)n;
	return true;
}

/* Written like a number, even if it is none: with a sign, or too large. */
static bool looks_like_a_number(const char *text, size_t len)
{
	int base;

	trim(&text, &len);
	if (len && (*text == '+' || *text == '-')) {
		text++;
		len--;
	}
	base = take_base(&text, &len);
	if (!len)
		return false;
	for (; len; text++, len--)
		if (digit(*text) >= base)
			return false;
	return true;
}

static const char *last_comma(const char *text, size_t len)
{
	return memrchr(text, ',', len);
}

static void parse_path(const char *text, size_t len, struct request *q)
{
	const char *second = last_comma(text, len);
	const char *first = second ? last_comma(text, second - text) : NULL;

	q->kind = WHOLE_FILE;
	if (first) {
		const char *start = first + 1, *end = second + 1;
		size_t start_len = second - start, end_len = text + len - end;

		if (looks_like_a_number(start, start_len) && looks_like_a_number(end, end_len)) {
			q->kind = FILE_RANGE;
			if (!model_number(start, start_len, &q->start) ||
			    !model_number(end, end_len, &q->end) || q->start > q->end ||
			    q->end > (uint64_t)LLONG_MAX / sc_page()) {
				q->kind = MALFORMED;
				return;
			}
			len = first - text;
		}
	}
	if (memchr(text, '\0', len)) {
		q->kind = MALFORMED;
		return;
	}
	memcpy(q->path, text, len);
	q->path[len] = '\0';
}

static void parse_process(const char *text, size_t len, struct request *q)
{
	const char *first = memchr(text, ',', len), *second = NULL;
	const char *end = text + len;

	q->kind = MALFORMED;
	if (first)
		second = memchr(first + 1, ',', end - first - 1);
	if (!first) {
		if (model_number(text, len, &q->pid))
			q->kind = PROCESS;
	} else if (second && model_number(text, first - text, &q->pid) &&
		   model_number(first + 1, second - first - 1, &q->start) &&
		   model_number(second + 1, end - second - 1, &q->end) && q->start <= q->end) {
		q->kind = RANGE;
	}
	/* No pid of Linux is larger. */
	if (q->pid >= 4 << 20)
		q->kind = MALFORMED;
}

void model_parse(const struct input *in, struct request *q)
{
	const char *text = in->bytes;
	size_t len = in->len;

	q->pid = 0;
	if (len >= sc_page()) {
		q->kind = TOO_LONG;
		return;
	}
	if (len && text[len - 1] == '\n')
		len--;
	while (len && is_space(*text)) {
		text++;
		len--;
	}
	if (len && *text == '/')
		parse_path(text, len, q);
	else
		parse_process(text, len, q);
}

/* --- answers -------------------------------------------------------------------------------- */

static bool process_exists(uint64_t pid)
{
	return !pid || !kill(pid, 0) || errno != ESRCH;
}

static bool is_self(uint64_t pid)
{
	return !pid || pid == (uint64_t)getpid();
}

/* Every extent of a range is tried; this many would take too long. */
#define MOST_BYTES (1ull << 32)

bool model_must_skip(const struct request *q)
{
	if (q->kind != PROCESS && q->kind != RANGE)
		return false;
	return (q->pid && q->pid == (uint64_t)scene.bystander) ||
	       (q->kind == RANGE && q->end - q->start > MOST_BYTES);
}

static bool is_outcome(int err)
{
	static const int known[] = {
		0, EAGAIN, EBUSY, EDQUOT, ENODATA, ENOMEM, ENOSPC, EOPNOTSUPP,
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (err == known[i])
			return true;
	return false;
}

/* The target is full of pages that nobody holds. */
static bool is_outcome_of_target(int err, bool alone)
{
	return !err || err == ENOMEM || err == EAGAIN || (!alone && is_outcome(err));
}

static bool holds_an_extent(uint64_t start, uint64_t end, uint64_t step)
{
	uint64_t first = start / step + !!(start % step);

	return first < end / step;
}

static bool process_allows(const struct request *q, int err, bool alone)
{
	uint64_t target = (uint64_t)scene.target.addr;

	if (!process_exists(q->pid))
		return err == ESRCH;
	if (q->kind == RANGE) {
		if (!is_self(q->pid) && err == ESRCH)
			return true;	/* a thread of the kernel, or one that exits */
		if (q->end >= 1ull << 56)
			return err == EINVAL;
		if (!holds_an_extent(q->start, q->end, sc_extent()))
			return !err || (err == EINVAL && q->end > target + scene.target.len);
		if (is_self(q->pid) && q->start >= target && q->end <= target + scene.target.len)
			return is_outcome_of_target(err, alone);
	}
	/* EINVAL: mappings that are misaligned, or behind the end of what a process can map. */
	return is_outcome(err) || err == EINVAL || (err == ESRCH && !is_self(q->pid));
}

static bool file_allows(const struct request *q, int err, bool alone)
{
	struct stat st, target;
	struct statfs fs;

	/* What the request was written to was a descriptor, too, and is closed by now. */
	if (stat(q->path, &st))
		return err == errno || (err == EOPNOTSUPP && strstr(q->path, "/self/fd/"));
	if (statfs(q->path, &fs) || fs.f_type != TMPFS_MAGIC || !S_ISREG(st.st_mode))
		return err == EOPNOTSUPP;
	if (q->kind == FILE_RANGE && !holds_an_extent(q->start, q->end, sc_nr()))
		return !err;
	if (!fstat(scene.target.fd, &target) && target.st_ino == st.st_ino &&
	    target.st_dev == st.st_dev &&
	    (q->kind == WHOLE_FILE || q->end <= TARGET_EXTENTS * sc_nr()))
		return is_outcome_of_target(err, alone);
	return is_outcome(err);
}

bool model_allows(const struct request *q, int err, bool alone)
{
	switch (q->kind) {
	case MALFORMED:
		return err == EINVAL;
	case TOO_LONG:
		return err == E2BIG;
	case PROCESS:
	case RANGE:
		return process_allows(q, err, alone);
	default:
		return file_allows(q, err, alone);
	}
}

/* Nothing to free is success; only what cannot be named fails. */
static bool reap_of_process_allows(const struct request *q, int err)
{
	uint64_t target = (uint64_t)scene.target.addr;

	if (!process_exists(q->pid))
		return err == ESRCH;
	if (!is_self(q->pid) && (err == ESRCH || err == EACCES || err == EPERM))
		return true;
	if (q->kind == RANGE && q->end >= 1ull << 56)
		return err == EINVAL;
	return !err ||
	       (err == EINVAL && q->kind == RANGE && q->end > target + scene.target.len);
}

static bool reap_of_file_allows(const struct request *q, int err)
{
	struct statfs fs;
	struct stat st;

	if (stat(q->path, &st))
		return err == errno || (err == EOPNOTSUPP && strstr(q->path, "/self/fd/"));
	if (statfs(q->path, &fs) || fs.f_type != TMPFS_MAGIC || !S_ISREG(st.st_mode))
		return err == EOPNOTSUPP;
	return !err;
}

bool model_reap_allows(const struct request *q, int err)
{
	switch (q->kind) {
	case MALFORMED:
		return err == EINVAL;
	case TOO_LONG:
		return err == E2BIG;
	case PROCESS:
	case RANGE:
		return reap_of_process_allows(q, err);
	default:
		return reap_of_file_allows(q, err);
	}
}

/* What follows "kernel" is nothing, or two addresses. */
static bool kernel_allows(const char *text, size_t len, int err)
{
	const char *second;
	uint64_t start, end;

	if (!len)
		return !err;
	second = memchr(text + 1, ',', len - 1);
	if (*text != ',' || !second || !model_number(text + 1, second - text - 1, &start) ||
	    !model_number(second + 1, text + len - second - 1, &end) || start > end)
		return err == EINVAL;
	/* Where the kernel has its memory is not for us to know. */
	return !err || err == EINVAL;
}

bool model_tables_allows(const struct input *in, int err)
{
	static struct request q;
	const char *text = in->bytes;
	size_t len = in->len;

	model_parse(in, &q);
	if (q.kind == TOO_LONG)
		return err == E2BIG;
	trim(&text, &len);
	if (len >= 6 && !memcmp(text, "kernel", 6))
		return kernel_allows(text + 6, len - 6, err);
	if (q.kind != PROCESS && q.kind != RANGE)
		return err == EINVAL;
	if (!process_exists(q.pid))
		return err == ESRCH;
	return !err || (!is_self(q.pid) && (err == ESRCH || err == EACCES || err == EPERM));
}
