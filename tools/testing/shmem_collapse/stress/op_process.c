// SPDX-License-Identifier: GPL-2.0
/* Processes begin and end. */
#include "stress.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of a child, which shares the counters but not the place in the sequence. */
static void child_looks(struct rng *r)
{
	int i;

	for (i = 0; i < 4; i++) {
		struct view *v = view_any(r, false);

		if (v)
			view_check_some(v, r, 4);
		usleep(below(r, 3000));
	}
}

bool op_fork(struct rng *r)
{
	bool leave_early = one_in(r, 3), kill_it = one_in(r, 3);
	struct view *v = view_any(r, false);
	pid_t pid = sc_fork();
	int status;

	if (pid < 0)
		return false;
	if (!pid) {
		if (!leave_early)
			child_looks(r);
		_exit(0);
	}
	if (v)
		view_check_some(v, r, 2);
	if (kill_it) {
		usleep(below(r, 4000));
		kill(pid, SIGKILL);
	}
	if (waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		complain("a child died of signal %d", WTERMSIG(status));
	return true;
}

bool op_exec(struct rng *r)
{
	pid_t pid = sc_fork();

	if (pid < 0)
		return false;
	if (!pid) {
		child_looks(r);
		/* All mappings go at once. */
		execl("/proc/self/exe", "stress", "--nothing", NULL);
		_exit(1);
	}
	return !sc_join(pid);
}

bool op_exit(struct rng *r)
{
	exit(REBORN);
}
