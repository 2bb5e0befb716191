// SPDX-License-Identifier: Apache-2.0
/* The events of a watch. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "source/api_feed_private.h"
#include "source/api_outline.h"

#define GONE 410

static int __attribute__((format(printf, 3, 4)))
refuse(struct api_feed *feed, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(feed->error, sizeof(feed->error), fmt, ap);
	va_end(ap);
	return r;
}

/* The object of an ERROR event is a Status. */
static int take_error(struct api_feed *feed, const json_t *status)
{
	json_int_t code = json_integer_value(json_object_get(status, "code"));
	const char *message = json_string_value(json_object_get(status, "message")) ?: "";

	return refuse(feed, code == GONE ? -ESTALE : -EAGAIN, "the watch was ended: %lld: %.256s",
		      (long long)code, message);
}

static int take_version(struct api_feed *feed, struct api_sync *sync, const json_t *object)
{
	const char *version = api_feed_text(object, "resourceVersion");
	int r = *version ? api_sync_event(sync, version) : -EBADMSG;

	if (r == -ESTALE)
		return refuse(feed, r, "resourceVersion goes backwards, from %.64s to %.64s",
			      sync->version, version);
	return r == -EBADMSG ? refuse(feed, -ESTALE, "an event has no resourceVersion") : r;
}

/* @is_outline: more of the object cannot be read. */
static int take_event(struct api_feed *feed, struct api_sync *sync, const char *type,
		      json_t *object, bool is_outline)
{
	bool is_deleted = !strcmp(type, "DELETED");
	int r;

	if (!strcmp(type, "ERROR"))
		return take_error(feed, object);
	r = take_version(feed, sync, object);
	if (r < 0 || !strcmp(type, "BOOKMARK"))
		return r;
	if (!is_deleted && strcmp(type, "ADDED") != 0 && strcmp(type, "MODIFIED") != 0)
		return refuse(feed, -ESTALE, "an event of an unknown type: \"%.32s\"", type);
	r = is_outline && !is_deleted ? api_feed_unread(feed, object) :
					api_feed_apply(feed, object, is_deleted, false);
	return r == -EBADMSG ? refuse(feed, -ESTALE, "an event without a usable object") : r;
}

static int take_unread_event(struct api_feed *feed, struct api_sync *sync, const char *text,
			     size_t length)
{
	size_t size, type_size;
	const char *at = api_outline_member(&size, text, length, "object");
	const char *type_at = api_outline_member(&type_size, text, length, "type");
	json_t *object = at ? api_outline(at, size) : NULL;
	json_t *type = type_at ? api_outline_string(type_at, type_size) : NULL;

	if (!type || !object)
		return refuse(feed, -ESTALE, "an event cannot be read");
	return take_event(feed, sync, json_string_value(type), object, true);
}

static int take_piece(struct api_feed *feed, struct api_sync *sync, const char *text, size_t length)
{
	json_t *event = api_feed_parse(text, length, "object");
	const char *type = json_string_value(json_object_get(event, "type"));
	json_t *object = json_object_get(event, "object");

	if (!event)
		return take_unread_event(feed, sync, text, length);
	if (!type || !json_is_object(object))
		return refuse(feed, -ESTALE, "an event cannot be read");
	return take_event(feed, sync, type, object, false);
}

int api_feed_event(struct api_feed *feed, struct api_sync *sync, const char *text, size_t length)
{
	int r;

	json_arena_begin(&feed->arena);
	r = take_piece(feed, sync, text, length);
	json_arena_end(&feed->arena);
	return r;
}
