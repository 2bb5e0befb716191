// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "source/manifest_judge.h"
#include "source/manifest_reading.h"
#include "source/manifest_text.h"
#include "source/yaml.h"

#define TORN_RETRY_MS 50

int manifest_file_new(struct manifest_file **ret, uint64_t id, const char *dir, const char *name)
{
	cleanup(manifest_file_freep) struct manifest_file *file = NULL;

	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	file->id = id;
	file->watch = -1;
	file->name = strdup(name);
	if (asprintf(&file->path, "%s/%s", dir, name) < 0)
		file->path = NULL;
	if (!file->name || !file->path)
		return -ENOMEM;
	*ret = take_ptr(&file);
	return 0;
}

void manifest_file_free(struct manifest_file *file)
{
	if (!file)
		return;
	free(file->name);
	free(file->path);
	free(file->place);
	content_done(&file->content);
	problem_list_done(&file->faults);
	problem_list_done(&file->clashes);
	free(file);
}

void manifest_file_freep(struct manifest_file **file)
{
	manifest_file_free(*file);
}

int manifest_file_found(struct manifest_file *file, const char *place)
{
	char *path;

	file->listed = true;
	if (asprintf(&path, "%s/%s", place, file->name) < 0)
		return -ENOMEM;
	free(file->place);
	file->place = strcmp(path, file->path) ? take_ptr(&path) : NULL;
	free(path);
	return 0;
}

static void look_again(int64_t *again_ms, int64_t at_ms)
{
	if (at_ms < *again_ms)
		*again_ms = at_ms;
}

static void describe_read_error(char *buf, size_t size, int r)
{
	switch (r) {
	case -EFBIG:
		snprintf(buf, size, "is larger than %u MiB", YAML_TEXT_MAX >> 20);
		break;
	case -EDQUOT:
		snprintf(buf, size, "is not read: the files before it have all of the %u MiB that "
			 "manifests may have together", MANIFESTS_BYTES_MAX >> 20);
		break;
	case -EBADF:
		snprintf(buf, size, "is not a regular file");
		break;
	default:
		snprintf(buf, size, "cannot be read: %s", strerror(-r));
	}
}

static int read_failed(struct manifest_file *file, int r, int64_t now_ms, int64_t *again_ms)
{
	char text[128];

	switch (r) {
	case -ENOMEM:
		file->settled = false;
		return r;
	case -EAGAIN:
		file->settled = false;
		look_again(again_ms, now_ms + TORN_RETRY_MS);
		return judge_recall(file);
	case -EFBIG:
		/* It is asked for its size every time. */
		file->settled = false;
		break;
	case -EBADF:
		/* Only a change can heal it, and the sign tells of it. */
		file->settled = true;
		break;
	default:
		file->settled = false;
		look_again(again_ms, now_ms + MANIFEST_RETRY_MS);
	}
	describe_read_error(text, sizeof(text), r);
	return judge_fault(file, text);
}

/*
 * A file is emptied before it is written in place, and the writer may take its
 * time: only a file that stays empty has nothing to say.
 */
static bool is_emptied(struct manifest_file *file, size_t length, int64_t now_ms,
		       int64_t *again_ms)
{
	if (length || !file->content.count) {
		file->empty_ms = 0;
		return false;
	}
	if (!file->empty_ms)
		file->empty_ms = now_ms;
	if (now_ms - file->empty_ms >= MANIFEST_EMPTY_MS) {
		file->empty_ms = 0;
		return false;
	}
	look_again(again_ms, file->empty_ms + MANIFEST_EMPTY_MS);
	return true;
}

int manifest_file_take(struct manifest_file *file, struct manifest_reading *reading,
		       int64_t now_ms, int64_t *again_ms)
{
	int r = reading->error;

	file->sign = reading->sign;
	if (r < 0)
		return read_failed(file, r, now_ms, again_ms);
	file->settled = file_sign_settled(&file->sign);
	if (!reading->length)
		r = judge_recall(file);
	if (r < 0)
		return r;
	if (is_emptied(file, reading->length, now_ms, again_ms)) {
		file->settled = false;
		return judge_fault(file, "is empty, perhaps still being written");
	}
	r = reading->decoded ? judge_content(file, reading->hash, &reading->content) : 0;
	if (r < 0)
		file->settled = false;
	return r;
}

/* A writer that does not end is no reason to wait until there is room for it. */
static int check_size(const struct file_sign *sign, uint64_t *room)
{
	if (sign->size > (off_t)YAML_TEXT_MAX)
		return -EFBIG;
	if ((uint64_t)sign->size > *room)
		return -EDQUOT;
	*room -= (uint64_t)sign->size;
	return 0;
}

int manifest_file_look(struct manifest_file *file, int64_t now_ms, int64_t *again_ms,
		       uint64_t *room)
{
	struct file_sign sign;
	int r;

	r = file_sign_get(&sign, manifest_file_place(file)) ?: check_size(&sign, room);
	if (r < 0)
		return read_failed(file, r, now_ms, again_ms);
	if (file->writing_ms && now_ms - file->writing_ms < MANIFEST_WRITER_MS) {
		look_again(again_ms, file->writing_ms + MANIFEST_WRITER_MS);
		return 0;
	}
	file->writing_ms = 0;
	if (file->settled && file_sign_equal(&sign, &file->sign))
		return 0;
	file->looked = sign;
	return 1;
}

int manifest_file_refill(struct manifest_file *file)
{
	cleanup(content_done) struct manifest_content content = {};
	struct manifest_object *item, *fresh;
	cleanup(freep) char *text = NULL;
	struct file_sign sign;
	size_t length, hint = 0;
	int r;

	r = text_read(&text, &length, &sign, manifest_file_place(file));
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = content_decode(&content, file->path, text, length);
	if (r < 0 || content.broken)
		return r;
	for (size_t i = 0; i < file->content.count; i++) {
		item = &file->content.objects[i];
		if (!item->wanted || item->object)
			continue;
		fresh = content_find(&content, item->label->text, &hint);
		if (fresh && fresh->hash == item->hash)
			item->object = take_ptr(&fresh->object);
	}
	return 0;
}
