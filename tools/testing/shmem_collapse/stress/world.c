// SPDX-License-Identifier: GPL-2.0
/* The files and control groups that everything happens to. */
#include "stress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define SMALL_DIR	"/tmp/stress-small"
#define CGROUP_ROOT	"/sys/fs/cgroup"

struct file files[FILES];
char group_root[64], group_free[96], group_limited[96];

size_t file_pages(void)
{
	return EXTENTS * sc_nr();
}

int small_fs_resize(size_t pages)
{
	char options[64];

	snprintf(options, sizeof(options), "size=%zu", pages * sc_page());
	return mount("stress", SMALL_DIR, "tmpfs", MS_REMOUNT, options) ? errno : 0;
}

size_t small_fs_used(void)
{
	struct statfs fs;

	return statfs(SMALL_DIR, &fs) ? 0 : fs.f_blocks - fs.f_bfree;
}

static int make_small_fs(void)
{
	if (mkdir(SMALL_DIR, 0700) && errno != EEXIST)
		return errno;
	if (mount("stress", SMALL_DIR, "tmpfs", 0, NULL))
		return errno;
	return small_fs_resize(SMALL_FS_SIZE);
}

/* Memory without a name of its own has one among the mappings of the supervisor. */
static int name_by_mapping(struct file *f)
{
	unsigned long start = (unsigned long)f->seg.addr;

	snprintf(f->path, sizeof(f->path), "/proc/%d/map_files/%lx-%lx", world->supervisor, start,
		 start + f->seg.len);
	return access(f->path, F_OK) ? errno : 0;
}

static int create(struct file *f)
{
	const char *path = NULL;
	int err = 0;

	switch (f->id) {
	case TMPFS:
		path = "/dev/shm/stress";
		break;
	case LIMITED:
		path = "/dev/shm/stress-limited";
		break;
	case SMALL_FS:
		path = SMALL_DIR "/stress";
		err = make_small_fs();
		break;
	case MEMFD:
		err = sc_create(&f->seg, SC_MEMFD, EXTENTS);
		break;
	case SYSV:
		err = sc_create(&f->seg, SC_SYSV, EXTENTS);
		break;
	default:
		err = sc_create(&f->seg, SC_ANON, EXTENTS);
		break;
	}
	if (!err && path)
		err = sc_create_file(&f->seg, path, file_pages() * sc_page());
	if (err)
		return err;
	f->fd = f->seg.fd;
	snprintf(f->path, sizeof(f->path), "%s", f->seg.path);
	if (!f->seg.addr)
		f->seg.addr = sc_map_segment(&f->seg, PROT_READ | PROT_WRITE);
	if (f->seg.addr == MAP_FAILED)
		return errno;
	if (!*f->path)
		err = name_by_mapping(f);
	if (!err && f->id == ANON) {
		f->fd = open(f->path, O_RDWR | O_CLOEXEC);
		err = f->fd < 0 ? errno : 0;
	}
	return err;
}

int files_create(void)
{
	int i, err;

	for (i = 0; i < FILES; i++) {
		files[i].id = i;
		files[i].seg.fd = -1;
		files[i].fd = -1;
		files[i].may_lack_room = i == SMALL_FS;
		err = create(&files[i]);
		if (err) {
			printf("# file %d cannot be made: %s\n", i, strerror(err));
			return err;
		}
	}
	return 0;
}

void files_destroy(void)
{
	int i;

	for (i = 0; i < FILES; i++) {
		if (files[i].id == ANON && files[i].fd >= 0)
			close(files[i].fd);
		sc_destroy(&files[i].seg);
	}
	umount(SMALL_DIR);
	rmdir(SMALL_DIR);
}

int group_write(const char *group, const char *file, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	return sc_write_file(path, text);
}

long long group_read(const char *group, const char *file)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	return sc_read_number(path);
}

/* A few users are in a group whose limit changes; what they write is charged there. */
bool is_limited(int worker)
{
	return worker < USERS && worker % 6 == 5;
}

int groups_create(void)
{
	int err = sc_cgroup_create(group_root, sizeof(group_root), "stress");

	if (err) {
		*group_root = '\0';
		return err;
	}
	snprintf(group_free, sizeof(group_free), "%s/free", group_root);
	snprintf(group_limited, sizeof(group_limited), "%s/limited", group_root);
	err = group_write(group_root, "cgroup.subtree_control", "+memory");
	if (!err && (mkdir(group_free, 0755) || mkdir(group_limited, 0755)))
		err = errno;
	return err;
}

void groups_destroy(void)
{
	if (!*group_root)
		return;
	sc_cgroup_remove(group_free);
	sc_cgroup_remove(group_limited);
	sc_cgroup_remove(group_root);
}
