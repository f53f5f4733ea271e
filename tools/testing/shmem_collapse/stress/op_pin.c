// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that somebody else holds. While they do, nobody but us changes them, and what is written
 * through one way must be there by the other: the page must still be the same.
 */
#include "stress.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST 8

static _Alignas(65536) char buf[65536];

/* Locks some pages of a shared view; returns their number. */
static size_t take(struct rng *r, struct view **v, size_t *at)
{
	size_t n = 1 + below(r, MOST);

	*v = view_any(r, true);
	if (!*v)
		return 0;
	*at = below(r, (*v)->pages);
	if (*at + n > (*v)->pages)
		n = (*v)->pages - *at;
	n = page_lock_range((*v)->file, (*v)->first + *at, n);
	return n;
}

static void give(struct view *v, size_t at, size_t n, bool written)
{
	page_unlock_range(v->file, v->first + at, n, written ? DATA : UNKNOWN);
	count(&world->pages_written, written ? n : 0);
}

static bool write_next(struct view *v, size_t at, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		page_next(v->file, v->first + at + i, buf);
		if (copy_trapped(view_page(v, at + i), buf, sc_page()))
			return false;
	}
	return true;
}

static void expect_next(struct view *v, size_t at, size_t n, const char *how)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (copy_trapped(buf, view_page(v, at + i), sc_page()))
			complain("%s: page %zu is gone", how, v->first + at + i);
		else
			page_judge_next(v->file, v->first + at + i, buf, how);
	}
}

bool op_vmsplice(struct rng *r)
{
	struct iovec there;
	size_t at, n, i;
	struct view *v;
	int fds[2];
	bool done;

	n = take(r, &v, &at);
	if (!n || pipe2(fds, O_CLOEXEC)) {
		if (n)
			give(v, at, n, false);
		return false;
	}
	there.iov_base = view_page(v, at);
	there.iov_len = n * sc_page();
	done = vmsplice(fds[1], &there, 1, 0) == (ssize_t)there.iov_len;
	dwell(v, r);
	done = done && write_next(v, at, n);
	for (i = 0; done && i < n; i++) {
		if (read(fds[0], buf, sc_page()) != (ssize_t)sc_page())
			complain("a pipe lost what was spliced into it");
		else
			page_judge_next(v->file, v->first + at + i, buf, "pinned by vmsplice");
	}
	give(v, at, n, done);
	close(fds[0]);
	close(fds[1]);
	return done;
}

/* Out to a device and back: the first reads pinned pages, the second writes to them. */
bool op_direct_io(struct rng *r)
{
	off_t place = (off_t)me * MOST * sc_page();
	char path[32];
	bool done = false;
	struct view *v;
	size_t at, n, i;
	int fd;

	if (world->zram < 0)
		return false;
	snprintf(path, sizeof(path), "/dev/zram%d", world->zram);
	n = take(r, &v, &at);
	if (!n)
		return false;
	fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (fd >= 0 && write_next(v, at, n) &&
	    pwrite(fd, view_page(v, at), n * sc_page(), place) == (ssize_t)(n * sc_page())) {
		for (i = 0; i < n; i++)
			if (pread(fd, buf, sc_page(), place + i * sc_page()) == (ssize_t)sc_page())
				page_judge_next(v->file, v->first + at + i, buf, "direct write");
		/* Other bytes in the pages, and the device's again over them. */
		memset(buf, 0xa5, sc_page());
		for (i = 0; i < n; i++)
			copy_trapped(view_page(v, at + i), buf, sc_page());
		usleep(below(r, 2000));
		done = pread(fd, view_page(v, at), n * sc_page(), place) ==
		       (ssize_t)(n * sc_page());
		if (done)
			expect_next(v, at, n, "direct read");
	}
	give(v, at, n, done);
	if (fd >= 0)
		close(fd);
	return done;
}

/* --- io_uring ------------------------------------------------------------------------------- */

struct ring {
	int fd;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *sqe;
	size_t sq_len, cq_len;
};

static void ring_close(struct ring *ring)
{
	if (ring->sq != MAP_FAILED)
		munmap(ring->sq, ring->sq_len);
	if (ring->cq != MAP_FAILED)
		munmap(ring->cq, ring->cq_len);
	if (ring->sqe != MAP_FAILED)
		munmap(ring->sqe, sc_page());
	close(ring->fd);
}

