/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this node tells the API server, which is all that weir ever writes there:
 *
 *	Node	condition NetworkUnavailable False and the taint taken away, once
 *		policy is in force
 *	Event	about an object of which something is refused or ignored
 *	status	of a policy whose kind has one: condition Accepted
 *
 * Only what differs is written, one thing after the other. What all nodes would say alike one
 * of them says, and others only when it does not (report_subject_rank()). A server that
 * forbids it is asked again after a long while; nothing else depends on it.
 */
#pragma once

#include <event2/event.h>

#include "model/store.h"
#include "source/api_http.h"
#include "source/api_kinds.h"

struct report;

/* @object: "NetworkPolicy shop/front"; @field may be "". Strings are borrowed. */
typedef void report_problem_fn(void *arg, const char *object, const char *field, const char *text,
			       bool is_warning);

/* All that a report needs to know; borrowed by it. */
struct report_host {
	void *arg;
	const char *node; /* name of this node */
	const char *taint; /* key of the taint that goes when the node is ready; "" for none */
	const struct store *store;
	struct api_http *http;
	/* Policy and Services are in force: pods may come. */
	bool (*is_ready)(void *arg);
	/* The API version in which @kind is asked for, as "v1". */
	const char *(*version)(void *arg, const struct api_kind *kind);
	void (*each_problem)(void *arg, report_problem_fn *fn, void *to);
};

/* 0 or a negative errno; *@host is copied. */
int report_new(struct report **ret, struct event_base *base, const struct report_host *host);
void report_free(struct report *report);

/* Something may have to be said. NULL is accepted. */
void report_soon(struct report *report);

/* Why the API server did not take the last thing, or "". Borrowed; NULL is accepted. */
const char *report_problem(const struct report *report);
