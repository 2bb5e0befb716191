// SPDX-License-Identifier: Apache-2.0
/* The documents of a YAML text. */
#include "source/yaml.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/json_arena.h"
#include "source/yaml_reader.h"

#define MARKER "---"

struct stream {
	struct yaml_reader reader;
	const char *text; /* what is left to read */
	size_t length;
	unsigned int start_line; /* of the last document */
	bool in_document;
};

/* From the start of a document, which is the current event, to its end. */
static int read_document(struct stream *stream)
{
	struct yaml_reader *reader = &stream->reader;
	cleanup(json_decrefp) json_t *value = NULL;
	int r;

	reader->document++;
	stream->start_line = yaml_reader_line(reader);
	stream->in_document = true;
	r = yaml_reader_next(reader);
	if (r < 0)
		return r;
	reader->document_line = yaml_reader_line(reader);
	r = yaml_reader_root(reader, &value);
	if (r < 0)
		return r;
	r = yaml_reader_next(reader); /* YAML_DOCUMENT_END_EVENT */
	if (r < 0)
		return r;
	stream->in_document = false;
	if (json_is_null(value))
		return 0;
	return reader->sink->document(reader->sink->arg, value, reader->document,
				      reader->document_line);
}

static int read_events(struct stream *stream)
{
	struct json_arena *arena = stream->reader.sink->arena;
	struct json_arena_mark mark = json_arena_mark(arena);
	int r;

	while (!(r = yaml_reader_next(&stream->reader))) {
		switch (stream->reader.event.type) {
		case YAML_DOCUMENT_START_EVENT:
			r = read_document(stream);
			json_arena_rewind(arena, mark);
			if (r)
				return r;
			break;
		case YAML_STREAM_END_EVENT:
			return 0;
		default:
			break;
		}
	}
	return r;
}

/* -EINVAL: a document is broken, the reader knows why. */
static int read_rest(struct stream *stream)
{
	struct yaml_reader *reader = &stream->reader;
	int r;

	if (!yaml_parser_initialize(&reader->parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)stream->text,
				     stream->length);
	stream->start_line = reader->lines + 1;
	stream->in_document = false;
	r = read_events(stream);
	yaml_reader_done(reader);
	yaml_parser_delete(&reader->parser);
	return r;
}

static bool is_marker(const char *line, size_t length)
{
	return length >= strlen(MARKER) && !memcmp(line, MARKER, strlen(MARKER)) &&
	       (length == strlen(MARKER) || strchr(" \t\r\n", line[strlen(MARKER)]));
}

/*
 * Go to where the document after the broken one starts: a marker at the start of a
 * line is one whatever it stands in, even in quotes. The error may have been found
 * only there. False: there is none.
 */
static bool skip_broken(struct stream *stream)
{
	struct yaml_reader *reader = &stream->reader;
	const char *end;

	/* It may be broken before it has begun. */
	stream->reader.document += !stream->in_document;
	while ((end = memchr(stream->text, '\n', stream->length))) {
		stream->length -= (size_t)(end + 1 - stream->text);
		stream->text = end + 1;
		reader->lines++;
		if (reader->lines + 1 > stream->start_line &&
		    reader->lines + 1 >= reader->error_line &&
		    is_marker(stream->text, stream->length))
			return true;
	}
	return false;
}

int yaml_each(const char *text, size_t length, const struct yaml_sink *sink)
{
	struct stream stream = { .reader = { .sink = sink }, .text = text, .length = length };
	struct yaml_reader *reader = &stream.reader;
	int r;

	if (length > YAML_TEXT_MAX) {
		yaml_reader_refuse(reader, 0, "larger than %u MiB", YAML_TEXT_MAX >> 20);
		return sink->broken(sink->arg, reader->error_line, reader->error);
	}
	for (int i = 0; i < YAML_BROKEN_MAX; i++) {
		r = read_rest(&stream);
		if (r != -EINVAL)
			return r;
		r = sink->broken(sink->arg, reader->error_line, reader->error);
		if (r || !skip_broken(&stream))
			return r;
	}
	return 0;
}
