// SPDX-License-Identifier: GPL-2.0
/* A request that waits between two steps, so that a test can do in the window what it wants. */
#include "sc.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define LONG_MS		60000
#define SLEEP_TRIES	10000

pid_t sc_window_open(const struct sc_segment *seg, const char *place)
{
	pid_t pid;

	if (sc_delay(place, LONG_MS))
		return -1;
	pid = sc_fork();
	if (!pid) {
		/* No mapper itself, nor a user of what the test has open. */
		munmap(seg->addr, seg->len);
		_exit(sc_collapsef("%s,0,%zu", seg->path, sc_nr()));
	}
	return sc_delay_reached(place) ? -1 : pid;
}

int sc_window_close(pid_t writer, const char *place)
{
	int err = sc_delay(place, 0);

	return err ? -err : sc_join(writer);
}

int sc_window_close_noting(pid_t writer, const char *place, const char *watched, bool *reached)
{
	int err = sc_delay(watched, LONG_MS) ?: sc_delay(place, 0);
	siginfo_t end;

	*reached = false;
	do {
		if (err)
			return -err;
		usleep(1000);
		end.si_pid = 0;
		if (!*reached && sc_delay_waiting(watched)) {
			*reached = true;
			err = sc_delay(watched, 0);
		}
	} while (!waitid(P_PID, writer, &end, WEXITED | WNOHANG | WNOWAIT) && !end.si_pid);
	sc_delay(watched, 0);
	return sc_join(writer);
}

int sc_wait_asleep(pid_t pid)
{
	char path[64], text[512], state;
	int tries;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (tries = 0; tries < SLEEP_TRIES; tries++) {
		/* "pid (name) state ..." */
		if (sc_read_file(path, text, sizeof(text)))
			return ESRCH;
		if (sscanf(text, "%*d (%*[^)]) %c", &state) == 1 && state == 'D')
			return 0;
		usleep(1000);
	}
	return ETIMEDOUT;
}
