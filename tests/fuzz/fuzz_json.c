// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as JSON. What is plain and read by the fast way is what jansson makes of it; how
 * far a value reaches and what it costs does not depend on where it stands.
 */
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/jsoncost.h"
#include "fuzz.h"
#include "source/json_arena.h"
#include "source/json_plain.h"

#define FLAGS (JSON_REJECT_DUPLICATES | JSON_DECODE_ANY)

/* Members that the fast way leaves out, whatever they are. */
static bool has_unread(const char *text, size_t length)
{
	static const char *const names[] = { "targetRef", "managedFields", "ownerReferences" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (memmem(text, length, names[i], strlen(names[i])))
			return true;
	return false;
}

static void compare(const char *text, const struct json_extent *extent)
{
	size_t length = (size_t)(extent->end - text);
	json_t *fast = json_plain(text, length);
	json_t *slow = json_loadb(text, length, FLAGS, NULL);
	int error;

	if (fast && !has_unread(text, length))
		PROMISE(slow && json_equal(fast, slow));
	PROMISE(!json_plain_or(FLAGS, text, extent, &error) == !(fast ?: slow));
}

static void check_extent(const char *text, size_t length)
{
	struct json_extent whole = json_extent(text, length), alone;
	size_t size = (size_t)(whole.end - text);

	PROMISE(size <= length && whole.cost >= size);
	PROMISE(whole.end == text + length || strchr(",]}", *whole.end));
	PROMISE(json_cost(text, length) >= whole.cost);
	alone = json_extent(text, size);
	PROMISE(alone.end == whole.end && alone.cost == whole.cost);
	PROMISE(alone.is_plain == whole.is_plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct json_arena arena = {};
	struct json_extent extent;

	check_extent(text, size);
	extent = json_extent(text, size);
	json_arena_begin(&arena);
	if (extent.is_plain)
		compare(text, &extent);
	json_arena_end(&arena);
	json_arena_done(&arena);
	return 0;
}
