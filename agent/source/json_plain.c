// SPDX-License-Identifier: Apache-2.0
/*
 * Two trees, as decoders read jansson's: the arena has the second one behind the first, and
 * nobody gives any of them back.
 */
#include "source/json_plain.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "source/yaml.h"

#define DEPTH_MAX 64 /* deeper than what any decoder reads */

/* A third of an endpoint, and much of a pod. */
static const struct {
	const char *parent;
	const char *name;
} unread[] = {
	{ "endpoints", "targetRef" },
	{ "metadata", "managedFields" },
	{ "metadata", "ownerReferences" },
};

/* A value that is not made yet; elements of a list have the name of the list. */
struct place {
	const char *name;
	unsigned int depth;
};

static bool is_unread(const char *parent, const char *name)
{
	for (size_t i = 0; i < sizeof(unread) / sizeof(*unread); i++)
		if (!strcmp(unread[i].name, name) && !strcmp(unread[i].parent, parent))
			return true;
	return false;
}

static json_t *convert(const cJSON *value, struct place place);

static json_t *convert_list(const cJSON *list, struct place place)
{
	json_t *result = json_array();
	const cJSON *item;

	cJSON_ArrayForEach(item, list) {
		if (json_array_append_new(result, convert(item, place)) < 0)
			return NULL;
	}
	return result;
}

static json_t *convert_object(const cJSON *object, struct place place)
{
	json_t *result = json_object();
	const cJSON *item;
	size_t count = 0;

	cJSON_ArrayForEach(item, object) {
		const struct place member = { .name = item->string, .depth = place.depth };

		if (is_unread(place.name, item->string))
			continue;
		if (json_object_set_new_nocheck(result, item->string, convert(item, member)) < 0)
			return NULL;
		count++;
	}
	return json_object_size(result) == count ? result : NULL;
}

static json_t *convert(const cJSON *value, struct place place)
{
	if (++place.depth > DEPTH_MAX)
		return NULL;
	switch (value->type & ~(cJSON_IsReference | cJSON_StringIsConst)) {
	case cJSON_Object:
		return convert_object(value, place);
	case cJSON_Array:
		return convert_list(value, place);
	case cJSON_String:
		return json_string_nocheck(value->valuestring);
	case cJSON_Number:
		return json_integer((json_int_t)value->valuedouble);
	case cJSON_True:
		return json_true();
	case cJSON_False:
		return json_false();
	case cJSON_NULL:
		return json_null();
	}
	return NULL;
}

json_t *json_plain(const char *text, size_t length)
{
	const char *at = NULL;
	cJSON *value = cJSON_ParseWithLengthOpts(text, length, &at, false);

	while (value && at < text + length && isspace((unsigned char)*at))
		at++;
	if (!value || at < text + length)
		return NULL;
	return convert(value, (struct place){ .name = "" });
}

json_t *json_plain_or(size_t flags, const char *text, const struct json_extent *extent,
		      int *error)
{
	size_t length = (size_t)(extent->end - text);
	json_t *value = NULL;
	json_error_t why;

	*error = -EINVAL;
	if (extent->cost > YAML_COST_MAX)
		return NULL;
	if (extent->is_plain)
		value = json_plain(text, length);
	if (value)
		return value;
	value = json_loadb(text, length, flags, &why);
	if (!value && json_error_code(&why) == json_error_out_of_memory)
		*error = -ENOMEM;
	return value;
}
