/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds that are read from an API server, and which of their fields matter. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "model/objects.h"

#define API_VERSIONS_MAX 2

/* What a kind is read for. Where one is not known, what needs it waits, and nothing else. */
enum api_need {
	API_NEED_POLICY = 1 << 0,
	API_NEED_SERVICES = 1 << 1,
	API_NEED_SERVICE_CIDRS = 1 << 2, /* nothing else waits for them */
};

/* What pods and services need. */
#define API_NEEDS_ALL (API_NEED_POLICY | API_NEED_SERVICES)

struct api_kind {
	const char *group; /* "/api" or "/apis/GROUP" */
	const char *plural; /* "pods" */
	const char *name; /* "Pod" */
	const char *versions[API_VERSIONS_MAX]; /* tried in this order; NULL: no second one */
	enum object_kind kind;
	bool namespaced;
	bool optional; /* it may be absent, or come later: a custom resource, or a new kind */
	/* Paths of the fields that matter ("spec.containers.ports"); NULL: all but the noise. */
	const char *const *fields;
	unsigned int needs; /* of enum api_need: who waits for it */
};

#define API_KINDS 10

extern const struct api_kind api_kinds[API_KINDS];

/*
 * Make an element of a list of @version what it is alone: with kind and apiVersion, and a
 * pod with the UID that the runtime knows it by. 0, -ENOMEM, or -EBADMSG: it is another kind.
 */
int api_kind_complete(const struct api_kind *kind, const char *version, json_t *object);

/*
 * A new value with what matters of @object, complete with kind and apiVersion; lists
 * are gone through. It shares values with @object. NULL: out of memory.
 */
json_t *api_kind_reduce(const struct api_kind *kind, const json_t *object);
