// SPDX-License-Identifier: Apache-2.0
/*
 * Two passes over the file: which line is the last word about each object, by a number
 * of its name; then those lines are copied. It takes 16 bytes of memory a line.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "source/api_state.h"
#include "source/fingerprint.h"

struct word {
	uint64_t key; /* fingerprint of the object's name */
	uint32_t line;
};

struct words {
	struct word *items;
	size_t count;
	size_t room;
};

static void words_done(struct words *words)
{
	free(words->items);
}

static int compare_words(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static int compare_lines(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	return (x->line > y->line) - (x->line < y->line);
}

static int add_word(struct words *words, uint64_t key, uint32_t line)
{
	struct word *items;

	if (words->count == words->room) {
		words->room = words->room ? words->room * 2 : 1024;
		items = reallocarray(words->items, words->room, sizeof(*items));
		if (!items)
			return -ENOMEM;
		words->items = items;
	}
	words->items[words->count++] = (struct word){ key, line };
	return 0;
}

/* The next line that is not damaged, without its end; *@number counts all. */
static const char *next_line(FILE *file, char **line, size_t *room, uint32_t *number,
			     size_t *key_length)
{
	const char *key = NULL;
	ssize_t size;

	while (!key && (size = getline(line, room, file)) > 0) {
		(*number)++;
		if ((*line)[size - 1] != '\n')
			continue;
		(*line)[size - 1] = '\0';
		key = api_state_key(*line, key_length);
	}
	return key;
}

static int read_words(struct words *words, FILE *file)
{
	cleanup(freep) char *line = NULL;
	size_t room = 0, length;
	uint32_t number = 0;
	const char *key;
	int r = 0;

	while (!r && (key = next_line(file, &line, &room, &number, &length)))
		r = add_word(words, fingerprint_text(key, length), number);
	return ferror(file) ? -EIO : r;
}

/* Only the last word about each object, in the order of the lines. */
static void keep_last(struct words *words)
{
	size_t kept = 0;

	if (!words->count)
		return;
	qsort(words->items, words->count, sizeof(*words->items), compare_words);
	for (size_t i = 0; i < words->count; i++)
		if (i + 1 == words->count || words->items[i].key != words->items[i + 1].key)
			words->items[kept++] = words->items[i];
	words->count = kept;
	qsort(words->items, words->count, sizeof(*words->items), compare_lines);
}

static ssize_t copy_lines(FILE *to, FILE *from, const struct words *words)
{
	cleanup(freep) char *line = NULL;
	size_t room = 0, length, at = 0;
	uint32_t number = 0;
	ssize_t copied = 0;
	const char *key;

	while ((key = next_line(from, &line, &room, &number, &length))) {
		if (at == words->count || words->items[at].line != number)
			continue;
		at++;
		if (key[-1] == '-')
			continue;
		if (fprintf(to, "%s\n", line) < 0)
			return -errno;
		copied++;
	}
	return ferror(from) ? -EIO : copied;
}

static bool skip_header(FILE *file)
{
	char header[128];

	rewind(file);
	return fgets(header, sizeof(header), file);
}

ssize_t api_state_compact(const char *from, const char *to, const char *title)
{
	cleanup(words_done) struct words words = {};
	cleanup(fclosep) FILE *in = fopen(from, "re");
	FILE *out = in ? fopen(to, "we") : NULL;
	ssize_t r;

	if (!out)
		return -errno;
	r = skip_header(in) ? read_words(&words, in) : -EIO;
	keep_last(&words);
	if (!r && (!skip_header(in) || fchmod(fileno(out), 0600) < 0 ||
		   fprintf(out, API_STATE_HEADER, title) < 0))
		r = -EIO;
	r = r ?: copy_lines(out, in, &words);
	if (fclose(out) && r >= 0)
		r = -errno;
	return r;
}
