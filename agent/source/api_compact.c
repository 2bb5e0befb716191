// SPDX-License-Identifier: Apache-2.0
/*
 * Two passes over the lines that the file had at the beginning: which one is the last word
 * about each object; then those are copied. What was appended meanwhile follows as it is, so a
 * line about an object that is written anew does not make the copy of its former one wrong.
 */
#include "source/api_compact.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "source/api_state.h"
#include "source/fingerprint.h"

#define STEP_BYTES (256 * 1024)

/* The last line about an object; 0: a free place of the table. */
struct word {
	uint64_t key; /* fingerprint of the object's name */
	size_t line;
};

enum pass {
	PASS_WORDS,
	PASS_COPY,
	PASS_REST,
};

struct api_compact {
	FILE *in;
	FILE *out;
	char *line;
	size_t room;
	enum pass pass;
	size_t number; /* of the line that was read last */
	size_t first_lines; /* that the file had at the beginning */
	size_t copied;
	off_t written; /* bytes of @out that the disk was asked to take */
	struct word *words; /* a hash table; twice as many places as lines, so it is never full */
	size_t mask;
};

static bool skip_header(FILE *file)
{
	char header[128];

	rewind(file);
	return fgets(header, sizeof(header), file);
}

static int open_files(struct api_compact *compact, const char *from, const char *to,
		      const char *title)
{
	compact->in = fopen(from, "re");
	compact->out = compact->in ? fopen(to, "we") : NULL;
	if (!compact->out)
		return -errno;
	if (fchmod(fileno(compact->out), 0600) < 0 ||
	    fprintf(compact->out, API_STATE_HEADER, title) < 0)
		return -errno;
	return skip_header(compact->in) ? 0 : -EIO;
}

int api_compact_start(struct api_compact **ret, const char *from, const char *to,
		      const char *title, size_t lines)
{
	struct api_compact *compact = calloc(1, sizeof(*compact));
	size_t places = 1;
	int r;

	if (!compact)
		return -ENOMEM;
	while (places < lines * 2)
		places *= 2;
	compact->first_lines = lines;
	compact->mask = places - 1;
	compact->words = calloc(places, sizeof(*compact->words));
	r = compact->words ? open_files(compact, from, to, title) : -ENOMEM;
	if (r < 0) {
		api_compact_free(compact);
		return r;
	}
	*ret = compact;
	return 0;
}

void api_compact_free(struct api_compact *compact)
{
	if (!compact)
		return;
	if (compact->in)
		fclose(compact->in);
	if (compact->out)
		fclose(compact->out);
	free(compact->line);
	free(compact->words);
	free(compact);
}

size_t api_compact_lines(const struct api_compact *compact)
{
	return compact->copied;
}

static struct word *find_word(const struct api_compact *compact, const char *key, size_t length)
{
	uint64_t hash = fingerprint_text(key, length);
	size_t at = hash & compact->mask;

	while (compact->words[at].line && compact->words[at].key != hash)
		at = (at + 1) & compact->mask;
	compact->words[at].key = hash;
	return &compact->words[at];
}

static int copy_line(struct api_compact *compact)
{
	if (fprintf(compact->out, "%s\n", compact->line) < 0)
		return -errno;
	compact->copied++;
	return 0;
}

static int take_line(struct api_compact *compact)
{
	size_t length;
	const char *key = api_state_key(compact->line, &length);

	if (!key)
		return 0;
	switch (compact->pass) {
	case PASS_WORDS:
		find_word(compact, key, length)->line = compact->number;
		return 0;
	case PASS_COPY:
		if (key[-1] == '-' || find_word(compact, key, length)->line != compact->number)
			return 0;
		return copy_line(compact);
	case PASS_REST:
		return copy_line(compact);
	}
	return 0;
}

/* The lines of the beginning are through. */
static int next_pass(struct api_compact *compact)
{
	if (compact->pass == PASS_COPY) {
		compact->pass = PASS_REST;
		return 0;
	}
	compact->pass = PASS_COPY;
	compact->number = 0;
	return skip_header(compact->in) ? 0 : -EIO;
}

/* 1: a line was read, 0: no more is there. */
static ssize_t read_line(struct api_compact *compact)
{
	ssize_t size = getline(&compact->line, &compact->room, compact->in);

	if (size < 0) {
		if (!feof(compact->in))
			return -EIO;
		/* What is appended later is read nevertheless. */
		clearerr(compact->in);
		return 0;
	}
	compact->number++;
	if (compact->line[size - 1] == '\n')
		compact->line[size - 1] = '\0';
	return size;
}

/* Otherwise the file system does it for the whole file, when it takes the other one's place. */
static int write_out(struct api_compact *compact)
{
	off_t end;

	if (fflush(compact->out))
		return -errno;
	end = ftello(compact->out);
	if (end > compact->written)
		sync_file_range(fileno(compact->out), compact->written, end - compact->written,
				SYNC_FILE_RANGE_WRITE);
	compact->written = end;
	return 0;
}

/* As api_compact_step(), but what was written may be with the process still. */
static int step(struct api_compact *compact)
{
	size_t bytes = 0;
	ssize_t size;
	int r = 0;

	for (size_t i = 0; i < API_COMPACT_LINES && bytes < STEP_BYTES; i++) {
		if (compact->pass != PASS_REST && compact->number == compact->first_lines) {
			r = next_pass(compact);
			if (r < 0)
				return r;
		}
		size = read_line(compact);
		if (size < 0)
			return (int)size;
		/* Shorter than it was: it is not this agent's file any more. */
		if (!size && compact->pass != PASS_REST)
			return -EIO;
		if (!size)
			return 0;
		bytes += (size_t)size;
		r = take_line(compact);
		if (r < 0)
			return r;
	}
	return 1;
}

int api_compact_step(struct api_compact *compact)
{
	int r = step(compact);

	return r < 0 ? r : write_out(compact) ?: r;
}
