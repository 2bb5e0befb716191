// SPDX-License-Identifier: Apache-2.0
#include "claim.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "base/log.h"
#include "net/owner.h"

static bool is_held(const struct claim *claim, const char *path)
{
	struct stat wanted, held;

	if (stat(path, &wanted) < 0)
		return false;
	for (int i = 0; i < CLAIM_DIRECTORIES; i++)
		if (claim->directories[i] >= 0 && !fstat(claim->directories[i], &held) &&
		    held.st_dev == wanted.st_dev && held.st_ino == wanted.st_ino)
			return true;
	return false;
}

static int take_directories(struct claim *claim, const struct config *config, int wait_ms)
{
	const char *const paths[CLAIM_DIRECTORIES] = { config->state_dir, config->run_dir,
						       config->bpffs };
	int r;

	for (int i = 0; i < CLAIM_DIRECTORIES; i++) {
		/* One directory may serve for two purposes. */
		if (is_held(claim, paths[i]))
			continue;
		r = lock_directory(&claim->directories[i], paths[i], wait_ms);
		if (r == -EWOULDBLOCK)
			return log_error_errno(r, "another agent uses %s", paths[i]);
		if (r < 0 && r != -ENOENT)
			return log_error_errno(r, "%s cannot be locked", paths[i]);
	}
	return 0;
}

int claim_take(struct claim *claim, const struct config *config, int wait_ms)
{
	int r = take_directories(claim, config, wait_ms);

	if (r < 0)
		return r;
	r = net_own(&claim->network, wait_ms);
	if (r == -EWOULDBLOCK)
		return log_error_errno(r, "another agent is at work in this network namespace");
	return r < 0 ? log_error_errno(r, "the network namespace cannot be locked (nftables)") : 0;
}

static void release(int *fd)
{
	closep(fd);
	*fd = -1;
}

void claim_release(struct claim *claim)
{
	for (int i = 0; i < CLAIM_DIRECTORIES; i++)
		release(&claim->directories[i]);
	release(&claim->network);
}
