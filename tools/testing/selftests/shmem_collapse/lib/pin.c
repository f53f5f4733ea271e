// SPDX-License-Identifier: GPL-2.0
/* Others who hold pages, or are told of them: io_uring, udmabuf, userfaultfd. */
#include "sc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/udmabuf.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

int sc_register_buffer(void *addr, size_t len)
{
	struct io_uring_params params = {};
	struct iovec buffer = { .iov_base = addr, .iov_len = len };
	int fd = syscall(SYS_io_uring_setup, 1, &params);

	if (fd >= 0 && syscall(SYS_io_uring_register, fd, IORING_REGISTER_BUFFERS, &buffer, 1)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool sc_has_udmabuf(void)
{
	return !access("/dev/udmabuf", R_OK | W_OK);
}

int sc_udmabuf_seal(const struct sc_segment *seg)
{
	return fcntl(seg->fd, F_ADD_SEALS, F_SEAL_SHRINK) ? errno : 0;
}

int sc_udmabuf(const struct sc_segment *seg, size_t index, size_t pages)
{
	struct udmabuf_create create = {
		.memfd = seg->fd, .flags = UDMABUF_FLAGS_CLOEXEC,
		.offset = index * sc_page(), .size = pages * sc_page(),
	};
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), buf;

	if (dev < 0)
		return -1;
	buf = ioctl(dev, UDMABUF_CREATE, &create);
	close(dev);
	return buf;
}

int sc_uffd_watch(uint64_t features, void *addr, size_t len, uint64_t mode)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = {
		.range = { .start = (unsigned long)addr, .len = len }, .mode = mode,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))) {
		close(fd);
		return -1;
	}
	return fd;
}
