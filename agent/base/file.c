// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define OPEN_DIRS_MAX 16
#define FIRST_BYTES 4096 /* of memory for what is read */

int file_make_dirs(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t length = strlen(path);
	struct stat st;

	if (!length || length >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST) {
			/* Where nothing may be made, it may be there all the same (/sys). */
			int r = -errno;

			if (stat(part, &st) < 0 || !S_ISDIR(st.st_mode))
				return r;
		}
	}
	return 0;
}

int file_read_all(char **ret, size_t *length, int fd, size_t max)
{
	cleanup(freep) char *text = NULL;
	size_t size = 0, room = 0;

	for (;;) {
		ssize_t n;

		if (size == room) {
			char *larger = realloc(text, (room ? room * 2 : FIRST_BYTES) + 1);

			if (!larger)
				return -ENOMEM;
			text = larger;
			room = room ? room * 2 : FIRST_BYTES;
		}
		n = read(fd, text + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		size += (size_t)n;
		if (size > max)
			return -EFBIG;
	}
	text[size] = '\0';
	if (length)
		*length = size;
	*ret = take_ptr(&text);
	return 0;
}

int file_read(char **ret, size_t *length, const char *path, size_t max)
{
	/* Without waiting for anybody: what is no file may be a pipe to which nobody writes. */
	cleanup(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return file_read_all(ret, length, fd, max);
}

int file_write(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		length -= (size_t)n;
	}
	return 0;
}

int file_replace(const char *path, const char *text, size_t length, mode_t mode)
{
	return file_replace_ended(path, text, length, "", mode);
}

int file_replace_ended(const char *path, const char *text, size_t length, const char *end,
		       mode_t mode)
{
	cleanup(closep) int fd = -1;
	char beside[PATH_MAX];
	int r;

	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return -ENAMETOOLONG;
	fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return -errno;
	r = file_write(fd, text, length) ?: file_write(fd, end, strlen(end));
	if (r >= 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	return r;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(path) < 0 && errno != ENOENT ? -errno : 0;
}

int file_remove_tree(const char *path)
{
	int r = nftw(path, remove_one, OPEN_DIRS_MAX, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);

	if (r == -1)
		return errno == ENOENT ? 0 : -errno;
	return r;
}
