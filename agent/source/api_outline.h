/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is to be known of an object that is too large to be parsed: whose it is. Anybody may
 * make such a one of his own; it must not stand in the way of what others have.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

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
