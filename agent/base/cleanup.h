/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scope-bound ownership: `cleanup(fn) struct x *p = NULL;` runs fn(&p) when p
 * leaves scope; take_ptr() and take_fd() hand the resource to a new owner.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup(fn) __attribute__((cleanup(fn)))

#define take_ptr(p)                            \
	({                                     \
		__typeof__(p) take_p_ = (p);   \
		__typeof__(*(p)) take_v_ = *take_p_; \
		*take_p_ = NULL;               \
		take_v_;                       \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
