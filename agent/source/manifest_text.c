// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "source/yaml.h"

#define SETTLE_S 2 /* some file systems count in whole or even seconds */

void file_sign_of(struct file_sign *ret, const struct stat *st)
{
	*ret = (struct file_sign){
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim,
	};
}

int file_sign_get(struct file_sign *ret, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	file_sign_of(ret, &st);
	return 0;
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_sign_equal(const struct file_sign *a, const struct file_sign *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       time_equal(&a->modified, &b->modified) && time_equal(&a->changed, &b->changed);
}

bool file_sign_settled(const struct file_sign *sign)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return sign->changed.tv_sec + SETTLE_S < now.tv_sec;
}

static int read_all(char *text, size_t size, int fd)
{
	size_t length = 0;
	ssize_t n;

	while (length < size) {
		n = read(fd, text + length, size - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EAGAIN;
		length += (size_t)n;
	}
	return 0;
}

int text_read(char **ret, size_t *length, struct file_sign *sign, const char *path)
{
	cleanup(freep) char *text = NULL;
	cleanup(closep) int fd = -1;
	struct file_sign after;
	struct stat st;
	int r;

	/* Not blocking: somebody may have put a pipe there. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	file_sign_of(sign, &st);
	if (!S_ISREG(st.st_mode))
		return -EBADF;
	if (st.st_size > (off_t)YAML_TEXT_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	r = read_all(text, (size_t)st.st_size, fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	file_sign_of(&after, &st);
	if (!file_sign_equal(sign, &after))
		return -EAGAIN;
	text[st.st_size] = '\0';
	*length = (size_t)st.st_size;
	*ret = take_ptr(&text);
	return 0;
}
