// SPDX-License-Identifier: Apache-2.0
#include "scratch.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "fuzz.h"

static char path[PATH_MAX];

static void remove_it(void)
{
	file_remove_tree(path);
}

const char *scratch_dir(void)
{
	const char *parent = getenv("TMPDIR");

	if (*path)
		return path;
	snprintf(path, sizeof(path), "%s/weir-fuzz-XXXXXX", parent ? parent : "/tmp");
	PROMISE(mkdtemp(path));
	atexit(remove_it);
	return path;
}
