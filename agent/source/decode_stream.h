/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One document after the other, of which elements of a list may come before the rest: what
 * they say is told at once, and whether it counts when the document is known.
 */
#pragma once

#include "source/decode.h"

#define DECODE_LIST_MEMBER "items" /* of a list: the elements */

struct decode_stream {
	const struct decode_sink *sink;
	size_t taken; /* elements of the current document */
};

/*
 * The next element of a list. 0; 1: it can be understood only with the list's own kind and
 * version, so it and all after it have to come with the document; or -ENOMEM.
 */
int decode_stream_item(struct decode_stream *stream, const json_t *value, unsigned int document,
		       unsigned int line);

/* The document, without the elements that were taken. 0 or -ENOMEM. */
int decode_stream_document(struct decode_stream *stream, const json_t *value,
			   unsigned int document, unsigned int line);

/* Not all of it can be read: nothing of the document counts. NULL for @why: it comes again. */
void decode_stream_break(struct decode_stream *stream, const struct decode_problem *why);
