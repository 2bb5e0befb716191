/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the text of an object says without being parsed: of one that is too large for it, whose
 * it is. Anybody may make such a one of his own; it must not stand in the way of what others have.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * The text of the member @name of the object that @text is; NULL: it has none. Braces and
 * strings are followed, nothing is parsed.
 */
const char *api_outline_member(size_t *ret_length, const char *text, size_t length,
			       const char *name);

/* A short string, parsed; NULL: it is none. The caller gives it back. */
json_t *api_outline_string(const char *text, size_t length);

/*
 * An object that has of @text only the name, namespace and resourceVersion in its metadata,
 * as far as they are there. NULL: out of memory. The caller gives it back.
 */
json_t *api_outline(const char *text, size_t length);

/*
 * The text in which null stands for the object's metadata.managedFields: who set which field is
 * most of the values of many an object, and nobody here asks. @inside: the member of @text that
 * the object is, NULL: it is the text itself. False: there are none, or no memory.
 */
bool api_outline_trim(struct buf *ret, const char *text, size_t length, const char *inside);
