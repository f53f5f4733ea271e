// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that map a segment and do what they are told over a socket. They are copies of the
 * test program, so an operation is simply a function pointer.
 */
#include "sc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct order {
	sc_op op;
	long arg[SC_ARGS];
	struct sc_segment seg;
};

/* Set in a child before an operation: what sc_op_attach() maps. */
static struct sc_segment attach_segment;

pid_t sc_fork(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (!pid) {
		/* A test that dies must not leave processes behind. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
	}
	return pid;
}

int sc_join(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int sc_try_access(char *at, bool write)
{
	pid_t pid = sc_fork();

	if (!pid) {
		if (write)
			__atomic_store_n(at, 1, __ATOMIC_RELAXED);
		else
			__atomic_load_n(at, __ATOMIC_RELAXED);
		_exit(0);
	}
	return sc_join(pid);
}

static void serve(int sock, char *addr, size_t len)
{
	struct sc_child child = { .addr = addr, .len = len };
	struct order order;
	long result;

	while (read(sock, &order, sizeof(order)) == sizeof(order)) {
		attach_segment = order.seg;
		result = order.op(&child, order.arg);
		if (write(sock, &result, sizeof(result)) != sizeof(result))
			break;
	}
	_exit(0);
}

static int spawn(struct sc_mapper *m, char *addr, size_t len)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return errno;
	m->pid = sc_fork();
	if (m->pid < 0)
		return errno;
	if (!m->pid) {
		close(pair[0]);
		serve(pair[1], addr, len);
	}
	close(pair[1]);
	m->sock = pair[0];
	m->addr = addr;
	return 0;
}

static void send_order(struct sc_mapper *m, const struct order *order)
{
	if (write(m->sock, order, sizeof(*order)) != sizeof(*order))
		fprintf(stderr, "# process %d takes no orders: %s\n", m->pid, strerror(errno));
}

void sc_send(struct sc_mapper *m, sc_op op, long a, long b, long c, long d)
{
	struct order order = { .op = op, .arg = { a, b, c, d } };

	send_order(m, &order);
}

long sc_wait(struct sc_mapper *m)
{
	long result;

	if (read(m->sock, &result, sizeof(result)) != sizeof(result))
		return -1;
	return result;
}

long sc_call(struct sc_mapper *m, sc_op op, long a, long b, long c, long d)
{
	sc_send(m, op, a, b, c, d);
	return sc_wait(m);
}

/* prot -> the address, or MAP_FAILED */
long sc_op_attach(struct sc_child *child, const long *arg)
{
	struct sc_segment seg = attach_segment;

	if (seg.kind != SC_SYSV) {
		seg.fd = open(seg.path, (arg[0] & PROT_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
		if (seg.fd < 0)
			return (long)MAP_FAILED;
	}
	child->addr = sc_map_segment(&seg, arg[0]);
	child->len = seg.len;
	if (seg.kind != SC_SYSV)
		close(seg.fd);
	return (long)child->addr;
}

int sc_spawn_bare(struct sc_mapper *m)
{
	return spawn(m, NULL, 0);
}

static long op_forget(struct sc_child *child, const long *arg)
{
	return munmap((void *)arg[0], arg[1]);
}

int sc_spawn(struct sc_mapper *m, const struct sc_segment *seg, enum sc_kinship kinship)
{
	struct order order = { .op = sc_op_attach, .arg = { PROT_READ | PROT_WRITE }, .seg = *seg };
	int err;

	if (kinship == SC_FORKED)
		return spawn(m, seg->addr, seg->len);

	err = sc_spawn_bare(m);
	if (err)
		return err;
	/* Only its own mapping, not the one it was born with. */
	if (seg->addr && sc_call(m, op_forget, (long)seg->addr, seg->len, 0, 0))
		return EINVAL;
	send_order(m, &order);
	m->addr = (char *)sc_wait(m);
	return m->addr == MAP_FAILED ? ENOENT : 0;
}

int sc_spawn_n(struct sc_mapper *m, int n, const struct sc_segment *seg, enum sc_kinship kinship)
{
	int err = 0;
	int i;

	for (i = 0; i < n && !err; i++)
		err = sc_spawn(&m[i], seg, kinship);
	return err;
}

void sc_kill(struct sc_mapper *m, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (m[i].pid <= 0)
			continue;
		kill(m[i].pid, SIGKILL);
		waitpid(m[i].pid, NULL, 0);
		close(m[i].sock);
		m[i].pid = 0;
	}
}

long sc_op_touch(struct sc_child *child, const long *arg)
{
	return sc_touch(child->addr, child->len);
}

long sc_op_verify(struct sc_child *child, const long *arg)
{
	return sc_verify(child->addr, child->len, arg[0], arg[1]);
}

long sc_op_fill(struct sc_child *child, const long *arg)
{
	sc_fill(child->addr, child->len, arg[0], arg[1]);
	return 0;
}

long sc_op_peek(struct sc_child *child, const long *arg)
{
	return __atomic_load_n((long *)(child->addr + arg[0] * sc_page()), __ATOMIC_ACQUIRE);
}

long sc_op_poke(struct sc_child *child, const long *arg)
{
	__atomic_store_n((long *)(child->addr + arg[0] * sc_page()), arg[1], __ATOMIC_RELEASE);
	return 0;
}

long sc_op_fork(struct sc_child *child, const long *arg)
{
	pid_t pid = sc_fork();

	if (!pid)
		_exit(!!sc_op_verify(child, arg));
	return sc_join(pid);
}

long sc_op_protect(struct sc_child *child, const long *arg)
{
	if (mprotect(child->addr, child->len, PROT_READ) ||
	    mprotect(child->addr, child->len / 2, PROT_READ | PROT_WRITE))
		return -1;
	return sc_op_verify(child, arg);
}

long sc_op_exit(struct sc_child *child, const long *arg)
{
	_exit(0);
}
