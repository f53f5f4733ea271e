// SPDX-License-Identifier: GPL-2.0
/* Many writers, writers that die, and a module that goes and comes. */
#include "fuzz.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_over(uint64_t until)
{
	return __atomic_load_n(&shared->inputs, __ATOMIC_SEQ_CST) >= until;
}

static void join(pid_t *pids, int n)
{
	int i, status;

	for (i = 0; i < n; i++) {
		status = sc_join(pids[i]);
		if (status)
			mistake(NULL, "writer %d ended with %d", i, status);
	}
}

void crowd(uint64_t inputs)
{
	uint64_t until = shared->inputs + inputs, step;
	pid_t pids[CROWD];
	int i;

	for (i = 0; i < CROWD; i++) {
		pids[i] = sc_fork();
		if (pids[i])
			continue;
		for (step = 0; !is_over(until); step++)
			one_input(1 + i, step, false);
		_exit(0);
	}
	join(pids, CROWD);
}

bool target_is_right(void)
{
	return !sc_verify(scene.target.addr, scene.target.len, shared->seed, 0);
}

static int ask_target(void)
{
	static struct input in;

	input_set(&in, "%s", scene.target.path);
	return send_input("collapse", &in);
}

/* After a writer was killed, whatever it was at, the next one gets on. */
static void expect_no_trace(void)
{
	int tries, err;

	sc_split(scene.target.addr, scene.target.len);
	for (tries = 0; tries < 200; tries++) {
		err = ask_target();
		if (err != EAGAIN && err != ENOMEM)
			break;
		usleep(5000);
	}
	if (err)
		mistake(NULL, "after a writer was killed a request is answered by %s",
			strerror(err));
	if (!target_is_right())
		mistake(NULL, "the content is wrong after a writer was killed");
}

void killed_writers(uint64_t inputs)
{
	uint64_t until = shared->inputs + inputs, step;
	struct rng r = rng_of_step(shared->seed, 100, 0);
	int status;
	pid_t pid;

	for (step = 0; !is_over(until); step++) {
		sc_split(scene.target.addr, scene.target.len);
		sc_knob_set_number("workers", 1 + below(&r, sysconf(_SC_NPROCESSORS_ONLN)));
		pid = sc_fork();
		if (!pid) {
			ask_target();
			for (;;)
				one_input(101, shared->inputs, false);
		}
		usleep(below(&r, one_in(&r, 4) ? 20000 : 3000));
		kill(pid, SIGKILL);
		if (waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
			mistake(NULL, "a killed writer ended by itself");
		shared->kills++;
		if (step % 8 == 0)
			expect_no_trace();
	}
	expect_no_trace();
}

/* --- the module ----------------------------------------------------------------------------- */

/* A program that has the device open keeps the module. */
static int unload(void)
{
	int tries, err;

	for (tries = 0; tries < 500; tries++) {
		err = sc_unload();
		if (err != EAGAIN)
			break;
		usleep(10000);
	}
	return err;
}

/* Files of the module may be gone at any time: only what it must not do is looked at. */
static void ask_what_may_be_gone(uint64_t process)
{
	static struct input in;
	uint64_t step;

	for (step = 0; !shared->stop; step++) {
		struct rng r = rng_of_step(shared->seed, process, step);
		static struct request q;

		if (one_in(&r, 4)) {
			make_number(&r, &in, 0, 2);
			send_input(one_in(&r, 2) ? "workers" : "stats/reset", &in);
			continue;
		}
		if (one_in(&r, 6)) {
			device_input(&r, false);
			continue;
		}
		if (one_in(&r, 4)) {
			sc_split(scene.target.addr, scene.target.len);
			ask_target();
			continue;
		}
		make_request(&r, &in);
		model_parse(&in, &q);
		if (model_must_skip(&q))
			continue;
		if (one_in(&r, 4))
			ask_device(&r, &in);
		else
			send_input("collapse", &in);
	}
	_exit(0);
}

void reloads(uint64_t inputs)
{
	uint64_t until = shared->inputs + inputs;
	struct rng r = rng_of_step(shared->seed, 200, 0);
	pid_t pids[CROWD];
	int i, err;

	if (access("/lib/shmem_collapse.ko", R_OK)) {
		printf("# no /lib/shmem_collapse.ko: the module is not removed and loaded\n");
		return;
	}
	for (i = 0; i < CROWD; i++) {
		pids[i] = sc_fork();
		if (!pids[i])
			ask_what_may_be_gone(201 + i);
	}
	while (!is_over(until)) {
		usleep(below(&r, 30000));
		err = unload() ?: sc_load();
		if (err)
			mistake(NULL, "the module cannot be removed and loaded: %s", strerror(err));
		shared->reloads++;
	}
	shared->stop = true;
	join(pids, CROWD);
	if (!sc_loaded())
		sc_load();
}
