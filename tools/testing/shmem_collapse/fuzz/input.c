// SPDX-License-Identifier: GPL-2.0
/* One input to one of the files, and whether it was answered as the model says. */
#include "fuzz.h"
#include "tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MISTAKES_SHOWN 20

static struct input input;

void mistake(const struct input *in, const char *format, ...)
{
	char text[256];
	va_list ap;

	if (__atomic_fetch_add(&shared->mistakes, 1, __ATOMIC_SEQ_CST) >= MISTAKES_SHOWN)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	printf("# MISTAKE: %s\n", text);
	if (in)
		input_print(in);
}

static void tally(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

void count_input(void)
{
	tally(&shared->inputs);
}

int send_input(const char *file, const struct input *in)
{
	char path[128];
	int fd, err = 0;
	ssize_t n;

	snprintf(path, sizeof(path), SC_DIR "/%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	n = write(fd, in->bytes, in->len);
	if (n < 0)
		err = errno;
	else if ((size_t)n != in->len && in->len < sc_page())
		err = EIO;	/* no documented answer */
	close(fd);
	tally(&shared->inputs);
	return err;
}

static void request_input(struct rng *r, bool alone)
{
	static struct request q;
	int err;

	make_request(r, &input);
	model_parse(&input, &q);
	if (model_must_skip(&q)) {
		tally(&shared->skipped);
		return;
	}
	if (one_in(r, 8))
		sc_split(scene.target.addr, scene.target.len);
	err = one_in(r, 3) ? ask_device(r, &input) : send_input("collapse", &input);
	tally(&shared->requests);
	/* Nothing to write is nothing to do, for the kernel. */
	if (!input.len ? err : !model_allows(&q, err, alone))
		mistake(&input, "a request of kind %d was answered by %s", q.kind,
			err ? strerror(err) : "success");
	if (q.kind == MALFORMED || q.kind == TOO_LONG)
		tally(&shared->malformed);
	if (!err)
		tally(&shared->accepted);
}

/* The same grammar, of which nothing but a name of nothing fails. */
static void reap_input(struct rng *r)
{
	static struct request q;
	int err;

	make_request(r, &input);
	model_parse(&input, &q);
	if (input.len && model_must_skip(&q)) {
		tally(&shared->skipped);
		return;
	}
	err = send_input("reap", &input);
	if (!input.len ? err : !model_reap_allows(&q, err))
		mistake(&input, "a request of kind %d to free tables was answered by %s", q.kind,
			err ? strerror(err) : "success");
}

static const struct {
	const char *name;
	long long least;
} knobs[] = {
	{ "max_ptes_none", 0 }, { "max_ptes_swap", 0 }, { "map_all", 0 }, { "direct_reclaim", 0 },
	{ "workers", 1 }, { "target_node", -1 }, { "patience_ms", 0 },
};

static long long most_of(int knob)
{
	switch (knob) {
	case 0:
		return sc_nr() - 1;
	case 1:
		return sc_nr();
	case 4:
		return sysconf(_SC_NPROCESSORS_ONLN);
	case 5:
		return 1023;
	case 6:
		return 60000;
	default:
		return 1;
	}
}

static bool knob_allows(int knob, long long value)
{
	char path[64];

	if (value < knobs[knob].least || value > most_of(knob))
		return false;
	/* A machine without the directory has one node. */
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%lld/vmstat", value);
	return knob != 5 || value <= 0 || !access(path, F_OK);
}

void knob_input(struct rng *r, bool alone)
{
	int knob = below(r, ARRAY_SIZE(knobs)), err, expected;
	long long before = sc_knob(knobs[knob].name), value = 0, now;

	make_number(r, &input, knobs[knob].least, most_of(knob));
	expected = model_signed(&input, &value) && knob_allows(knob, value) ? 0 : EINVAL;
	if (input.len >= sc_page())
		return;
	err = send_input(knobs[knob].name, &input);
	if (!input.len)
		expected = 0;
	if (err != expected)
		mistake(&input, "%s was answered by %s, not %s", knobs[knob].name,
			err ? strerror(err) : "success", expected ? strerror(expected) : "success");
	now = sc_knob(knobs[knob].name);
	if (alone && now != (err || !input.len ? before : value))
		mistake(&input, "%s was %lld and is %lld", knobs[knob].name, before, now);
	if (!alone && !knob_allows(knob, now))
		mistake(&input, "%s is %lld", knobs[knob].name, now);
	/* Nobody here has much. */
	if (knob == 6)
		sc_knob_set("patience_ms", "1");
}

static void reset_input(struct rng *r, bool alone)
{
	int err, expected;
	uint64_t value;

	make_number(r, &input, 0, 2);
	if (input.len >= sc_page())
		return;
	expected = model_number(input.bytes, input.len, &value) && value == 1 ? 0 : EINVAL;
	err = send_input("stats/reset", &input);
	if (err != (input.len ? expected : 0))
		mistake(&input, "stats/reset was answered by %s", err ? strerror(err) : "success");
	if (alone && !err && input.len && sc_read_number(SC_DIR "/stats/requests"))
		mistake(&input, "there are requests after a reset");
}

static void tables_input(struct rng *r)
{
	int fd = sc_tables_open(), err;
	const char *answer;
	ssize_t n;

	if (fd < 0)
		return;
	make_tables(r, &input);
	n = write(fd, input.bytes, input.len);
	err = n < 0 ? errno : (size_t)n == input.len ? 0 : EIO;
	tally(&shared->inputs);
	if (!model_tables_allows(&input, err))
		mistake(&input, "page_tables was answered by %s", err ? strerror(err) : "success");
	answer = sc_tables_answer(fd);
	if (!*answer != (err || !input.len))
		mistake(&input, "%s left an answer of %zu bytes", err ? strerror(err) : "success",
			strlen(answer));
	close(fd);
}

/* Files are also opened in ways that make no sense. */
static void odd_access(struct rng *r)
{
	static const char *const names[] = {
		"collapse", "reap", "max_ptes_none", "workers", "stats/requests", "stats/reset",
	};
	static const int flags[] = {
		O_RDONLY, O_WRONLY, O_RDWR, O_RDWR | O_TRUNC, O_WRONLY | O_APPEND, O_RDWR | O_NONBLOCK,
	};
	char path[128], text[64];
	const void *volatile nowhere = (void *)sc_page();
	struct iovec pieces[2];
	int fd;

	snprintf(path, sizeof(path), SC_DIR "/%s", names[below(r, ARRAY_SIZE(names))]);
	fd = open(path, flags[below(r, 6)] | O_CLOEXEC);
	if (fd < 0)
		return;
	if (pread(fd, text, below(r, sizeof(text)), below(r, 10000)) > (ssize_t)sizeof(text))
		mistake(NULL, "%s reads more than was asked for", path);
	make_number(r, &input, 0, 2);
	/* Not a request: those name what they are about. */
	if (strcmp(path, SC_DIR "/collapse") && strcmp(path, SC_DIR "/reap") && input.len > 1) {
		pieces[0].iov_base = input.bytes;
		pieces[0].iov_len = input.len / 2;
		pieces[1].iov_base = input.bytes + input.len / 2;
		pieces[1].iov_len = input.len - input.len / 2;
		if (writev(fd, pieces, 2) > (ssize_t)input.len)
			mistake(&input, "%s takes more than there is", path);
		tally(&shared->inputs);
	}
	/* From where nothing is mapped. */
	if (pwrite(fd, nowhere, 1 + below(r, 100), below(r, 100)) > 0)
		mistake(NULL, "%s takes what cannot be read", path);
	tally(&shared->inputs);
	close(fd);
}

void one_input(uint64_t process, uint64_t step, bool alone)
{
	struct rng r = rng_of_step(shared->seed, process, step);

	switch (below(&r, 16)) {
	case 0:
	case 1:
		knob_input(&r, alone);
		break;
	case 2:
		tables_input(&r);
		break;
	case 3:
		if (one_in(&r, 2))
			reset_input(&r, alone);
		else
			reap_input(&r);
		break;
	case 4:
		odd_access(&r);
		break;
	case 5:
	case 6:
		device_input(&r, alone);
		break;
	default:
		request_input(&r, alone);
		break;
	}
}
