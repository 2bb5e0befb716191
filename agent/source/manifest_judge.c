// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_judge.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/manifest_copy.h"

#define NOTE_MAX 128

static void swap_content(struct manifest_file *file, struct manifest_content *content)
{
	struct manifest_content before = file->content;

	file->content = *content;
	*content = before;
}

static int use_copy(struct manifest_file *file, const char *text, size_t length, time_t made)
{
	cleanup(content_done) struct manifest_content content = {};
	int r = content_decode(&content, file->path, text, length);

	if (r < 0)
		return r;
	/* They have been reported of the file. */
	problem_list_done(&content.problems);
	swap_content(file, &content);
	file->is_copy = true;
	file->copied = made;
	return 0;
}

int judge_recall(struct manifest_file *file)
{
	cleanup(freep) char *text = NULL;
	size_t length;
	time_t made;
	int r;

	if (file->was_read || file->recalled)
		return 0;
	r = copy_read(&text, &length, &made, file->copies, file->name);
	if (r >= 0)
		r = use_copy(file, text, length, made);
	if (r == -ENOMEM)
		return r;
	file->copy_error = r == -ENOENT ? 0 : r;
	file->recalled = true;
	return 0;
}

/* Of what is in force instead of what the file says now. */
static void name_version(char text[static NOTE_MAX], const struct manifest_file *file)
{
	struct tm tm = {};

	if (!file->is_copy) {
		strcpy(text, "previous version");
		return;
	}
	gmtime_r(&file->copied, &tm);
	strftime(text, NOTE_MAX, "version of %Y-%m-%dT%H:%M:%SZ", &tm);
}

static void kept_note(char text[static NOTE_MAX], const struct manifest_file *file)
{
	char version[NOTE_MAX];

	text[0] = '\0';
	name_version(version, file);
	if (file->is_copy)
		snprintf(text, NOTE_MAX, "; the %.100s stays in force", version);
	else if (file->content.count)
		strcpy(text, "; what it said before stays in force");
	else if (file->copy_error)
		snprintf(text, NOTE_MAX, "; its copy cannot be used: %.80s",
			 file->copy_error == -EBADMSG ? "not all of it is there" :
							strerror(-file->copy_error));
}

int judge_fault(struct manifest_file *file, const char *why)
{
	char note[NOTE_MAX];
	int r = judge_recall(file);

	if (r < 0)
		return r;
	kept_note(note, file);
	problem_list_done(&file->faults);
	file->judged = false;
	return problem_add(&file->faults, file->path, "", "%s%s", why, note);
}

static struct manifest_problem *first_break(const struct problem_list *problems)
{
	size_t i = 0;

	while (problems->items[i].document)
		i++;
	return &problems->items[i];
}

/*
 * Some of the text cannot be read. The file says what it said; one that never was
 * read as a whole says what can be read of it, because a policy that is not there
 * leaves its pods open.
 */
static int judge_broken(struct manifest_file *file, struct manifest_content *content)
{
	bool is_first = !file->was_read && !file->is_copy;
	char note[NOTE_MAX];
	int r;

	kept_note(note, file);
	if (is_first && (content->count || file->content.count))
		strcpy(note, "; what can be read of it is in force");
	r = problem_append(first_break(&content->problems), note);
	if (r >= 0 && is_first)
		r = content_join(content, &file->content);
	if (r < 0)
		return r;
	problem_list_done(&file->faults);
	file->faults = content->problems;
	content->problems = (struct problem_list){};
	file->uncopied = false;
	if (is_first)
		swap_content(file, content);
	return 0;
}

static int judge_whole(struct manifest_file *file, struct manifest_content *content)
{
	char version[NOTE_MAX];
	int r;

	name_version(version, file);
	r = content_keep(content, &file->content, version);
	if (r < 0)
		return r;
	problem_list_done(&file->faults);
	swap_content(file, content);
	file->was_read = file->uncopied = true;
	file->is_copy = false;
	return 0;
}

static bool has_error(const struct problem_list *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		if (!problems->items[i].warning)
			return true;
	return false;
}

int judge_content(struct manifest_file *file, uint64_t hash, struct manifest_content *content)
{
	int r = has_error(&content->problems) ? judge_recall(file) : 0;

	if (r >= 0)
		r = content->broken ? judge_broken(file, content) : judge_whole(file, content);
	if (r < 0)
		return r;
	file->text_hash = hash;
	file->judged = true;
	return 0;
}
