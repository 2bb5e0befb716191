// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/manifest_text.h"

#define DATA "..data"

bool manifest_name_counts(const char *name)
{
	static const char *const suffixes[] = { ".yaml", ".yml", ".json" };
	size_t length = strlen(name), suffix;

	if (name[0] == '.')
		return false;
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		suffix = strlen(suffixes[i]);
		if (length > suffix && !strcmp(name + length - suffix, suffixes[i]))
			return true;
	}
	return false;
}

static void dir_sign_get(struct dir_sign *ret, const char *path)
{
	struct stat st;

	*ret = (struct dir_sign){};
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		file_sign_of(&ret->link, &st);
	if (stat(path, &st) < 0)
		return;
	ret->device = st.st_dev;
	ret->inode = st.st_ino;
}

static bool dir_sign_equal(const struct dir_sign *a, const struct dir_sign *b)
{
	return file_sign_equal(&a->link, &b->link) && a->device == b->device &&
	       a->inode == b->inode;
}

static void sign_both(struct dir_sign *self, struct dir_sign *data, const char *path)
{
	char data_path[PATH_MAX];

	dir_sign_get(self, path);
	/* A path that is too long cannot be opened either. */
	snprintf(data_path, sizeof(data_path), "%s/" DATA, path);
	dir_sign_get(data, data_path);
}

bool manifest_dir_is_same(const struct manifest_dir *dir)
{
	struct dir_sign self, data;

	sign_both(&self, &data, dir->path);
	return dir_sign_equal(&self, &dir->self) && dir_sign_equal(&data, &dir->data);
}

static int compare_name(const void *key, const void *element)
{
	return strcmp(key, (*(struct manifest_file *const *)element)->name);
}

static int compare_files(const void *a, const void *b)
{
	return compare_name((*(struct manifest_file *const *)a)->name, b);
}

static struct manifest_file *find_file(const struct manifest_dir *dir, size_t sorted,
				       const char *name)
{
	struct manifest_file **found;

	if (!sorted)
		return NULL;
	found = bsearch(name, dir->files, sorted, sizeof(*found), compare_name);
	return found ? *found : NULL;
}

struct manifest_file *manifest_dir_find(const struct manifest_dir *dir, const char *name)
{
	return find_file(dir, dir->count, name);
}

static void sort_files(struct manifest_dir *dir)
{
	if (dir->count)
		qsort(dir->files, dir->count, sizeof(*dir->files), compare_files);
}

/* Appends; the caller sorts. */
static int add_file(struct manifest_dir *dir, const char *place, const char *name)
{
	struct manifest_file **files;
	int r;

	files = reallocarray(dir->files, dir->count + 1, sizeof(*files));
	if (!files)
		return -ENOMEM;
	dir->files = files;
	r = manifest_file_new(&files[dir->count], dir->next_id + 1, dir->path, name);
	if (r < 0)
		return r;
	files[dir->count]->copies = dir->copies;
	dir->next_id++;
	return manifest_file_found(dir->files[dir->count++], place);
}

/* A link that a ConfigMap volume has for a file of its data. */
static bool leads_through_data(DIR *stream, const struct dirent *entry)
{
	char target[NAME_MAX + sizeof(DATA "/")];
	ssize_t length;

	if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
		return false;
	length = readlinkat(dirfd(stream), entry->d_name, target, sizeof(target) - 1);
	if (length < 0)
		return false;
	target[length] = '\0';
	return !strncmp(target, DATA "/", strlen(DATA "/")) &&
	       !strcmp(target + strlen(DATA "/"), entry->d_name);
}

/* Files of the stream, whose path is @place; a name that another place has is passed over. */
static int list_place(struct manifest_dir *dir, DIR *stream, const char *place, bool has_data)
{
	size_t sorted = dir->count;
	struct manifest_file *file;
	struct dirent *entry;
	int r = 0;

	while (r >= 0 && (errno = 0, entry = readdir(stream))) {
		if (!manifest_name_counts(entry->d_name) ||
		    (has_data && leads_through_data(stream, entry)))
			continue;
		file = find_file(dir, sorted, entry->d_name);
		if (!file && dir->count >= MANIFEST_FILES_MAX)
			dir->left_out++;
		else if (!file)
			r = add_file(dir, place, entry->d_name);
		else if (!file->listed)
			r = manifest_file_found(file, place);
	}
	if (r >= 0)
		r = -errno;
	sort_files(dir);
	return r;
}

static int list_both(struct manifest_dir *dir)
{
	cleanup(closedirp) DIR *self = opendir(dir->path);
	cleanup(closedirp) DIR *data = NULL;
	char data_path[PATH_MAX];
	int r;

	if (!self)
		return -errno;
	if (snprintf(data_path, sizeof(data_path), "%s/" DATA, dir->path) >= PATH_MAX)
		return -ENAMETOOLONG;
	data = dir->data.link.inode ? opendir(data_path) : NULL;
	if (dir->data.link.inode && !data && errno != ENOENT && errno != ENOTDIR)
		return -errno;
	r = list_place(dir, self, dir->path, data != NULL);
	if (r >= 0 && data)
		r = list_place(dir, data, data_path, false);
	return r;
}

int manifest_dir_list(struct manifest_dir *dir)
{
	int r;

	for (size_t i = 0; i < dir->count; i++)
		dir->files[i]->listed = false;
	dir->left_out = 0;
	sign_both(&dir->self, &dir->data, dir->path);
	r = list_both(dir);
	for (size_t i = 0; r < 0 && i < dir->count; i++)
		dir->files[i]->listed = true;
	return r;
}

size_t manifest_dir_forget_gone(struct manifest_dir *dir)
{
	size_t kept = 0, before = dir->count;

	for (size_t i = 0; i < dir->count; i++) {
		if (dir->files[i]->listed)
			dir->files[kept++] = dir->files[i];
		else
			manifest_file_free(dir->files[i]);
	}
	dir->count = kept;
	return before - kept;
}

void manifest_dir_done(struct manifest_dir *dir)
{
	for (size_t i = 0; i < dir->count; i++)
		manifest_file_free(dir->files[i]);
	free(dir->files);
	dir->files = NULL;
	dir->count = 0;
}
