// SPDX-License-Identifier: Apache-2.0
/* Each byte is looked at once, most of them in the two short loops over strings. */
#include "base/jsoncost.h"

#include <stdint.h>

/* As measured with jansson 2.14 and glibc: the value, its place in the one around it. */
#define OBJECT_COST 384
#define ARRAY_COST 240
#define ELEMENT_COST 176 /* every one but the first has a comma in front */

#define DIGITS_MAX 15 /* a double holds them all */

enum mark {
	MARK_NONE,
	MARK_STRING,
	MARK_OBJECT,
	MARK_ARRAY,
	MARK_CLOSE,
	MARK_COMMA,
	MARK_NUMBER,
	MARK_ODD, /* nowhere in a JSON text, but for strings */
};

static const uint8_t marks[256] = {
	[0 ... 8] = MARK_ODD, [11 ... 12] = MARK_ODD, [14 ... 31] = MARK_ODD,
	[127 ... 255] = MARK_ODD,
	['"'] = MARK_STRING, ['{'] = MARK_OBJECT, ['['] = MARK_ARRAY, ['}'] = MARK_CLOSE,
	[']'] = MARK_CLOSE, [','] = MARK_COMMA, ['-'] = MARK_NUMBER,
	['0' ... '9'] = MARK_NUMBER,
};

/* Bytes of a string that are more than themselves. */
static const bool ends_plain[256] = {
	[0 ... 31] = true, ['"'] = true, ['\\'] = true, [127 ... 255] = true,
};

/* The quote that ends the string, behind whose first one @at is; or the end. */
static const char *string_end(const char *at, const char *end, bool *is_plain)
{
	for (;;) {
		while (at < end && !ends_plain[(uint8_t)*at])
			at++;
		if (at >= end)
			return end;
		if (*at == '"')
			return at;
		*is_plain = false;
		at += 1 + (*at == '\\');
	}
}

static const char *digits_end(const char *at, const char *end)
{
	while (at < end && marks[(uint8_t)*at] == MARK_NUMBER && *at != '-')
		at++;
	return at;
}

/* The last byte of the number at @at. */
static const char *number_end(const char *at, const char *end, bool *is_plain)
{
	const char *first = at + (*at == '-'), *after = digits_end(first, end);
	bool is_short = after > first && after - first <= DIGITS_MAX;
	char next = after < end ? *after : ' ';

	if (!is_short || (*first == '0' && after - first > 1) || next == '.' || next == '-' ||
	    (next | 0x20) == 'e')
		*is_plain = false;
	return after > at ? after - 1 : at;
}

struct json_extent json_extent(const char *text, size_t length)
{
	struct json_extent ret = { .is_plain = true };
	const char *at = text, *end = text + length;
	size_t depth = 0, cost = 0;

	for (; at < end; at++) {
		switch ((enum mark)marks[(uint8_t)*at]) {
		case MARK_NONE:
			break;
		case MARK_STRING:
			at = string_end(at + 1, end, &ret.is_plain);
			break;
		case MARK_OBJECT:
			cost += OBJECT_COST;
			depth++;
			break;
		case MARK_ARRAY:
			cost += ARRAY_COST;
			depth++;
			break;
		case MARK_CLOSE:
			if (!depth)
				goto out;
			depth--;
			break;
		case MARK_COMMA:
			if (!depth)
				goto out;
			cost += ELEMENT_COST;
			break;
		case MARK_NUMBER:
			at = number_end(at, end, &ret.is_plain);
			break;
		case MARK_ODD:
			ret.is_plain = false;
			break;
		}
	}
out:
	ret.end = at < end ? at : end;
	ret.cost = cost + (size_t)(ret.end - text);
	return ret;
}

size_t json_cost(const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	struct json_extent extent;
	size_t cost = 0;

	while (at < end) {
		extent = json_extent(at, (size_t)(end - at));
		cost += extent.cost;
		at = extent.end;
		/* Outside of any value, in what is no JSON or has more than one value. */
		if (at < end) {
			cost += 1 + (*at == ',' ? ELEMENT_COST : 0);
			at++;
		}
	}
	return cost;
}
