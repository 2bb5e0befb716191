// SPDX-License-Identifier: Apache-2.0
#include "source/api_stream.h"

#include <errno.h>
#include <string.h>

#define ITEMS "items"

void api_stream_start(struct api_stream *stream, bool is_list)
{
	struct api_stream next = { .is_list = is_list, .piece = stream->piece, .head = stream->head };

	buf_reset(&next.piece);
	buf_reset(&next.head);
	*stream = next;
}

void api_stream_done(struct api_stream *stream)
{
	buf_done(&stream->piece);
	buf_done(&stream->head);
	*stream = (struct api_stream){};
}

enum place {
	PLACE_HEAD,
	PLACE_BETWEEN, /* objects */
	PLACE_PIECE,
};

static enum place place_of(const struct api_stream *stream)
{
	unsigned int outside = stream->is_list ? 2 : 0;

	if (stream->is_list && !stream->in_items)
		return stream->ended ? PLACE_BETWEEN : PLACE_HEAD;
	return stream->depth > outside ? PLACE_PIECE : PLACE_BETWEEN;
}

/* Where a byte belongs: the braces of an object are part of it, the brackets of `items` are not. */
static enum place byte_place(enum place before, enum place after)
{
	if (before == PLACE_PIECE || after == PLACE_PIECE)
		return PLACE_PIECE;
	return before == PLACE_BETWEEN && after == PLACE_BETWEEN ? PLACE_BETWEEN : PLACE_HEAD;
}

static void note_key(struct api_stream *stream, char c)
{
	if (stream->key_length < sizeof(stream->key))
		stream->key[stream->key_length] = c;
	stream->key_length++;
}

static void step_string(struct api_stream *stream, char c)
{
	if (stream->escaped)
		stream->escaped = false;
	else if (c == '\\')
		stream->escaped = true;
	else if (c == '"')
		stream->in_string = false;
	if (stream->in_string && stream->depth == 1)
		note_key(stream, c);
}

static int step_open(struct api_stream *stream, char c)
{
	if (stream->ended || stream->depth == API_DEPTH_MAX)
		return -EBADMSG;
	/* The root, and the elements of a list, are objects. */
	if (c != '{' && (!stream->depth || (stream->in_items && stream->depth == 2)))
		return -EBADMSG;
	if (c == '[' && stream->is_list && stream->depth == 1)
		stream->in_items = stream->key_length == strlen(ITEMS) &&
				   !memcmp(stream->key, ITEMS, strlen(ITEMS));
	stream->depth++;
	return 0;
}

static int step_close(struct api_stream *stream)
{
	if (!stream->depth)
		return -EBADMSG;
	stream->depth--;
	if (stream->depth == 1)
		stream->in_items = false;
	stream->ended = stream->is_list && !stream->depth;
	return 0;
}

/* Between objects there is white space, and between elements of a list a comma. */
static bool may_stand_between(const struct api_stream *stream, char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || (stream->in_items && c == ',');
}

static int step(struct api_stream *stream, char c)
{
	bool between = !stream->depth || place_of(stream) == PLACE_BETWEEN;

	if (stream->in_string) {
		step_string(stream, c);
		return 0;
	}
	if (c == '{' || c == '[')
		return step_open(stream, c);
	if (c == '}' || c == ']')
		return step_close(stream);
	if (between && !may_stand_between(stream, c))
		return -EBADMSG;
	if (c == '"') {
		stream->in_string = true;
		stream->key_length = stream->depth == 1 ? 0 : stream->key_length;
	}
	return 0;
}

static int keep(struct api_stream *stream, enum place place, const char *bytes, size_t length)
{
	struct buf *buf = place == PLACE_PIECE ? &stream->piece : &stream->head;
	size_t most = place == PLACE_PIECE ? API_PIECE_MAX : API_HEAD_MAX;

	if (!length || place == PLACE_BETWEEN)
		return 0;
	if (buf->length + length > most)
		return -EMSGSIZE;
	buf_put(buf, bytes, length);
	return buf->failed ? -ENOMEM : 0;
}

static int deliver(struct api_stream *stream, const struct api_stream_sink *sink)
{
	int r = sink->piece(sink->arg, stream->piece.data, stream->piece.length);

	buf_reset(&stream->piece);
	return r;
}

/* What ends a stretch of bytes that say nothing of the structure. */
static const bool ends_text[256] = { ['"'] = true, ['\\'] = true };
static const bool ends_values[256] = {
	['"'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true,
};

/*
 * How many bytes from here on leave the stream as it is: nearly all of an object, so they are not
 * taken one by one. Keys of the root have to be.
 */
static size_t dull_bytes(const struct api_stream *stream, const char *bytes, size_t length)
{
	const bool *ends = stream->in_string ? ends_text : ends_values;
	size_t i = 0;

	if (stream->escaped || stream->depth < 2 || place_of(stream) != PLACE_PIECE)
		return 0;
	while (i < length && !ends[(unsigned char)bytes[i]])
		i++;
	return i;
}

int api_stream_feed(struct api_stream *stream, const char *bytes, size_t length,
		    const struct api_stream_sink *sink)
{
	enum place run = PLACE_BETWEEN, before, after = place_of(stream), place;
	size_t start = 0;
	int r = 0;

	for (size_t i = 0; i < length && !r; i++) {
		i += run == PLACE_PIECE ? dull_bytes(stream, bytes + i, length - i) : 0;
		if (i == length)
			break;
		before = after;
		r = step(stream, bytes[i]);
		after = place_of(stream);
		place = byte_place(before, after);
		if (!r && place != run) {
			r = keep(stream, run, bytes + start, i - start);
			start = i;
			run = place;
		}
		if (r || before != PLACE_PIECE || after == PLACE_PIECE)
			continue;
		r = keep(stream, run, bytes + start, i + 1 - start) ?: deliver(stream, sink);
		start = i + 1;
	}
	return r ?: keep(stream, run, bytes + start, length - start);
}

int api_stream_finish(const struct api_stream *stream)
{
	return stream->depth || (stream->is_list && !stream->ended) ? -EBADMSG : 0;
}
