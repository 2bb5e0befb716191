// SPDX-License-Identifier: Apache-2.0
#include "source/field.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

#define FIELD_PATH_MAX 512
#define FIELD_TEXT_MAX 512

struct text {
	char *buf;
	size_t size;
	size_t length;
};

static void __attribute__((format(printf, 2, 0)))
text_addv(struct text *text, const char *fmt, va_list ap)
{
	int n = vsnprintf(text->buf + text->length, text->size - text->length, fmt, ap);

	if (n < 0)
		return;
	text->length += (size_t)n;
	if (text->length >= text->size)
		text->length = text->size - 1;
}

static void __attribute__((format(printf, 2, 3)))
text_add(struct text *text, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_addv(text, fmt, ap);
	va_end(ap);
}

static void add_path(struct text *text, const struct field *field)
{
	if (!field->parent && !field->name)
		return;
	if (field->parent)
		add_path(text, field->parent);
	if (!field->name)
		text_add(text, "[%zu]", field->index);
	else if (field->is_key)
		text_add(text, "[%s]", field->name);
	else
		text_add(text, "%s%s", text->length ? "." : "", field->name);
}

static void __attribute__((format(printf, 3, 0)))
report(const struct field *field, bool warning, const char *fmt, va_list ap)
{
	const struct field_origin *origin = field->origin;
	char path_buf[FIELD_PATH_MAX] = "";
	char text_buf[FIELD_TEXT_MAX] = "";
	struct text path = { path_buf, sizeof(path_buf), 0 };
	struct text text = { text_buf, sizeof(text_buf), 0 };
	struct decode_problem problem = {
		.document = origin->document,
		.line = origin->line,
		.object = origin->object,
		.field = path_buf,
		.text = text_buf,
		.warning = warning,
	};

	add_path(&path, field);
	utf8_trim(path_buf);
	text_addv(&text, fmt, ap);
	utf8_trim(text_buf);
	origin->sink->problem(origin->sink->arg, &problem);
}

int field_error(const struct field *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(field, false, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

void field_warning(const struct field *field, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	report(field, true, fmt, ap);
	va_end(ap);
}

struct field field_get(const struct field *parent, const char *name)
{
	json_t *value = json_object_get(parent->value, name);

	return (struct field){
		.origin = parent->origin,
		.parent = parent,
		.name = name,
		.value = json_is_null(value) ? NULL : value,
	};
}

struct field field_key(const struct field *parent, const char *key, const json_t *value)
{
	return (struct field){
		.origin = parent->origin,
		.parent = parent,
		.name = key,
		.is_key = true,
		.value = value,
	};
}

struct field field_at(const struct field *list, size_t index)
{
	return (struct field){
		.origin = list->origin,
		.parent = list,
		.index = index,
		.value = json_array_get(list->value, index),
	};
}

size_t field_count(const struct field *field)
{
	if (json_is_array(field->value))
		return json_array_size(field->value);
	return json_object_size(field->value);
}

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "a mapping";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

static int check_type(const struct field *field, bool fits, const char *expected)
{
	if (fits || field_is_absent(field))
		return 0;
	return field_error(field, "must be %s, not %s", expected, type_name(field->value));
}

int field_object(const struct field *field)
{
	return check_type(field, json_is_object(field->value), "a mapping");
}

int field_list(const struct field *field)
{
	return check_type(field, json_is_array(field->value), "a list");
}

int field_require(const struct field *field)
{
	if (field_is_absent(field))
		return field_error(field, "is required");
	return 0;
}

int field_string(const char **ret, const struct field *field)
{
	int r = check_type(field, json_is_string(field->value), "a string");

	if (r < 0 || field_is_absent(field))
		return r;
	if (strlen(json_string_value(field->value)) != json_string_length(field->value))
		return field_error(field, "must not contain a NUL");
	*ret = json_string_value(field->value);
	return 0;
}

int field_copy(char **ret, const struct field *field)
{
	const char *text = "";
	int r = field_string(&text, field);

	if (r < 0)
		return r;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

int field_bool(bool *ret, const struct field *field)
{
	int r = check_type(field, json_is_boolean(field->value), "a boolean");

	if (r < 0 || field_is_absent(field))
		return r;
	*ret = json_is_true(field->value);
	return 0;
}

int field_int(int64_t *ret, const struct field *field, int64_t min, int64_t max)
{
	int r = check_type(field, json_is_integer(field->value), "an integer");
	json_int_t value;

	if (r < 0 || field_is_absent(field))
		return r;
	value = json_integer_value(field->value);
	if (value < min || value > max)
		return field_error(field,
				   "must be %" PRId64 " to %" PRId64 ", not %" JSON_INTEGER_FORMAT,
				   min, max, value);
	*ret = value;
	return 0;
}

static bool in_list(const char *const *list, const char *text, unsigned int *index)
{
	for (*index = 0; list[*index]; (*index)++) {
		if (!strcmp(list[*index], text))
			return true;
	}
	return false;
}

static int enum_error(const struct field *field, const char *const *values, const char *given)
{
	char buf[FIELD_TEXT_MAX] = "";
	struct text text = { buf, sizeof(buf), 0 };

	for (unsigned int i = 0; values[i]; i++)
		text_add(&text, "%s%s", !i ? "" : values[i + 1] ? ", " : " or ", values[i]);
	return field_error(field, "must be %s, not \"%s\"", buf, given);
}

int field_enum(unsigned int *ret, const struct field *field, const char *const *values)
{
	const char *text = NULL;
	unsigned int index;
	int r = field_string(&text, field);

	if (r < 0 || !text)
		return r;
	if (!in_list(values, text, &index))
		return enum_error(field, values, text);
	*ret = index;
	return 0;
}

int field_only(const struct field *field, const char *const *known, bool warning)
{
	unsigned int index;
	const char *name;
	json_t *value;
	int r = 0;

	json_object_foreach ((json_t *)field->value, name, value) {
		struct field unknown = field_get(field, name);

		if (in_list(known, name, &index))
			continue;
		if (warning)
			field_warning(&unknown, "is not a known field");
		else
			field_error(&unknown, "is not a known field");
		r = -EINVAL;
	}
	return r;
}
