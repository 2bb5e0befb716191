/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts what an API server sends into objects as it arrives, so that neither a list
 * of 50,000 pods nor an endless watch is ever held as a whole: of a list the
 * elements of `items`, of a watch one event after the other. It follows braces and
 * strings only; whether a piece is JSON its reader finds out. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define API_PIECE_MAX (8u << 20) /* bytes of an object; an API server keeps at most 1.5 MiB */
#define API_HEAD_MAX (64u << 10) /* bytes of a list around its items */
#define API_DEPTH_MAX 200 /* of nesting; jansson's recursion takes less than 1 KiB a level */

struct api_stream {
	bool is_list;
	bool in_string;
	bool escaped; /* the byte before was a backslash, in a string */
	bool in_items;
	bool ended; /* the list is complete */
	unsigned int depth;
	char key[8]; /* the last string at depth 1, cut */
	size_t key_length; /* not cut */
	struct buf piece; /* of the object that has begun */
	struct buf head; /* the list without its items */
};

struct api_stream_sink {
	void *arg;
	/* @text is NUL-terminated and borrowed. What it returns, if not 0, ends the feeding. */
	int (*piece)(void *arg, const char *text, size_t length);
};

/* For another answer; the first time @stream must be zero. */
void api_stream_start(struct api_stream *stream, bool is_list);
void api_stream_done(struct api_stream *stream);

/*
 * 0, -EBADMSG for what cannot be such an answer, -EMSGSIZE for an object that is too
 * large, -ENOMEM, or what the sink returned. After an error it must be started again.
 */
int api_stream_feed(struct api_stream *stream, const char *bytes, size_t length,
		    const struct api_stream_sink *sink);

/* The answer has ended: 0, or -EBADMSG when it was cut off. */
int api_stream_finish(const struct api_stream *stream);
