// SPDX-License-Identifier: Apache-2.0
#include "source/api_outline.h"

#include <string.h>

#include "base/jsoncost.h"

#define STRING_MAX 1024 /* bytes of its text */

/* The quote that ends the string which begins at @at, or the end of the text. */
static size_t string_end(const char *text, size_t length, size_t at)
{
	for (at++; at < length && text[at] != '"'; at++)
		at += text[at] == '\\';
	return at < length ? at : length;
}

static const char *skip_space(const char *text, const char *end)
{
	while (text < end && strchr(" \t\r\n,", *text))
		text++;
	return text;
}

const char *api_outline_member(size_t *ret_length, const char *text, size_t length,
			       const char *name)
{
	const char *end = text + length, *at = skip_space(text, end), *key;
	size_t key_length;

	if (at == end || *at++ != '{')
		return NULL;
	for (;;) {
		at = skip_space(at, end);
		if (at == end || *at != '"')
			return NULL;
		key = at + 1;
		key_length = string_end(at, (size_t)(end - at), 0) - 1;
		at = memchr(key + key_length, ':', (size_t)(end - key) - key_length);
		if (!at)
			return NULL;
		at++;
		*ret_length = (size_t)(json_extent(at, (size_t)(end - at)).end - at);
		if (key_length == strlen(name) && !memcmp(key, name, key_length))
			return at;
		at += *ret_length;
	}
}

json_t *api_outline_string(const char *text, size_t length)
{
	json_t *value = length <= STRING_MAX && memchr(text, '"', length) ?
				json_loadb(text, length, JSON_DECODE_ANY, NULL) : NULL;

	if (json_is_string(value))
		return value;
	json_decref(value);
	return NULL;
}

json_t *api_outline(const char *text, size_t length)
{
	static const char *const names[] = { "name", "namespace", "resourceVersion" };
	json_t *members = json_object(), *value;
	const char *metadata, *member;
	size_t size, member_size;

	metadata = api_outline_member(&size, text, length, "metadata");
	for (size_t i = 0; metadata && members && i < sizeof(names) / sizeof(names[0]); i++) {
		member = api_outline_member(&member_size, metadata, size, names[i]);
		value = member ? api_outline_string(member, member_size) : NULL;
		if (value && json_object_set_new(members, names[i], value) < 0) {
			json_decref(members);
			return NULL;
		}
	}
	return members ? json_pack("{s:o}", "metadata", members) : NULL;
}

bool api_outline_trim(struct buf *ret, const char *text, size_t length, const char *inside)
{
	const char *const way[] = { inside, "metadata", "managedFields" }, *at = text;
	size_t size = length;

	for (size_t i = inside ? 0 : 1; at && i < sizeof(way) / sizeof(way[0]); i++)
		at = api_outline_member(&size, at, size, way[i]);
	if (!at)
		return false;
	buf_put(ret, text, (size_t)(at - text));
	buf_str(ret, "null");
	buf_put(ret, at + size, length - size - (size_t)(at - text));
	return !ret->failed;
}
