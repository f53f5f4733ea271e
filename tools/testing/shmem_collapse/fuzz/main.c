// SPDX-License-Identifier: GPL-2.0
/* Options, the scene, the phases, and the verdict as TAP. */
#include "fuzz.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYSTANDER_SEED 0xb1

struct scene scene;
struct shared *shared;

static struct sc_segment beside;	/* what the bystander maps */
static uint64_t inputs;

static void options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "inputs", required_argument, NULL, 'i' },
		{ "seed", required_argument, NULL, 's' },
		{ }
	};
	int c;

	inputs = sc_brief() ? 1500 : 5000;
	shared->seed = sc_now_ns() ^ (uint64_t)getpid() << 48;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'i')
			inputs = strtoull(optarg, NULL, 0);
		else if (c == 's')
			shared->seed = strtoull(optarg, NULL, 0);
	}
	if (optind < argc || !inputs) {
		printf("usage: fuzz_test [--inputs N] [--seed N]\n");
		exit(2);
	}
}

static void touch_file(const char *name, off_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", scene.dir, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		if (ftruncate(fd, len))
			printf("# %s has no length\n", path);
		close(fd);
	}
}

static void odd_files(void)
{
	static const char *const names[] = {
		"a,b", "a,1", "a,1,2", "a,,1", ",", "a b", "a\n", " ", "a,0x,1", "1,2,3", "\xff\xfe",
	};
	char path[128];
	size_t i;

	snprintf(scene.dir, sizeof(scene.dir), "/dev/shm/fuzz-%d", getpid());
	mkdir(scene.dir, 0700);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		touch_file(names[i], sc_page());
	touch_file("empty", 0);
	touch_file("sparse", (off_t)1 << 33);
	snprintf(path, sizeof(path), "%s/link", scene.dir);
	if (symlink(scene.target.path, path))
		printf("# no link\n");
	snprintf(path, sizeof(path), "%s/dangling", scene.dir);
	if (symlink("/nowhere", path))
		printf("# no link\n");
	snprintf(path, sizeof(path), "%s/loop", scene.dir);
	if (symlink(path, path))
		printf("# no link\n");
	snprintf(path, sizeof(path), "%s/fifo", scene.dir);
	mkfifo(path, 0600);
}

/* A process whose memory nobody names: it must stay as it is, in small pages. */
static pid_t bystander(void)
{
	pid_t pid;

	if (sc_create_filled(&beside, SC_ANON, 1, BYSTANDER_SEED))
		return -1;
	pid = sc_fork();
	if (pid) {
		munmap(beside.addr, beside.len);
		return pid;
	}
	raise(SIGSTOP);
	_exit(sc_verify(beside.addr, beside.len, BYSTANDER_SEED, 0) ? 1 :
	      sc_huge_pages(beside.addr, beside.len) ? 2 : 0);
}

static bool set_scene(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;

	if (sc_create_filled(&scene.target, SC_TMPFS, TARGET_EXTENTS, shared->seed))
		return false;
	odd_files();
	scene.bystander = bystander();
	scene.dead = 4194000;	/* larger than any pid that is given out here */
	sc_write_file("/proc/sys/vm/nr_hugepages", "1");
	scene.hugetlb = mmap(NULL, sc_extent(), PROT_READ | PROT_WRITE, flags, -1, 0);
	if (scene.hugetlb == MAP_FAILED)
		scene.hugetlb = NULL;
	else
		*(char *)scene.hugetlb = 1;
	return scene.bystander > 0;
}

static int collapse_at_last(void)
{
	return sc_defaults() ?:
	       sc_collapse_retry(getpid(), scene.target.addr, scene.target.len, 200);
}

static int clear_scene(void)
{
	char command[128];
	int status;

	kill(scene.bystander, SIGCONT);
	status = sc_join(scene.bystander);
	if (scene.hugetlb)
		munmap(scene.hugetlb, sc_extent());
	sc_write_file("/proc/sys/vm/nr_hugepages", "0");
	sc_destroy(&scene.target);
	snprintf(command, sizeof(command), "rm -rf %s", scene.dir);
	if (system(command))
		printf("# %s is left\n", scene.dir);
	return status;
}

static int failed, number;

static void report(bool ok, const char *what)
{
	printf("%s %d %s\n", ok ? "ok" : "not ok", ++number, what);
	failed += !ok;
}

static void phase(void (*run)(uint64_t), uint64_t n, const char *what)
{
	uint64_t before = shared->mistakes;

	run(n);
	report(shared->mistakes == before, what);
}

static void one_writer(uint64_t n)
{
	uint64_t step, until = shared->inputs + n;

	for (step = 0; shared->inputs < until; step++)
		one_input(0, step, true);
}

/* What the kernel frees a bit later is waited for. */
static bool settles(const char *field, long long expected)
{
	int tries;

	for (tries = 0; tries < 50 && sc_meminfo(field) != expected; tries++)
		usleep(100000);
	printf("# %s: %lld before, %lld after\n", field, expected, sc_meminfo(field));
	return sc_meminfo(field) == expected;
}

int main(int argc, char **argv)
{
	long long shmem, huge;
	int left;

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	options(argc, argv);
	if (geteuid() || !sc_loaded()) {
		printf("1..0 # SKIP needs root and the module shmem_collapse\n");
		return 4;
	}
	printf("TAP version 13\n1..9\n# %llu inputs, seed %llu\n", (unsigned long long)inputs,
	       (unsigned long long)shared->seed);
	fflush(stdout);
	shmem = sc_meminfo("Shmem");
	huge = sc_meminfo("ShmemHugePages");
	if (sc_defaults() || !set_scene()) {
		printf("Bail out! no memory\n");
		return 1;
	}

	phase(one_writer, inputs * 6 / 10, "one writer, every answer as documented");
	sc_defaults();
	phase(crowd, inputs * 3 / 10, "many writers, and knobs that change");
	sc_defaults();
	phase(killed_writers, inputs / 20, "writers that are killed");
	phase(reloads, inputs / 20, "module removed and loaded");
	report(!collapse_at_last(), "a request succeeds afterwards");
	report(target_is_right(), "the target has its content");
	left = clear_scene();
	report(left != 1, "memory that no input named has its content");
	report(left != 2, "memory that no input named is in small pages");
	report(settles("Shmem", shmem) && settles("ShmemHugePages", huge),
	       "shared memory is used as before");
	printf("# %llu inputs, %llu of them requests (%llu malformed, %llu successful), %llu not sent, %llu writers killed, %llu times loaded, %llu mistakes, seed %llu\n",
	       (unsigned long long)shared->inputs, (unsigned long long)shared->requests,
	       (unsigned long long)shared->malformed, (unsigned long long)shared->accepted,
	       (unsigned long long)shared->skipped, (unsigned long long)shared->kills,
	       (unsigned long long)shared->reloads, (unsigned long long)shared->mistakes,
	       (unsigned long long)shared->seed);
	return failed > 0;
}
