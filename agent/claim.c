// SPDX-License-Identifier: Apache-2.0
#include "claim.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "base/log.h"

static bool is_held(const struct claim *claim, const char *path)
{
	struct stat wanted, held;

	if (stat(path, &wanted) < 0)
		return false;
	for (int i = 0; i < CLAIM_MAX; i++)
		if (claim->fds[i] >= 0 && !fstat(claim->fds[i], &held) &&
		    held.st_dev == wanted.st_dev && held.st_ino == wanted.st_ino)
			return true;
	return false;
}

int claim_take(struct claim *claim, const struct config *config, int wait_ms)
{
	const char *const paths[CLAIM_MAX] = { config->state_dir, config->run_dir, config->bpffs };
	int r;

	for (int i = 0; i < CLAIM_MAX; i++) {
		/* One directory may serve for two purposes. */
		if (is_held(claim, paths[i]))
			continue;
		r = lock_directory(&claim->fds[i], paths[i], wait_ms);
		if (r == -EWOULDBLOCK)
			return log_error_errno(r, "another agent uses %s", paths[i]);
		if (r < 0 && r != -ENOENT)
			return log_error_errno(r, "%s cannot be locked", paths[i]);
	}
	return 0;
}

void claim_release(struct claim *claim)
{
	for (int i = 0; i < CLAIM_MAX; i++) {
		closep(&claim->fds[i]);
		claim->fds[i] = -1;
	}
}
