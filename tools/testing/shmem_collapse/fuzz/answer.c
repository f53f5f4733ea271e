// SPDX-License-Identifier: GPL-2.0
/* Requests by write to the device, and whether what it answers is the truth. */
#include "device.h"
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t write_in_pieces(int fd, const struct input *in, size_t at)
{
	struct iovec pieces[2] = {
		{ (char *)in->bytes, at }, { (char *)in->bytes + at, in->len - at },
	};

	return writev(fd, pieces, 2);
}

static void check_sums(const struct input *in, const struct sc_stats *answer)
{
	unsigned long long extents = sc_stat(answer, "extents"), failed = sc_stat(answer, "failed");

	if (extents == ULLONG_MAX || failed != sc_failed_sum(answer) ||
	    extents != sc_stat(answer, "collapsed") + sc_stat(answer, "already_huge") + failed)
		mistake(in, "an answer of %llu extents does not add up", extents);
}

static void check_answer(int fd, const struct input *in, int err)
{
	struct sc_stats answer;

	if (sc_answer(fd, &answer)) {
		mistake(in, "the answer cannot be read");
	} else if (!in->len) {
		if (answer.count)
			mistake(in, "an answer to nothing");
	} else {
		check_sums(in, &answer);
		if (sc_stat(&answer, "running"))
			mistake(in, "it still runs");
		/* Some extent has the error, or none was tried. */
		if (!err != !sc_stat(&answer, "failed") && (!err || sc_stat(&answer, "extents")) &&
		    err != ESRCH && err != EINTR && err != ENOMEM)
			mistake(in, "%llu extents failed, and the answer was %s",
				sc_stat(&answer, "failed"), err ? strerror(err) : "success");
	}
}

/* From anywhere, into anything: what is read is a piece of an answer. */
static void odd_reads(struct rng *r, int fd)
{
	void *volatile nowhere = (void *)sc_page();
	char text[SC_MAX_ANSWER];
	ssize_t n, i;

	n = pread(fd, text, below(r, sizeof(text)), one_in(r, 4) ? rnd(r) : below(r, 2000));
	for (i = 0; i < n; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > 'z'))
			mistake(NULL, "an answer has the byte %#x", text[i]);
	if (pread(fd, nowhere, 1 + below(r, 100), below(r, 100)) > 0)
		mistake(NULL, "an answer was written to where nothing is");
	lseek(fd, one_in(r, 4) ? rnd(r) : below(r, 2000), below(r, 5));
}

int ask_device(struct rng *r, const struct input *in)
{
	int fd = sc_device(), err = 0;
	ssize_t n;

	if (fd < 0)
		return errno;
	n = one_in(r, 4) ? write_in_pieces(fd, in, below(r, in->len + 1)) :
			   write(fd, in->bytes, in->len);
	if (n < 0)
		err = errno;
	else if ((size_t)n != in->len)
		err = EIO;	/* no documented answer */
	check_answer(fd, in, err);
	odd_reads(r, fd);
	close(fd);
	count_input();
	return err;
}
