// SPDX-License-Identifier: GPL-2.0
/* Inputs: well-formed ones in every spelling, wrong ones that are nearly right, and garbage. */
#include "fuzz.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void input_set(struct input *in, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	in->len = vsnprintf(in->bytes, sizeof(in->bytes), format, ap);
	va_end(ap);
}

static void add(struct input *in, const char *text)
{
	size_t n = strlen(text);

	if (in->len + n > sizeof(in->bytes))
		return;
	memcpy(in->bytes + in->len, text, n);
	in->len += n;
}

static const char *some_space(struct rng *r)
{
	static const char *const spaces[] = { " ", "\t", "  ", "\r", "\f", "\n", "\v", " \t " };

	return one_in(r, 5) ? spaces[below(r, 8)] : "";
}

/* The same number, spelled in one of many ways. */
static void add_number(struct rng *r, struct input *in, uint64_t n)
{
	static const char *const formats[] = {
		"%llu", "%llu", "%llu", "0x%llx", "0x%llx", "0X%llX", "0x%016llx", "%020llu",
		"000%llu", "0%llo", "%llx", "+%llu", "-%llu", "%llue0", "%llu.0", "0b%llu",
	};
	size_t usual = one_in(r, 6) ? 16 : 8;
	char text[64];

	add(in, some_space(r));
	snprintf(text, sizeof(text), formats[below(r, usual)], (unsigned long long)n);
	add(in, text);
	add(in, some_space(r));
}

static uint64_t some_edge(struct rng *r)
{
	static const uint64_t edges[] = {
		0, 1, 2, 511, 512, 513, 4095, 4096, INT_MAX, (uint64_t)INT_MAX + 1, UINT_MAX,
		(uint64_t)UINT_MAX + 1, 4194303, 4194304, LLONG_MAX, (uint64_t)LLONG_MAX + 1,
		ULLONG_MAX, ULLONG_MAX - 1, 0x7ffffffff000, 0xffffffffff000, 0x7fffffff,
		(uint64_t)LLONG_MAX >> 12, ((uint64_t)LLONG_MAX >> 12) + 1,
	};

	switch (below(r, 4)) {
	case 0:
		return edges[below(r, 23)];
	case 1:
		return below(r, 1024);
	case 2:
		return 1ull << below(r, 64);
	default:
		return rnd(r) >> below(r, 64);
	}
}

static uint64_t some_pid(struct rng *r)
{
	switch (below(r, 8)) {
	case 0:
		return scene.dead;
	case 1:
		return some_edge(r);
	case 2:
		return 1 + below(r, 400);
	case 3:
	case 4:
		return 0;
	default:
		return getpid();
	}
}

static uint64_t some_address(struct rng *r)
{
	uint64_t target = (uint64_t)scene.target.addr;

	switch (below(r, 8)) {
	case 0:
		return some_edge(r);
	case 1:
		return target + below(r, scene.target.len);
	case 2:
		return (uint64_t)&target;
	case 3:
		return (uint64_t)scene.hugetlb;
	default:
		return target + below(r, TARGET_EXTENTS + 1) * sc_extent();
	}
}

static void add_path(struct rng *r, struct input *in)
{
	static const char *const others[] = {
		"/", "//", "/dev", "/dev/shm", "/dev/null", "/proc/version",
		"/proc/self/maps", "/proc/self/mem", "/nowhere", "/dev/shm/nowhere", "/dev/shm/",
		"/proc/self/fd/0", "/proc/self/fd/1000000", "/proc/self/cwd", "/.", "/..",
		"/sys/kernel/mm/shmem_collapse/collapse", "/dev/zero", "/dev/console/",
		"/proc/self/root/dev/shm/../shm/.", "/dev/shm/target/below",
	};
	static const char *const odd[] = {
		"a,b", "a,1", "a,1,2", "a,,1", ",", "a b", "a\n", " ", "link", "fifo", "loop",
		"a,0x,1", "1,2,3", "\xff\xfe", "dangling", "empty", "sparse",
	};
	char path[PATH_MAX];

	switch (below(r, 10)) {
	case 0:
	case 1:
		snprintf(path, sizeof(path), "%s/%s", scene.dir, odd[below(r, 17)]);
		break;
	case 2:
	case 3:
		snprintf(path, sizeof(path), "%s", others[below(r, 21)]);
		break;
	case 4:
		snprintf(path, sizeof(path), "/proc/self/fd/%d", scene.target.fd);
		break;
	case 5:
		memset(path, one_in(r, 2) ? '/' : 'x', sizeof(path));
		path[0] = '/';
		path[below(r, 3) ? sizeof(path) - 1 - below(r, 4) : below(r, 300) + 1] = '\0';
		path[sizeof(path) - 1] = '\0';
		break;
	default:
		snprintf(path, sizeof(path), "%s", scene.target.path);
		break;
	}
	add(in, path);
}

static uint64_t some_offset(struct rng *r)
{
	return one_in(r, 3) ? some_edge(r) : below(r, TARGET_EXTENTS + 2) * sc_nr();
}

