// SPDX-License-Identifier: Apache-2.0
/* What a former agent wrote. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "source/api_state.h"
#include "source/fingerprint.h"

#define SEAL_LENGTH 17

const char *api_state_key(const char *line, size_t *length)
{
	size_t whole = strlen(line);
	char seal[SEAL_LENGTH + 1];

	if (whole < SEAL_LENGTH + 2)
		return NULL;
	snprintf(seal, sizeof(seal), API_STATE_SEAL,
		 fingerprint_text(line + SEAL_LENGTH, whole - SEAL_LENGTH));
	if (memcmp(line, seal, SEAL_LENGTH) != 0)
		return NULL;
	line += SEAL_LENGTH;
	*length = strcspn(line + 1, " ");
	return (*line == '+' || *line == '-') && memchr(line, '/', *length + 1) ? line + 1 : NULL;
}

/* @key has the namespace and the name behind it, and then the object. */
static int replay(const struct api_state_sink *sink, char *key, size_t length)
{
	cleanup(json_decrefp) json_t *object = NULL;
	char *name = strchr(key, '/');

	if (key[-1] == '-') {
		*name = '\0';
		sink->deleted(sink->arg, key, name + 1);
		return 0;
	}
	if (!key[length])
		return -EBADMSG;
	object = json_loads(key + length + 1, JSON_ALLOW_NUL, NULL);
	return object ? sink->object(sink->arg, object) : -EBADMSG;
}

static bool has_header(FILE *file, const char *title)
{
	char expected[128], header[128];

	snprintf(expected, sizeof(expected), API_STATE_HEADER, title);
	return fgets(header, sizeof(header), file) && !strcmp(header, expected);
}

static int load_lines(struct api_state *state, FILE *file, const struct api_state_sink *sink)
{
	cleanup(freep) char *line = NULL;
	size_t room = 0, length;
	ssize_t size;
	int r;

	while ((size = getline(&line, &room, file)) > 0) {
		bool is_whole = line[size - 1] == '\n';
		char *key;

		line[is_whole ? size - 1 : size] = '\0';
		key = is_whole ? (char *)api_state_key(line, &length) : NULL;
		r = key ? replay(sink, key, length) : -EBADMSG;
		if (r == -EBADMSG)
			state->damaged++;
		else if (r < 0)
			return r;
		state->lines++;
	}
	return 1;
}

/* A last line without end would swallow the next one. */
static int end_last_line(FILE *file)
{
	char last = '\n';

	if (fseek(file, -1, SEEK_END) < 0 || fread(&last, 1, 1, file) != 1)
		return -EIO;
	fseek(file, 0, SEEK_END);
	if (last != '\n')
		fputc('\n', file);
	return 0;
}

int api_state_load(struct api_state *state, const struct api_state_sink *sink)
{
	FILE *file = state->path ? fopen(state->path, "r+e") : NULL;
	int r;

	if (!file)
		return 0;
	r = has_header(file, state->title) ? load_lines(state, file, sink) : 0;
	if (r <= 0 || end_last_line(file) < 0) {
		fclose(file);
		return r;
	}
	state->file = file;
	return 1;
}
