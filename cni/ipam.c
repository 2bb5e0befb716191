// SPDX-License-Identifier: Apache-2.0
#include "cni/ipam.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "cni/result.h"

#define ANSWER_MAX (1u << 20)

extern char **environ;

/* The executable named @type in the directories of CNI_PATH. */
static int find_plugin(char ret[static PATH_MAX], const char *path, const char *type)
{
	while (*path) {
		size_t length = strcspn(path, ":");
		struct stat st;
		int n;

		n = snprintf(ret, PATH_MAX, "%.*s/%s", (int)length, path, type);
		if (length && n < PATH_MAX && !stat(ret, &st) && S_ISREG(st.st_mode) &&
		    !access(ret, X_OK))
			return 0;
		path += length;
		path += *path == ':';
	}
	return -ENOENT;
}

/* A file with @text to read: a child that answers before it has read cannot block us. */
static int open_input(const char *text)
{
	cleanup(closep) int fd = memfd_create("stdin", MFD_CLOEXEC);
	size_t length = strlen(text);

	if (fd < 0)
		return -errno;
	if (pwrite(fd, text, length, 0) != (ssize_t)length)
		return -EIO;
	return take_fd(&fd);
}

static int spawn(pid_t *ret, char *file, int input, int output)
{
	char *argv[] = { file, NULL };
	posix_spawn_file_actions_t actions;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	r = r ?: posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	r = r ?: posix_spawn(ret, file, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int wait_exit(int *ret, pid_t pid)
{
	while (waitpid(pid, ret, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* What @file writes on stdout, and its wait status. */
static int run(char **ret, int *status, char *file, const char *text)
{
	cleanup(closep) int input = open_input(text);
	cleanup(closep) int out = -1;
	cleanup(closep) int in = -1;
	int r, ends[2];
	pid_t pid;

	if (input < 0)
		return input;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	out = ends[0];
	in = ends[1];
	r = spawn(&pid, file, input, in);
	if (r < 0)
		return r;
	closep(&in);
	in = -1;
	r = file_read_all(ret, NULL, out, ANSWER_MAX);
	closep(&out); /* a child that talks on is not waited for in vain */
	out = -1;
	return wait_exit(status, pid) ?: r;
}

static int read_answer(json_t **ret, const struct cni_call *call, const char *text,
		       struct cni_error *error)
{
	cleanup(json_decrefp) json_t *given = json_loads(text, 0, NULL);

	if (result_parse(ret, given, call->conf.version) < 0)
		return cni_fail(error, CNI_DECODE_FAILURE, "%s answered no CNI result",
				call->conf.ipam_type);
	return 0;
}

static int read_failure(const struct cni_call *call, const char *verb, const char *text, int status,
			struct cni_error *error)
{
	cleanup(json_decrefp) json_t *given = json_loads(text, 0, NULL);

	if (json_is_object(given))
		return cni_fail_json(error, CNI_IO_FAILURE, given);
	return cni_fail(error, CNI_IO_FAILURE, "%s %s failed with %s %d", call->conf.ipam_type,
			verb, WIFSIGNALED(status) ? "signal" : "status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

int ipam_run(json_t **ret, const struct cni_call *call, const char *verb, struct cni_error *error)
{
	const char *type = call->conf.ipam_type;
	cleanup(freep) char *text = NULL;
	char file[PATH_MAX];
	int r, status;

	if (!type)
		return 0;
	if (find_plugin(file, call->env.path, type) < 0)
		return cni_fail(error, CNI_BAD_CONFIG, "IPAM plugin %s is not in CNI_PATH (%s)",
				type, call->env.path);
	if (setenv("CNI_COMMAND", verb, 1) < 0)
		return cni_fail(error, CNI_IO_FAILURE, "out of memory");
	r = run(&text, &status, file, call->conf.text);
	if (r < 0)
		return cni_fail_errno(error, CNI_IO_FAILURE, r, "cannot run %s", file);
	if (status)
		return read_failure(call, verb, text, status, error);
	return ret ? read_answer(ret, call, text, error) : 0;
}
