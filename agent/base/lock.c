// SPDX-License-Identifier: Apache-2.0
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define STEP_MS 20

int lock_directory(int *ret, const char *path, int wait_ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000 };
	int64_t until = clock_ms() + wait_ms;
	cleanup(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK || clock_ms() >= until)
			return -errno;
		nanosleep(&step, NULL);
	}
	*ret = take_fd(&fd);
	return 0;
}
