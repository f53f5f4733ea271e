// SPDX-License-Identifier: GPL-2.0
/* A thread that answers the faults of a view that is registered with userfaultfd. */
#include "uffd.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct uffdio_range page_range(uint64_t addr)
{
	return (struct uffdio_range){ .start = addr, .len = sc_page() };
}

static void wake(struct watch *w, uint64_t addr)
{
	struct uffdio_range range = page_range(addr);

	ioctl(w->fd, UFFDIO_WAKE, &range);
}

/*
 * A shared hole becomes zeroes, which it is for everybody. A private one becomes a page that
 * nobody else has; unless the file is being truncated, then the fault shall come again.
 */
static void answer_missing(struct watch *w, uint64_t addr)
{
	static _Alignas(65536) char buf[65536];
	size_t at = (addr - (uint64_t)w->view->addr) / sc_page();
	size_t index = w->view->first + at;
	struct uffdio_zeropage zero = { .range = page_range(addr) };
	struct uffdio_copy copy = { .dst = addr, .src = (uint64_t)buf, .len = sc_page() };
	uint64_t truncations, version = (1ull << 32) + addr;

	if (!w->view->private) {
		if (ioctl(w->fd, UFFDIO_ZEROPAGE, &zero))
			wake(w, addr);
		return;
	}
	truncations = page_truncations(w->view->file, index);
	if (truncations % 2) {
		wake(w, addr);
		return;
	}
	pattern(buf, private_tag(version), index, version);
	private_note(w->view, at, UINT64_MAX, 0);
	if (ioctl(w->fd, UFFDIO_COPY, &copy))
		wake(w, addr);
	else if (page_truncations(w->view->file, index) == truncations)
		private_note(w->view, at, version, truncations);
}

static void answer(struct watch *w, const struct uffd_msg *msg)
{
	uint64_t addr = msg->arg.pagefault.address & ~((uint64_t)sc_page() - 1);
	uint64_t flags = msg->arg.pagefault.flags;

	if (addr == __atomic_load_n(&w->page, __ATOMIC_SEQ_CST))
		count(&w->events, 1);
	if (flags & UFFD_PAGEFAULT_FLAG_WP) {
		struct uffdio_writeprotect wp = { .range = page_range(addr) };

		if (ioctl(w->fd, UFFDIO_WRITEPROTECT, &wp))
			wake(w, addr);
	} else if (flags & UFFD_PAGEFAULT_FLAG_RWP) {
		struct uffdio_rwprotect rwp = { .range = page_range(addr) };

		if (ioctl(w->fd, UFFDIO_RWPROTECT, &rwp))
			wake(w, addr);
	} else if (flags & UFFD_PAGEFAULT_FLAG_MINOR) {
		struct uffdio_continue go_on = { .range = page_range(addr) };

		if (ioctl(w->fd, UFFDIO_CONTINUE, &go_on))
			wake(w, addr);
	} else {
		answer_missing(w, addr);
	}
}

static void *serve(void *data)
{
	struct watch *w = data;
	struct pollfd fds[2] = {
		{ .fd = w->fd, .events = POLLIN },
		{ .fd = w->stop[0], .events = POLLIN },
	};
	struct uffd_msg msg;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents)
		while (read(w->fd, &msg, sizeof(msg)) == sizeof(msg))
			if (msg.event == UFFD_EVENT_PAGEFAULT)
				answer(w, &msg);
	return NULL;
}

static bool watch_register(struct watch *w, uint64_t mode, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range.start = (unsigned long)w->view->addr,
		.range.len = w->view->pages * sc_page(),
		.mode = mode,
	};

	return !ioctl(w->fd, UFFDIO_API, &api) && !ioctl(w->fd, UFFDIO_REGISTER, &reg);
}

bool watch_begin(struct watch *w, struct view *v, uint64_t mode, uint64_t features)
{
	memset(w, 0, sizeof(*w));
	w->view = v;
	w->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (w->fd < 0)
		return false;
	if (pipe2(w->stop, O_CLOEXEC)) {
		close(w->fd);
		return false;
	}
	if (watch_register(w, mode, features) && !pthread_create(&w->thread, NULL, serve, w))
		return true;
	close(w->fd);
	close(w->stop[0]);
	close(w->stop[1]);
	return false;
}

void watch_end(struct watch *w)
{
	struct uffdio_range range = {
		.start = (unsigned long)w->view->addr,
		.len = w->view->pages * sc_page(),
	};

	ioctl(w->fd, UFFDIO_UNREGISTER, &range);
	close(w->stop[1]);
	pthread_join(w->thread, NULL);
	close(w->stop[0]);
	close(w->fd);
}
