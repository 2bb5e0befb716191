/* SPDX-License-Identifier: Apache-2.0 */
/* The object that a report is about, as the API server knows it. Pure. */
#pragma once

#include <stdint.h>

#include "model/store.h"
#include "source/api_kinds.h"

#define REPORT_NAMESPACE_MAX 64
#define REPORT_NAME_MAX 254

struct report_subject {
	const struct api_kind *kind;
	char namespace[REPORT_NAMESPACE_MAX]; /* "" of a kind without */
	char name[REPORT_NAME_MAX];
};

/*
 * From "NetworkPolicy shop/front", as problems name objects. @rest, if not NULL, becomes
 * what follows after ": ", otherwise nothing may follow. 0 or -EINVAL: nothing that the API
 * server would know.
 */
int report_subject_read(struct report_subject *ret, const char *text, const char **rest);

/*
 * How many nodes come before @node when all nodes of @store are put into an order that is
 * this subject's own. Every node knows the same order, so that without an agreement the
 * first one speaks for all, and the next ones when it does not.
 */
uint32_t report_subject_rank(const struct report_subject *subject, const struct store *store,
			     const char *node);
