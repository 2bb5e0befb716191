// SPDX-License-Identifier: Apache-2.0
#include "net/nat.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/log.h"

#define ERROR_TEXT_MAX 1024

/* @input is its standard input, @output takes what it says. */
static int spawn_nft(pid_t *ret, int input, int output)
{
	char *const argv[] = { "nft", "-f", "-", NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, pipe;
	int r;

	sigemptyset(&none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	r = posix_spawn_file_actions_init(&files);
	if (r)
		return -r;
	r = posix_spawnattr_init(&attr);
	if (r) {
		posix_spawn_file_actions_destroy(&files);
		return -r;
	}
	/* The agent blocks and ignores signals for its event loop; the child must not inherit that. */
	r = posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) ?:
	    posix_spawnattr_setsigdefault(&attr, &pipe) ?:
	    posix_spawnattr_setsigmask(&attr, &none) ?:
	    posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO) ?:
	    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO) ?:
	    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO) ?:
	    posix_spawnp(ret, "nft", &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

/* All that the program has said. */
static int read_output(char **ret, int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	cleanup(freep) char *text = NULL;

	if (size < 0)
		return -errno;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	if (pread(fd, text, size, 0) != size)
		return -EIO;
	text[size] = '\0';
	*ret = take_ptr(&text);
	return 0;
}

/*
 * Files in memory instead of pipes: neither side can wait for the other. @ret (NULL:
 * of no interest) is what nft printed; the caller frees.
 */
static int run_nft(char **ret, const char *script)
{
	cleanup(freep) char *said = NULL;
	cleanup(closep) int input = memfd_create("nft-input", MFD_CLOEXEC);
	cleanup(closep) int output = memfd_create("nft-output", MFD_CLOEXEC);
	int r, status;
	pid_t pid;

	if (input < 0 || output < 0)
		return -errno;
	r = file_write(input, script, strlen(script));
	if (!r && lseek(input, 0, SEEK_SET) < 0)
		r = -errno;
	if (r < 0)
		return r;
	r = spawn_nft(&pid, input, output);
	if (r < 0)
		return r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	r = read_output(&said, output);
	if (r < 0)
		return r;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		log_debug("nft: %.*s", ERROR_TEXT_MAX, said);
		return -EIO;
	}
	if (ret)
		*ret = take_ptr(&said);
	return 0;
}

static int apply(const struct nat *nat, const char *listed)
{
	cleanup(freep) char *script = NULL;
	int r;

	r = nat_script(&script, nat, listed);
	return r ?: run_nft(NULL, script);
}

int nat_apply(const struct nat *nat)
{
	cleanup(freep) char *listed = NULL;
	int r;

	r = run_nft(&listed, "list table inet weir\n");
	r = r ?: apply(nat, listed);
	/* There is no table, or one that nft does not turn into this. */
	return r == -EIO || r == -EEXIST ? apply(nat, NULL) : r;
}

int nat_remove(void)
{
	return run_nft(NULL, NAT_SCRIPT_REMOVE);
}
