// SPDX-License-Identifier: Apache-2.0
/* The directory of pins: how it comes and how it goes. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/parse.h"
#include "datapath/private.h"

#define SYS_BPF "/sys/fs/bpf"

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* Nothing can be made in /sys itself: there, the usual mount point serves. */
int datapath_mount(const char *path)
{
	bool in_sys = !strncmp(path, SYS_BPF "/", strlen(SYS_BPF "/")) || !strcmp(path, SYS_BPF);
	const char *where = in_sys ? SYS_BPF : path;
	int r;

	if (!in_sys) {
		r = file_make_dirs(path, 0700);
		if (r < 0)
			return r;
	}
	if (!is_bpffs(where) && mount("bpf", where, "bpf", 0, "mode=0700") < 0)
		return -errno;
	return file_make_dirs(path, 0700);
}

/* "v" and a number, but for that of @kept; 0 is nobody's. */
static bool is_schema_but(const char *name, uint64_t kept)
{
	uint64_t number;

	return name[0] == 'v' && !parse_u64(&number, name + 1, UINT32_MAX) && number != kept;
}

static int remove_part(const char *bpffs, const char *name)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", bpffs, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return file_remove_tree(path);
}

static int remove_schemas_but(const char *bpffs, uint64_t kept)
{
	cleanup(closedirp) DIR *dir = opendir(bpffs);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir)))
		if (is_schema_but(entry->d_name, kept))
			r = remove_part(bpffs, entry->d_name) ?: r;
	return r;
}

/* Mounted at @path itself, which is what datapath_mount() does outside of /sys. */
static bool is_own_mount(const char *path)
{
	struct stat here, above;
	char parent[PATH_MAX];

	if (snprintf(parent, sizeof(parent), "%s/..", path) >= PATH_MAX)
		return false;
	return strncmp(path, SYS_BPF, strlen(SYS_BPF)) && is_bpffs(path) && !stat(path, &here) &&
	       !stat(parent, &above) && here.st_dev != above.st_dev;
}

/* What is in every directory, and what the kernel puts into every mount of this kind. */
static bool is_always_there(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "maps.debug") ||
	       !strcmp(name, "progs.debug");
}

static bool is_empty(const char *path)
{
	cleanup(closedirp) DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return false;
	while ((entry = readdir(dir)))
		if (!is_always_there(entry->d_name))
			return false;
	return true;
}

int datapath_remove_former(const char *bpffs)
{
	return remove_schemas_but(bpffs, WEIR_SCHEMA);
}

int datapath_remove(const char *bpffs)
{
	int r;

	r = remove_part(bpffs, "links");
	r = remove_part(bpffs, "clsact") ?: r;
	r = remove_schemas_but(bpffs, 0) ?: r;
	/* Something else may live in the directory, which then stays. */
	if (is_own_mount(bpffs) && is_empty(bpffs))
		umount2(bpffs, MNT_DETACH);
	rmdir(bpffs);
	return r;
}
