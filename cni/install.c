// SPDX-License-Identifier: Apache-2.0
#include "cni/install.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/file.h"

#define PROGRAM_BYTES_MAX (64U << 20)

int cni_install(const char *dir)
{
	cleanup(freep) char *program = NULL;
	char path[PATH_MAX];
	size_t length;
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/weir-cni", dir) >= sizeof(path))
		return -ENAMETOOLONG;
	r = file_read(&program, &length, "/proc/self/exe", PROGRAM_BYTES_MAX);
	r = r ?: file_make_dirs(dir, 0755);
	return r ?: file_replace(path, program, length, 0755);
}
