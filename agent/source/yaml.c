// SPDX-License-Identifier: Apache-2.0
/* The documents of a YAML text. */
#include "source/yaml.h"

#include <errno.h>

#include "base/cleanup.h"
#include "source/yaml_reader.h"

struct stream {
	struct yaml_reader reader;
	int (*document)(void *arg, const json_t *value, unsigned int number, unsigned int line);
	void *arg;
	unsigned int documents;
};

/* From the start of a document, which is the current event, to its end. */
static int read_document(struct stream *stream)
{
	struct yaml_reader *reader = &stream->reader;
	cleanup(json_decrefp) json_t *value = NULL;
	unsigned int line;
	int r;

	stream->documents++;
	r = yaml_reader_next(reader);
	if (r < 0)
		return r;
	line = yaml_reader_line(reader);
	r = yaml_reader_root(reader, &value);
	if (r < 0)
		return r;
	r = yaml_reader_next(reader); /* YAML_DOCUMENT_END_EVENT */
	if (r < 0 || json_is_null(value))
		return r;
	return stream->document(stream->arg, value, stream->documents, line);
}

static int read_stream(struct stream *stream)
{
	int r;

	while (!(r = yaml_reader_next(&stream->reader))) {
		switch (stream->reader.event.type) {
		case YAML_DOCUMENT_START_EVENT:
			r = read_document(stream);
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

int yaml_each(const char *text, size_t length,
	      int (*document)(void *arg, const json_t *value, unsigned int number,
			      unsigned int line),
	      void *arg, char error[static YAML_ERROR_MAX], unsigned int *error_line)
{
	struct stream stream = {
		.reader = { .error = error, .error_line = error_line },
		.document = document,
		.arg = arg,
	};
	struct yaml_reader *reader = &stream.reader;
	int r;

	if (length > YAML_TEXT_MAX)
		return yaml_reader_refuse(reader, 0, "larger than %u MiB", YAML_TEXT_MAX >> 20);
	if (!yaml_parser_initialize(&reader->parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)text, length);
	r = read_stream(&stream);
	yaml_reader_done(reader);
	yaml_parser_delete(&reader->parser);
	return r;
}
