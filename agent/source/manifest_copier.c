// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_copier.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/decode.h"
#include "source/fingerprint.h"
#include "source/manifest_text.h"

/* What the text of a file does not say, though it stays in force, is taken from its old copy. */
struct supplement {
	const struct manifest_content *content;
	FILE *out;
	bool *done; /* by object of the content */
	size_t hint;
	bool no_memory;
};

static void add_source(void *arg, const struct object *obj, const json_t *value)
{
	struct supplement *supplement = arg;
	const struct manifest_content *content = supplement->content;
	cleanup(freep) char *label = label_text(obj);
	struct manifest_object *item;

	supplement->no_memory |= !label;
	item = label ? content_find(content, label, &supplement->hint) : NULL;
	if (!item || !item->kept || item->hash != fingerprint_object(obj) ||
	    supplement->done[item - content->objects])
		return;
	supplement->done[item - content->objects] = true;
	fputs("\n---\n", supplement->out);
	supplement->no_memory |= json_dumpf(value, supplement->out, JSON_COMPACT) < 0;
}

static void drop_object(void *arg, struct object *obj)
{
	object_free(obj);
}

static void ignore_problem(void *arg, const struct decode_problem *problem)
{
}

static int write_supplement(FILE *out, const struct manifest_content *content, const char *old,
			    size_t old_length)
{
	cleanup(freep) bool *done = calloc(content->count + 1, sizeof(*done));
	struct supplement supplement = { .content = content, .out = out, .done = done };
	const struct decode_sink sink = {
		.arg = &supplement,
		.object = drop_object,
		.problem = ignore_problem,
		.source = add_source,
	};
	int r;

	if (!done)
		return -ENOMEM;
	r = decode_text(&sink, old, old_length);
	return supplement.no_memory ? -ENOMEM : r;
}

/* YAML in another encoding than ours, and JSON that is no YAML, cannot be continued. */
static int check_readable(const char *text, size_t length)
{
	cleanup(content_done) struct manifest_content content = {};
	int r = content_decode(&content, "", text, length);

	return r < 0 ? r : content.broken ? -EILSEQ : 0;
}

static int supplement_text(char **text, size_t *length, const struct manifest_content *content,
			   const char *old, size_t old_length)
{
	cleanup(freep) char *whole = NULL;
	size_t whole_length;
	FILE *out = open_memstream(&whole, &whole_length);
	int r;

	if (!out)
		return -ENOMEM;
	fwrite(*text, 1, *length, out);
	r = write_supplement(out, content, old, old_length);
	if (fclose(out) != 0)
		r = -ENOMEM;
	if (r < 0 || whole_length == *length)
		return r;
	r = check_readable(whole, whole_length);
	if (r < 0)
		return r;
	free(*text);
	*text = take_ptr(&whole);
	*length = whole_length;
	return 0;
}

static bool has_kept(const struct manifest_content *content)
{
	for (size_t i = 0; i < content->count; i++)
		if (content->objects[i].kept)
			return true;
	return false;
}

/* A file that has changed meanwhile, or cannot be read, is left to the next look at it. */
static int copy_file(const struct manifest_copies *copies, struct manifest_file *file)
{
	cleanup(freep) char *text = NULL;
	cleanup(freep) char *old = NULL;
	size_t length, old_length = 0;
	struct file_sign sign;
	time_t made;
	int r;

	r = text_read(&text, &length, &sign, manifest_file_place(file));
	if (r < 0 || fingerprint_text(text, length) != file->text_hash)
		return r == -ENOMEM ? r : 0;
	r = copy_read(&old, &old_length, &made, copies, file->name);
	if (r == -ENOMEM)
		return r;
	if (old && has_kept(&file->content)) {
		r = supplement_text(&text, &length, &file->content, old, old_length);
		if (r < 0)
			return r;
	}
	if (!old || old_length != length || memcmp(old, text, length) != 0) {
		r = copy_write(copies, file->name, text, length);
		if (r < 0)
			return r;
	}
	file->uncopied = false;
	return 0;
}

static bool is_listed(const void *arg, const char *name)
{
	return manifest_dir_find(arg, name) != NULL;
}

/* What has to be done before there can be copies. */
static int begin_round(struct manifest_copier *copier, const struct manifest_dir *dir)
{
	int r = 0;

	if (!copier->copies.is_ready)
		r = copies_prepare(&copier->copies);
	if (!copier->copies.is_ready || !copier->sweep)
		return r;
	r = copies_sweep(&copier->copies, is_listed, dir);
	copier->sweep = r < 0;
	return r;
}

static int copy_next(struct manifest_copier *copier, const struct manifest_dir *dir)
{
	struct manifest_file *file;

	while (copier->copies.is_ready && copier->next < dir->count) {
		file = dir->files[copier->next++];
		if (file->uncopied)
			return copy_file(&copier->copies, file);
	}
	copier->next = dir->count;
	return 0;
}

void copier_restart(struct manifest_copier *copier)
{
	copier->next = 0;
}

bool copier_step(struct manifest_copier *copier, const struct manifest_dir *dir)
{
	int r;

	if (!copier->copies.path)
		return false;
	if (!copier->next)
		copier->error = begin_round(copier, dir);
	r = copy_next(copier, dir);
	copier->error = copier->error ?: r;
	if (copier->next < dir->count && copier->copies.is_ready)
		return true;
	if (copier->error)
		copies_report(&copier->copies, copier->error);
	else
		problem_list_done(&copier->copies.problems);
	return false;
}
