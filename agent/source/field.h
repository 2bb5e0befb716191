/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads fields of a JSON object and reports what is wrong with them. A field
 * knows its parent, so that the path ("spec.ingress[0].ports[1].endPort") costs
 * nothing until a problem is reported; a parent must outlive its children.
 *
 * Readers return 0, or -EINVAL when they have reported a problem. An absent field
 * is 0 and leaves the result untouched. A literal null is an absent field, but
 * not an absent element of a list.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/decode.h"

/* Whose fields they are; everything is borrowed. */
struct field_origin {
	const struct decode_sink *sink;
	unsigned int document;
	unsigned int line;
	const char *object;
};

struct field {
	const struct field_origin *origin;
	const struct field *parent; /* NULL: the object itself */
	const char *name; /* NULL: an element of a list */
	bool is_key; /* @name is a key of a map, not a field of the schema */
	size_t index; /* of the element */
	const json_t *value; /* borrowed; NULL: absent */
};

static inline bool field_is_absent(const struct field *field)
{
	return !field->value;
}

/* The field @name of an object; absent when @parent is absent or no object. */
struct field field_get(const struct field *parent, const char *name);

/* An entry of a map: the key is the user's, not the schema's. */
struct field field_key(const struct field *parent, const char *key, const json_t *value);

/* Element of a list; @index is below field_count(). */
struct field field_at(const struct field *list, size_t index);

/* Elements of a list, entries of an object; 0 for anything else. */
size_t field_count(const struct field *field);

/* Check the type. An absent field passes. */
int field_object(const struct field *field);
int field_list(const struct field *field);

/* Reports an absent field. */
int field_require(const struct field *field);

/* The string is borrowed. */
int field_string(const char **ret, const struct field *field);

/* A copy of the string, "" when it is absent; the caller frees. Also -ENOMEM. */
int field_copy(char **ret, const struct field *field);

int field_bool(bool *ret, const struct field *field);
int field_int(int64_t *ret, const struct field *field, int64_t min, int64_t max);

/* One of the NULL-terminated @values; *@ret is its index. */
int field_enum(unsigned int *ret, const struct field *field, const char *const *values);

/*
 * Reports every field of an object that is not in the NULL-terminated @known, as
 * an error or a warning. -EINVAL if there was one.
 */
int field_only(const struct field *field, const char *const *known, bool warning);

/* Returns -EINVAL. */
int field_error(const struct field *field, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void field_warning(const struct field *field, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
