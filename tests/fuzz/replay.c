// SPDX-License-Identifier: Apache-2.0
/*
 * The main() of a fuzz target without libFuzzer: runs it once with each of the
 * files and directories that are given, so that a corpus is a regression test
 * with any compiler. One TAP line a file; a crash ends the run and fails the test.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "fuzz.h"

#define PATH_LENGTH_MAX 4096

static int count;

/* The copy is exactly as long as the file: reading beyond it is an error that tools see. */
static int replay_file(const char *path, size_t size)
{
	cleanup(fclosep) FILE *file = fopen(path, "re");
	cleanup(freep) uint8_t *data = malloc(size ?: 1);

	if (!data)
		return -ENOMEM;
	if (!file || fread(data, 1, size, file) != size)
		return -EIO;
	LLVMFuzzerTestOneInput(data, size);
	printf("ok %d - %s\n", ++count, path);
	fflush(stdout);
	return 0;
}

static int replay_path(const char *path);

static int replay_entry(const char *dir, const char *name)
{
	char path[PATH_LENGTH_MAX];

	if (name[0] == '.')
		return 0;
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return replay_path(path);
}

/* In the order of names, so that two runs read the same. */
static int replay_dir(const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	int r = n < 0 ? -errno : 0;

	for (int i = 0; i < n; i++) {
		r = r ?: replay_entry(path, entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return r;
}

static int replay_path(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? replay_dir(path) : replay_file(path, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int r = replay_path(argv[i]);

		if (r < 0) {
			printf("Bail out! %s: %s\n", argv[i], strerror(-r));
			return EXIT_FAILURE;
		}
	}
	printf("1..%d\n", count);
	return count ? EXIT_SUCCESS : EXIT_FAILURE;
}