static bool ring_open(struct ring *ring)
{
	const int prot = PROT_READ | PROT_WRITE;

	memset(ring, 0, sizeof(*ring));
	ring->fd = syscall(SYS_io_uring_setup, 2, &ring->p);
	if (ring->fd < 0)
		return false;
	ring->sq_len = ring->p.sq_off.array + ring->p.sq_entries * sizeof(uint32_t);
	ring->cq_len = ring->p.cq_off.cqes + ring->p.cq_entries * sizeof(struct io_uring_cqe);
	ring->sq = mmap(NULL, ring->sq_len, prot, MAP_SHARED, ring->fd, IORING_OFF_SQ_RING);
	ring->cq = mmap(NULL, ring->cq_len, prot, MAP_SHARED, ring->fd, IORING_OFF_CQ_RING);
	ring->sqe = mmap(NULL, sc_page(), prot, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	if (ring->sq == MAP_FAILED || ring->cq == MAP_FAILED || ring->sqe == MAP_FAILED) {
		ring_close(ring);
		return false;
	}
	return true;
}

/* Reads @len bytes of @fd into the registered buffer; the result of the read. */
static int ring_read_fixed(struct ring *ring, int fd, void *to, size_t len)
{
	uint32_t *tail = (uint32_t *)(ring->sq + ring->p.sq_off.tail);
	uint32_t *array = (uint32_t *)(ring->sq + ring->p.sq_off.array);
	uint32_t *head = (uint32_t *)(ring->cq + ring->p.cq_off.head);
	struct io_uring_cqe *cqe = (struct io_uring_cqe *)(ring->cq + ring->p.cq_off.cqes);
	int result;

	memset(ring->sqe, 0, sizeof(*ring->sqe));
	ring->sqe->opcode = IORING_OP_READ_FIXED;
	ring->sqe->fd = fd;
	ring->sqe->addr = (unsigned long)to;
	ring->sqe->len = len;
	array[*tail % ring->p.sq_entries] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		return -1;
	result = cqe[*head % ring->p.cq_entries].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	return result;
}

bool op_io_uring(struct rng *r)
{
	struct iovec there;
	size_t at, n, i;
	struct ring ring;
	bool done = false;
	struct view *v;
	int source;

	n = take(r, &v, &at);
	if (!n)
		return false;
	/*
	 * Unregistering a buffer does not mark its pages dirty (io_release_ubuf()), and those that
	 * were only read until then would be dropped by reclaim with what io_uring put there.
	 */
	if (!write_next(v, at, n)) {
		give(v, at, n, false);
		return false;
	}
	source = memfd_create("stress-source", MFD_CLOEXEC);
	for (i = 0; i < n; i++) {
		page_next(v->file, v->first + at + i, buf);
		if (pwrite(source, buf, sc_page(), i * sc_page()) != (ssize_t)sc_page())
			break;
	}
	there.iov_base = view_page(v, at);
	there.iov_len = n * sc_page();
	if (i == n && ring_open(&ring)) {
		if (!syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_BUFFERS, &there, 1)) {
			dwell(v, r);
			done = ring_read_fixed(&ring, source, there.iov_base, there.iov_len) ==
			       (int)there.iov_len;
			if (done)
				expect_next(v, at, n, "registered with io_uring");
		}
		ring_close(&ring);
	}
	give(v, at, n, done);
	if (source >= 0)
		close(source);
	return done;
}

/* --- CONFIG_GUP_TEST ------------------------------------------------------------------------ */

/* As mm/gup_test.h, which is not for programs, has them. */
struct pin_longterm_test {
	uint64_t addr, size;
	uint32_t flags;
};

#define PIN_LONGTERM_TEST_START	_IOW('g', 7, struct pin_longterm_test)
#define PIN_LONGTERM_TEST_STOP	_IO('g', 8)
#define PIN_LONGTERM_TEST_READ	_IOW('g', 9, uint64_t)

bool op_longterm_pin(struct rng *r)
{
	static char copy[MOST * 65536];
	uint64_t to = (unsigned long)copy;
	struct pin_longterm_test pin;
	struct view *v;
	size_t at, n, i;
	bool done;
	int fd;

	fd = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = take(r, &v, &at);
	if (!n) {
		close(fd);
		return false;
	}
	pin.addr = (unsigned long)view_page(v, at);
	pin.size = n * sc_page();
	pin.flags = 1 + 2 * one_in(r, 2);	/* for writing, perhaps the fast way */
	done = !ioctl(fd, PIN_LONGTERM_TEST_START, &pin);
	dwell(v, r);
	done = done && write_next(v, at, n) && !ioctl(fd, PIN_LONGTERM_TEST_READ, &to);
	for (i = 0; done && i < n; i++)
		page_judge_next(v->file, v->first + at + i, copy + i * sc_page(),
				"pinned for long");
	give(v, at, n, done);
	close(fd);	/* which unpins */
	return done;
}
