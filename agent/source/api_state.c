// SPDX-License-Identifier: Apache-2.0
#include "source/api_state.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "source/fingerprint.h"

#define DIRECTORY "api"
#define SUFFIX_NEW ".new"
#define SEAL "%016" PRIx64 " "
#define SEAL_LENGTH 17
#define SPARE_LINES 10000 /* superseded ones that are let be */

int api_state_init(struct api_state *state, const char *state_dir, const char *title)
{
	*state = (struct api_state){ .title = title };
	if (!state_dir)
		return 0;
	if (asprintf(&state->path, "%s/" DIRECTORY "/%s", state_dir, title) < 0) {
		state->path = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void close_file(FILE **file)
{
	if (*file)
		fclose(*file);
	*file = NULL;
}

void api_state_done(struct api_state *state)
{
	close_file(&state->file);
	close_file(&state->fresh);
	buf_done(&state->line);
	free(state->path);
	*state = (struct api_state){};
}

static int new_path(char path[static PATH_MAX], const struct api_state *state)
{
	return snprintf(path, PATH_MAX, "%s" SUFFIX_NEW, state->path) < PATH_MAX ? 0 :
										    -ENAMETOOLONG;
}

/* What cannot be continued must not be taken for the last state. */
static void fail(struct api_state *state, int r)
{
	char path[PATH_MAX];

	state->error = r;
	close_file(&state->file);
	close_file(&state->fresh);
	unlink(state->path);
	if (!new_path(path, state))
		unlink(path);
}

const char *api_state_key(const char *line, size_t *length)
{
	size_t whole = strlen(line);
	char seal[SEAL_LENGTH + 1];

	if (whole < SEAL_LENGTH + 2)
		return NULL;
	snprintf(seal, sizeof(seal), SEAL,
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

void api_state_begin(struct api_state *state)
{
	cleanup(freep) char *dir = NULL;
	char path[PATH_MAX];
	int r;

	if (!state->path || state->file)
		return;
	close_file(&state->fresh);
	state->lines = 0;
	dir = strndup(state->path, (size_t)(strrchr(state->path, '/') - state->path));
	r = dir ? file_make_dirs(dir, 0700) : -ENOMEM;
	r = r ?: new_path(path, state);
	if (!r) {
		unlink(path);
		state->fresh = fopen(path, "wxe");
		r = state->fresh ? 0 : -errno;
	}
	if (!r && (fchmod(fileno(state->fresh), 0600) < 0 ||
		   fprintf(state->fresh, API_STATE_HEADER, state->title) < 0))
		r = -errno;
	if (r < 0)
		fail(state, r);
}

/* The line in the making, without its seal and end. */
static int append(struct api_state *state)
{
	FILE *file = state->file ?: state->fresh;
	uint64_t seal;

	if (state->line.failed)
		return -ENOMEM;
	seal = fingerprint_text(state->line.data, state->line.length);
	if (fprintf(file, SEAL "%s\n", seal, state->line.data) < 0)
		fail(state, -errno);
	else
		state->lines++;
	return 0;
}

static void start_line(struct api_state *state, char sign, const char *namespace, const char *name)
{
	buf_reset(&state->line);
	buf_put(&state->line, &sign, 1);
	buf_str(&state->line, namespace);
	buf_str(&state->line, "/");
	buf_str(&state->line, name);
}

int api_state_put(struct api_state *state, const struct api_kind *kind, const json_t *object,
		  bool changed)
{
	cleanup(json_decrefp) json_t *kept = NULL;
	cleanup(freep) char *text = NULL;
	const json_t *metadata;

	if ((!state->file && !state->fresh) || (state->file && !changed))
		return 0;
	kept = api_kind_reduce(kind, object);
	text = kept ? json_dumps(kept, JSON_COMPACT) : NULL;
	if (!text)
		return -ENOMEM;
	metadata = json_object_get(kept, "metadata");
	start_line(state, '+', json_string_value(json_object_get(metadata, "namespace")) ?: "",
		   json_string_value(json_object_get(metadata, "name")) ?: "");
	buf_str(&state->line, " ");
	buf_str(&state->line, text);
	return append(state);
}

int api_state_delete(struct api_state *state, const char *namespace, const char *name)
{
	/* What was never written needs not be taken back. */
	if (!state->file && !state->fresh)
		return 0;
	start_line(state, '-', namespace, name);
	return append(state);
}

void api_state_complete(struct api_state *state)
{
	char path[PATH_MAX];
	int r;

	if (!state->fresh)
		return;
	r = new_path(path, state);
	if (!r && (fflush(state->fresh) || rename(path, state->path) < 0))
		r = -errno;
	if (r < 0) {
		fail(state, r);
		return;
	}
	state->file = take_ptr(&state->fresh);
	state->error = 0;
	state->damaged = 0;
}

static void compact(struct api_state *state)
{
	char path[PATH_MAX];
	ssize_t r = new_path(path, state);
	FILE *file;

	r = r ?: api_state_compact(state->path, path, state->title);
	if (r >= 0 && rename(path, state->path) < 0)
		r = -errno;
	file = r < 0 ? NULL : fopen(state->path, "ae");
	if (!file) {
		fail(state, r < 0 ? (int)r : -errno);
		return;
	}
	fclose(state->file);
	state->file = file;
	state->lines = (size_t)r;
}

void api_state_flush(struct api_state *state, size_t live)
{
	if (!state->file)
		return;
	if (fflush(state->file))
		fail(state, -errno);
	else if (state->lines > 2 * live + SPARE_LINES)
		compact(state);
}

int api_state_remove_all(const char *state_dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" DIRECTORY, state_dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	return file_remove_tree(path);
}
