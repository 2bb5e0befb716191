// SPDX-License-Identifier: Apache-2.0
/* Lists, as a whole or element by element, and what is no list. */
#include "source/decode_stream.h"

#include <errno.h>
#include <string.h>

#include "source/decode_kind.h"

#define LIST "List"

/* What an element of a list need not repeat; both NULL outside of a list. */
struct inherited {
	const char *kind;
	const char *version;
	bool in_list;
};

/* What a value says that it is; NULL: nothing that could be used. */
struct type {
	const char *name;
	const char *version;
	const struct kind *kind; /* NULL: not one of interest; of a list its elements' */
	bool is_list;
	bool is_plain; /* a list of anything */
	bool is_foreign; /* of somebody else, whatever its name */
};

/* What is not there may be inherited; NULL: nothing that could be used. */
static const char *type_text(const struct field *field, const char *inherited)
{
	const char *text = json_string_value(field->value);

	if (field_is_absent(field))
		return inherited;
	if (!text || !*text || strlen(text) != json_string_length(field->value))
		return NULL;
	return text;
}

static struct type type_of(const struct field *field, const struct inherited *inherited)
{
	struct field version_field = field_get(field, "apiVersion");
	struct field kind_field = field_get(field, "kind");
	struct type type = { .name = type_text(&kind_field, inherited->kind),
			     .version = type_text(&version_field, inherited->version) };
	size_t length = type.name ? strlen(type.name) : 0;

	type.is_list = length >= strlen(LIST) && !strcmp(type.name + length - strlen(LIST), LIST);
	if (type.is_list)
		length -= strlen(LIST);
	type.is_plain = type.is_list && !length;
	type.kind = length ? kind_find(type.name, length) : NULL;
	type.is_foreign = type.kind && type.version &&
			  !kind_has_version(type.kind, type.version) &&
			  kind_is_foreign(type.version);
	return type;
}

/* Its elements count. */
static bool is_read_list(const struct type *type)
{
	return type->is_list && !type->is_foreign &&
	       (type->kind || (type->is_plain && type->version));
}

static int decode_value(const struct field *field, const struct inherited *inherited,
			size_t taken);

/* The first @taken elements are not there any more. */
static int decode_list(const struct field *field, const struct inherited *elements, size_t taken)
{
	struct field items = field_get(field, DECODE_LIST_MEMBER);
	int r = field_list(&items);

	if (r < 0)
		return r;
	for (size_t i = 0; i < field_count(&items); i++) {
		struct field element = field_at(&items, i);

		element.index += taken;
		r = decode_value(&element, elements, 0);
		if (r == -ENOMEM)
			return r;
	}
	return 0;
}

static int decode_typed_list(const struct field *field, const struct type *type, bool in_list,
			     size_t taken)
{
	const struct inherited elements = { .kind = type->kind ? type->kind->name : NULL,
					    .version = type->kind ? type->version : NULL,
					    .in_list = true };

	if (in_list)
		return field_error(field, "is a list within a list");
	return decode_list(field, &elements, taken);
}

static int decode_untyped(const struct field *field, const struct type *type)
{
	struct field version = field_get(field, "apiVersion");
	struct field kind = field_get(field, "kind");
	int r = kind_require(&version, type->version) ?: kind_require(&kind, type->name);

	return r ?: kind_check_unknown(&kind, type->name, type->version);
}

static int decode_value(const struct field *field, const struct inherited *inherited,
			size_t taken)
{
	struct type type = type_of(field, inherited);
	int r = field_object(field);

	if (r < 0 || type.is_foreign)
		return r;
	if (is_read_list(&type))
		return decode_typed_list(field, &type, inherited->in_list, taken);
	if (type.kind)
		return decode_object(type.kind, field, type.version);
	return decode_untyped(field, &type);
}

static struct field_origin origin_of(const struct decode_sink *sink, unsigned int document,
				     unsigned int line)
{
	return (struct field_origin){ .sink = sink, .document = document, .line = line,
				      .object = "" };
}

static void settle(const struct decode_sink *sink, bool counts)
{
	if (sink->settle)
		sink->settle(sink->arg, counts);
}

/* Its own words say what it is, or that it is nothing. */
static bool needs_list(const struct field *element)
{
	struct field version = field_get(element, "apiVersion");
	struct field kind = field_get(element, "kind");

	return json_is_object(element->value) &&
	       (field_is_absent(&version) || field_is_absent(&kind));
}

int decode_stream_item(struct decode_stream *stream, const json_t *value, unsigned int document,
		       unsigned int line)
{
	const struct field_origin origin = origin_of(stream->sink, document, line);
	const struct field root = { .origin = &origin };
	const struct field items = { .origin = &origin, .parent = &root,
				     .name = DECODE_LIST_MEMBER };
	const struct field element = { .origin = &origin, .parent = &items,
				       .index = stream->taken, .value = value };
	const struct inherited nothing = { .in_list = true };

	if (needs_list(&element))
		return 1;
	stream->taken++;
	return decode_value(&element, &nothing, 0) == -ENOMEM ? -ENOMEM : 0;
}

int decode_stream_document(struct decode_stream *stream, const json_t *value,
			   unsigned int document, unsigned int line)
{
	const struct field_origin origin = origin_of(stream->sink, document, line);
	const struct field root = { .origin = &origin, .value = value };
	const struct inherited nothing = {};
	struct type type = type_of(&root, &nothing);
	size_t taken = stream->taken;
	int r;

	stream->taken = 0;
	settle(stream->sink, is_read_list(&type));
	r = decode_value(&root, &nothing, taken);
	settle(stream->sink, true);
	return r == -ENOMEM ? r : 0;
}

void decode_stream_break(struct decode_stream *stream, const struct decode_problem *why)
{
	stream->taken = 0;
	settle(stream->sink, false);
	if (!why)
		return;
	stream->sink->problem(stream->sink->arg, why);
	settle(stream->sink, true);
}

int decode_json(const struct decode_sink *sink, const json_t *value, unsigned int document,
		unsigned int line)
{
	struct decode_stream stream = { .sink = sink };

	return decode_stream_document(&stream, value, document, line);
}
