// SPDX-License-Identifier: Apache-2.0
#include "source/api_state.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "source/api_compact.h"
#include "source/fingerprint.h"

#define DIRECTORY "api"
#define SUFFIX_NEW ".new"
#define SPARE_LINES 10000 /* superseded ones that are let be */
#define RETIRED_BYTES (2 * 1024 * 1024) /* that one step gives back to the disk */

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

static int new_path(char path[static PATH_MAX], const struct api_state *state)
{
	return snprintf(path, PATH_MAX, "%s" SUFFIX_NEW, state->path) < PATH_MAX ? 0 :
										    -ENAMETOOLONG;
}

static void close_files(struct api_state *state)
{
	api_compact_free(state->compact);
	state->compact = NULL;
	close_file(&state->file);
	close_file(&state->fresh);
	close_file(&state->retired);
}

void api_state_done(struct api_state *state)
{
	char path[PATH_MAX];

	/* Half a file is no use to anybody. */
	if ((state->compact || state->fresh) && !new_path(path, state))
		unlink(path);
	close_files(state);
	buf_done(&state->line);
	free(state->path);
	*state = (struct api_state){};
}

void api_state_discard(struct api_state *state)
{
	char path[PATH_MAX];

	close_files(state);
	if (!state->path)
		return;
	unlink(state->path);
	if (!new_path(path, state))
		unlink(path);
}

void api_state_clear(struct api_state *state)
{
	if (state->path && !state->file)
		unlink(state->path);
}

/* What cannot be continued must not be taken for the last state. */
static void fail(struct api_state *state, int r)
{
	state->error = r;
	api_state_discard(state);
}

void api_state_begin(struct api_state *state, size_t known)
{
	cleanup(freep) char *dir = NULL;
	char path[PATH_MAX];
	int r;

	state->is_lacking = false;
	if (!state->path || state->file || state->fresh)
		return;
	state->is_late = known;
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
	if (fprintf(file, API_STATE_SEAL "%s\n", seal, state->line.data) < 0)
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

static int put_text(const char *text, size_t length, void *line)
{
	buf_put(line, text, length);
	return 0;
}

int api_state_put(struct api_state *state, const struct api_kind *kind, const json_t *object,
		  bool changed)
{
	cleanup(json_decrefp) json_t *kept = NULL;
	const json_t *metadata;

	if ((!state->file && !state->fresh) || (state->file && !changed))
		return 0;
	kept = api_kind_reduce(kind, object);
	if (!kept)
		return -ENOMEM;
	metadata = json_object_get(kept, "metadata");
	start_line(state, '+', json_string_value(json_object_get(metadata, "namespace")) ?: "",
		   json_string_value(json_object_get(metadata, "name")) ?: "");
	buf_str(&state->line, " ");
	if (json_dump_callback(kept, put_text, &state->line, JSON_COMPACT) < 0)
		return -ENOMEM;
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

void api_state_keep(struct api_state *state)
{
	state->is_lacking |= state->fresh && state->is_late;
}

void api_state_complete(struct api_state *state)
{
	char path[PATH_MAX];
	int r;

	if (!state->fresh)
		return;
	r = state->is_lacking ? -ENODATA : new_path(path, state);
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

static void start_compact(struct api_state *state)
{
	char path[PATH_MAX];
	int r = new_path(path, state);

	r = r ?: api_compact_start(&state->compact, state->path, path, state->title, state->lines);
	if (r < 0)
		fail(state, r);
}

void api_state_flush(struct api_state *state, size_t live)
{
	if (!state->file)
		return;
	if (fflush(state->file))
		fail(state, -errno);
	else if (!api_state_is_busy(state) && state->lines > 2 * live + SPARE_LINES)
		start_compact(state);
}

/* The shorter file has everything now, and takes the place of the other one. */
static int end_compact(struct api_state *state)
{
	char path[PATH_MAX];
	struct stat st;
	FILE *file;
	int r = new_path(path, state);

	if (r < 0)
		return r;
	if (fstat(fileno(state->file), &st) < 0)
		return -errno;
	if (rename(path, state->path) < 0)
		return -errno;
	file = fopen(state->path, "ae");
	if (!file)
		return -errno;
	state->retired_size = st.st_size;
	state->retired = state->file;
	state->file = file;
	state->lines = api_compact_lines(state->compact);
	api_compact_free(state->compact);
	state->compact = NULL;
	return 0;
}

/* The last close of a file of 100 MB takes a disk half a second. */
static void shrink_retired(struct api_state *state)
{
	state->retired_size -= RETIRED_BYTES;
	if (state->retired_size <= 0 || ftruncate(fileno(state->retired), state->retired_size) < 0)
		close_file(&state->retired);
}

bool api_state_is_busy(const struct api_state *state)
{
	return state->compact || state->retired;
}

void api_state_step(struct api_state *state)
{
	int r;

	if (state->retired) {
		shrink_retired(state);
		return;
	}
	if (!state->compact)
		return;
	r = fflush(state->file) ? -errno : api_compact_step(state->compact);
	if (!r)
		r = end_compact(state);
	if (r < 0)
		fail(state, r);
}

int api_state_remove_all(const char *state_dir)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" DIRECTORY, state_dir) >= PATH_MAX)
		return -ENAMETOOLONG;
	return file_remove_tree(path);
}
