/* SPDX-License-Identifier: Apache-2.0 */
/* Which kinds there are, and one object of such a kind. Private to the decoder. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "source/decode_parts.h"

#define DECODE_VERSIONS_MAX 2

struct kind {
	const char *name;
	/* apiVersion; the same fields, NULL: no second one */
	const char *versions[DECODE_VERSIONS_MAX];
	enum object_kind kind;
	bool namespaced;
	bool (*is_name)(const char *text);
	decode_content decode;
	/* NULL, or makes one that is not to be trusted deny only. */
	void (*close)(struct network_policy *policy);
};

/* NULL: not one of interest. The name has @length bytes. */
const struct kind *kind_find(const char *name, size_t length);

bool kind_has_version(const struct kind *kind, const char *version);

/*
 * A kind of the same name in another API group is somebody else's, unless the
 * group is one of Kubernetes': then the version is wrong, and nothing else would
 * say that the object has no effect.
 */
bool kind_is_foreign(const char *version);

/*
 * Kubernetes has many kinds that are not of interest. But nobody else would say that
 * an object has no effect because its kind was mistyped.
 */
int kind_check_unknown(const struct field *field, const char *kind, const char *version);

/* @text is what the field says, or is inherited; NULL: nothing that could be used. */
int kind_require(const struct field *field, const char *text);

/*
 * Once the object has a name, paths start at it and not at the list around it. In
 * another version nothing means what it seems to; a policy denies all the same.
 */
int decode_object(const struct kind *kind, const struct field *field, const char *version);
