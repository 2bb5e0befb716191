// SPDX-License-Identifier: Apache-2.0
#include "source/schema.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "source/decode_parts.h"

/* Go on after a problem, but remember it. */
static int both(int first, int second)
{
	return first == -ENOMEM ? first : second ?: first;
}

static int check_object(const struct schema *schema, const struct field *field)
{
	int r = field_object(field);

	if (r < 0)
		return r;
	for (const struct schema *entry = schema->fields; entry && entry->name; entry++) {
		struct field child = field_get(field, entry->name);

		r = both(r, schema_check(entry, &child));
	}
	return r;
}

static int check_list(const struct schema *schema, const struct field *field)
{
	int64_t count = (int64_t)field_count(field);
	int r = field_list(field);

	if (r < 0)
		return r;
	if (schema->max && (count < schema->min || count > schema->max))
		r = field_error(field, "must have %" PRId64 " to %" PRId64 " elements, "
				"not %" PRId64, schema->min, schema->max, count);
	for (size_t i = 0; i < field_count(field); i++) {
		struct field element = field_at(field, i);

		r = both(r, schema_check(schema->element, &element));
	}
	return r;
}

static int check_string(const struct schema *schema, const struct field *field)
{
	const char *text;
	unsigned int index;

	if (schema->values)
		return field_enum(&index, field, schema->values);
	return field_string(&text, field);
}

static int check_map(const struct field *field)
{
	const char *key, *text;
	json_t *value;
	int r = field_object(field);

	if (r < 0)
		return r;
	json_object_foreach ((json_t *)field->value, key, value) {
		struct field entry = field_key(field, key, value);

		r = both(r, field_string(&text, &entry));
	}
	return r;
}

int schema_check(const struct schema *schema, const struct field *field)
{
	int64_t number;
	bool truth;

	if (field_is_absent(field))
		return schema->required ? field_require(field) : 0;
	switch (schema->type) {
	case SCHEMA_OBJECT:
		return check_object(schema, field);
	case SCHEMA_LIST:
		return check_list(schema, field);
	case SCHEMA_STRING_MAP:
		return check_map(field);
	case SCHEMA_STRING:
		return check_string(schema, field);
	case SCHEMA_BOOL:
		return field_bool(&truth, field);
	case SCHEMA_INT_OR_STRING:
		if (json_is_string(field->value))
			return check_string(schema, field);
		return field_int(&number, field, schema->min, schema->max);
	case SCHEMA_INT:
		return field_int(&number, field, schema->min, schema->max);
	}
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct schema_key *left = a, *right = b;
	int r = strcmp(left->name, right->name);

	if (r)
		return r;
	if (left->number != right->number)
		return left->number < right->number ? -1 : 1;
	return left->index < right->index ? -1 : left->index > right->index;
}

int schema_check_unique(struct schema_key *keys, size_t count, const struct field *list,
			const char *name)
{
	size_t first = 0;
	int r = 0;

	if (!count)
		return 0;
	qsort(keys, count, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < count; i++) {
		struct field element = field_at(list, keys[i].index);
		struct field field = field_get(&element, name);

		if (keys[i].number != keys[first].number ||
		    strcmp(keys[i].name, keys[first].name) != 0)
			first = i;
		else
			r = field_error(&field, "is that of %s[%zu] too", list->name,
					keys[first].index);
	}
	return r;
}
