/* SPDX-License-Identifier: Apache-2.0 */
/* What a full table had no room for, so that somebody can do something about it. */
#pragma once

#include "datapath/datapath.h"
#include "model/image.h"

#define MISFIT_POLICIES_MAX 256

struct misfit {
	const char *table; /* NULL: none was full */
	uint32_t size; /* entries that the table has room for */
	/* Of the first entry without room, one of both: */
	struct ip_addr addr; /* a peer's */
	char policies[MISFIT_POLICIES_MAX]; /* whose rules it is of: "NetworkPolicy shop/back" */
};

/* The entry @key of @map, which is one of @image. */
void misfit_describe(struct misfit *ret, const struct image *image, enum datapath_map map,
		     const void *key);