static void make_garbage(struct rng *r, struct input *in)
{
	static const char likely[] = "0123456789abcdefxX,,,,/\n \t-+.;_'\"%s";
	size_t i;

	in->len = one_in(r, 40) ? sc_page() - 3 + below(r, 6) : below(r, 40);
	if (one_in(r, 200))
		in->len = 1 + below(r, 2 * sc_page());
	for (i = 0; i < in->len; i++)
		in->bytes[i] = one_in(r, 4) ? (char)rnd(r) : likely[below(r, sizeof(likely))];
}

void mutate(struct rng *r, struct input *in)
{
	static const char likely[] = "09afxX,/\n \t\0-+\xff";
	size_t at = in->len ? below(r, in->len) : 0, n;
	char byte = one_in(r, 3) ? (char)rnd(r) : likely[below(r, sizeof(likely))];

	switch (below(r, 7)) {
	case 0:	/* change */
		in->bytes[at] = byte;
		in->len += !in->len;
		break;
	case 1:	/* insert */
		if (in->len == sizeof(in->bytes))
			break;
		memmove(in->bytes + at + 1, in->bytes + at, in->len - at);
		in->bytes[at] = byte;
		in->len++;
		break;
	case 2:	/* remove */
		if (!in->len)
			break;
		memmove(in->bytes + at, in->bytes + at + 1, in->len - at - 1);
		in->len--;
		break;
	case 3:	/* cut */
		in->len = at;
		break;
	case 4:	/* repeat a piece */
		n = in->len - at;
		if (in->len + n > sizeof(in->bytes))
			break;
		memcpy(in->bytes + in->len, in->bytes + at, n);
		in->len += n;
		break;
	case 5:	/* flip a bit */
		if (in->len)
			in->bytes[at] ^= 1 << below(r, 8);
		break;
	case 6:	/* up to the page */
		n = sc_page() - 2 + below(r, 4);
		if (!one_in(r, 20) || in->len > n)
			break;
		memset(in->bytes + in->len, byte, n - in->len);
		in->len = n;
		break;
	}
}

static void finish(struct rng *r, struct input *in)
{
	if (one_in(r, 2))
		add(in, "\n");
	if (one_in(r, 3))
		mutate(r, in);
	if (one_in(r, 12))
		mutate(r, in);
}

void make_request(struct rng *r, struct input *in)
{
	uint64_t start, end;

	in->len = 0;
	switch (below(r, 9)) {
	case 0:
		make_garbage(r, in);
		return;
	case 1:
		add_number(r, in, some_pid(r));
		break;
	case 2:
	case 3:
	case 4:
		start = some_address(r);
		end = one_in(r, 6) ? some_address(r) : start + below(r, 4) * sc_extent();
		add_number(r, in, some_pid(r));
		add(in, ",");
		add_number(r, in, start);
		add(in, ",");
		add_number(r, in, end);
		break;
	case 5:
	case 6:
		add(in, some_space(r));
		add_path(r, in);
		break;
	default:
		start = some_offset(r);
		end = one_in(r, 3) ? some_offset(r) : start + below(r, 3) * sc_nr();
		add(in, some_space(r));
		add_path(r, in);
		add(in, ",");
		add_number(r, in, start);
		add(in, ",");
		add_number(r, in, end);
		break;
	}
	finish(r, in);
}

void make_number(struct rng *r, struct input *in, long long least, long long most)
{
	in->len = 0;
	switch (below(r, 6)) {
	case 0:
		make_garbage(r, in);
		return;
	case 1:
		add_number(r, in, some_edge(r));
		break;
	case 2:
		input_set(in, "%lld", least - 1 + (long long)below(r, 3));
		break;
	case 3:
		input_set(in, "%lld", most - 1 + (long long)below(r, 3));
		break;
	default:
		input_set(in, "%lld", least + (long long)below(r, most - least + 1));
		break;
	}
	finish(r, in);
}

void make_tables(struct rng *r, struct input *in)
{
	in->len = 0;
	if (one_in(r, 8)) {
		make_garbage(r, in);
		return;
	}
	add(in, some_space(r));
	if (one_in(r, 3))
		add(in, "kernel");
	else
		add_number(r, in, some_pid(r));
	if (one_in(r, 2)) {
		add(in, ",");
		add_number(r, in, one_in(r, 3) ? (uint64_t)scene.hugetlb : some_address(r));
		add(in, ",");
		add_number(r, in, some_address(r));
	}
	finish(r, in);
}

void input_print(const struct input *in)
{
	size_t i;

	printf("# input of %zu bytes: \"", in->len);
	for (i = 0; i < in->len && i < 200; i++) {
		unsigned char c = in->bytes[i];

		if (isprint(c) && c != '"' && c != '\\')
			putchar(c);
		else
			printf("\\x%02x", c);
	}
	printf("\"%s\n", i < in->len ? "..." : "");
}
