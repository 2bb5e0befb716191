/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks an object against a table: the types of known fields, required ones, the
 * values of enumerations and limits. Afterwards the fields can be read without care.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/field.h"

enum schema_type {
	SCHEMA_OBJECT,
	SCHEMA_LIST,
	SCHEMA_STRING_MAP,
	SCHEMA_STRING,
	SCHEMA_BOOL,
	SCHEMA_INT,
	SCHEMA_INT_OR_STRING,
};

struct schema {
	const char *name; /* NULL: the object itself, an element, or the end of @fields */
	enum schema_type type;
	bool required;
	const char *const *values; /* SCHEMA_STRING: those allowed, NULL at the end; NULL: any */
	/* SCHEMA_INT: the range; SCHEMA_LIST: of the number of elements, @max 0: any. */
	int64_t min;
	int64_t max;
	const struct schema *fields; /* SCHEMA_OBJECT */
	const struct schema *element; /* SCHEMA_LIST */
};

/* Reports all problems. 0, -ENOMEM, or -EINVAL if there was one. */
int schema_check(const struct schema *schema, const struct field *field);

/* What must be there once in a list. */
struct schema_key {
	const char *name; /* borrowed */
	uint32_t number;
	size_t index; /* of the element */
};

/*
 * Reports, at their field @name, elements of @list whose key an earlier element has.
 * Puts @keys in order. 0, or -EINVAL if there was one.
 */
int schema_check_unique(struct schema_key *keys, size_t count, const struct field *list,
			const char *name);
