/* SPDX-License-Identifier: Apache-2.0 */
/* What a JSON text says before it is parsed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * Upper bound of the bytes that the values of a JSON text take in memory, which can be a
 * hundred times the text: ask before it is parsed. What strings contain counts as text: of
 * most of them anybody may choose it.
 */
size_t json_cost(const char *text, size_t length);

/* One value of a text, which may be no JSON at all. */
struct json_extent {
	const char *end; /* the comma or bracket behind the value, or the end of the text */
	size_t cost; /* as json_cost() */
	/*
	 * Nothing is in it that readers of JSON disagree about: strings are printable ASCII
	 * without escapes, numbers are integers that a double holds.
	 */
	bool is_plain;
};

struct json_extent json_extent(const char *text, size_t length);
