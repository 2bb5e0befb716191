// SPDX-License-Identifier: Apache-2.0
/*
 * Every event leads to the same pass: watch, list, look at each file, read those that have
 * changed, merge. It costs a stat per file that did not change, and cannot get out of step.
 */
#include "source/manifest_pass.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "source/manifest_text.h"

#define ROUNDS_MAX 10 /* within one pass: whoever changes files faster gets a mixture */
#define POLL_MS 10000 /* catches what inotify cannot see: hard links, network file systems */

static void drop_target(struct manifest *manifest, struct manifest_file *file)
{
	int wd = file->watch;

	file->watch = -1;
	for (size_t i = 0; i < manifest->dir.count; i++)
		if (manifest->dir.files[i]->watch == wd)
			return;
	watch_drop(&manifest->watch, wd);
}

/* The directory's watch is silent about writes to what lies behind a symbolic link. */
static void watch_link(struct manifest *manifest, struct manifest_file *file)
{
	struct stat st;
	int wd = -1;

	if (file->place || (lstat(file->path, &st) == 0 && S_ISLNK(st.st_mode)))
		wd = watch_target(&manifest->watch, manifest_file_place(file));
	if (wd == file->watch)
		return;
	drop_target(manifest, file);
	file->watch = wd;
}

static void forget_gone(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->dir.count; i++)
		if (!manifest->dir.files[i]->listed)
			drop_target(manifest, manifest->dir.files[i]);
	if (manifest_dir_forget_gone(&manifest->dir))
		manifest->copier.sweep = true;
}

/* Whoever fills a directory with nonsense fills no memory with words about it. */
static int trim_problems(struct manifest_file *file, size_t *told)
{
	int r = 0;

	if (*told > MANIFEST_PROBLEMS_MAX)
		r = problem_list_trim(&file->faults) ?: problem_list_trim(&file->content.problems);
	*told += file->faults.count + file->content.problems.count;
	return r;
}

static void collect(struct manifest *manifest, const struct problem_list *list)
{
	if (!list->count)
		return;
	memcpy(manifest->problems + manifest->problem_count, list->items,
	       list->count * sizeof(*list->items));
	manifest->problem_count += list->count;
}

int manifest_collect_problems(struct manifest *manifest)
{
	const struct manifest_dir *dir = &manifest->dir;
	size_t total = manifest->dir_problems.count + manifest->copier.copies.problems.count;
	const struct manifest_file *file;

	for (size_t i = 0; i < dir->count; i++) {
		file = dir->files[i];
		total += file->faults.count + file->content.problems.count + file->clashes.count;
	}
	free(manifest->problems);
	manifest->problem_count = 0;
	manifest->problems = calloc(total + 1, sizeof(*manifest->problems));
	if (!manifest->problems)
		return -ENOMEM;
	collect(manifest, &manifest->dir_problems);
	collect(manifest, &manifest->copier.copies.problems);
	for (size_t i = 0; i < dir->count; i++) {
		file = dir->files[i];
		collect(manifest, &file->faults);
		collect(manifest, &file->content.problems);
		collect(manifest, &file->clashes);
	}
	return 0;
}

static int look_at_dir(struct manifest *manifest, int64_t now)
{
	const char *dir = manifest->watch.dir;
	int r;

	problem_list_done(&manifest->dir_problems);
	if (!watch_refresh(&manifest->watch)) {
		manifest->pass.again_ms = now + MANIFEST_RETRY_MS;
		r = problem_add(&manifest->dir_problems, dir, "",
				"cannot be watched, it is read every %d ms instead", MANIFEST_RETRY_MS);
		if (r < 0)
			return r;
	}
	r = manifest_dir_list(&manifest->dir);
	if (r == -ENOMEM)
		return r;
	manifest->dir_error = r;
	if (r < 0) {
		manifest->pass.again_ms = now + MANIFEST_RETRY_MS;
		return problem_add(&manifest->dir_problems, dir, "",
				   "cannot be read, what it said before holds: %s",
				   strerror(-r));
	}
	forget_gone(manifest);
	if (!manifest->dir.left_out)
		return 0;
	return problem_add(&manifest->dir_problems, dir, "",
			   "has %zu files more than the %d that are read", manifest->dir.left_out,
			   MANIFEST_FILES_MAX);
}

static void keep_error(struct manifest_pass *pass, int r)
{
	if (r < 0 && !pass->error)
		pass->error = r;
}

static void look_at_files(struct manifest *manifest, int64_t now)
{
	struct manifest_pass *pass = &manifest->pass;
	uint64_t room = MANIFESTS_BYTES_MAX;
	struct manifest_file *file;
	int r;

	for (size_t i = 0; i < manifest->dir.count; i++) {
		file = manifest->dir.files[i];
		watch_link(manifest, file);
		r = manifest_file_look(file, now, &pass->again_ms, &room);
		keep_error(pass, r == 1 ? job_add(&pass->job, file) : r);
	}
}

static void take_readings(struct manifest *manifest, int64_t now)
{
	struct manifest_pass *pass = &manifest->pass;
	struct manifest_reading *reading;
	size_t told = 0;

	for (size_t i = 0; i < pass->job.count; i++) {
		reading = &pass->job.items[i];
		pass->is_mixed |= reading->error >= 0 &&
				  !file_sign_equal(&reading->sign, &reading->looked);
		keep_error(pass, manifest_file_take(reading->file, reading, now,
						    &pass->again_ms));
	}
	job_clear(&pass->job);
	for (size_t i = 0; i < manifest->dir.count; i++)
		keep_error(pass, trim_problems(manifest->dir.files[i], &told));
}

/* An error of a former round may be of a file that is no more. */
static bool begin_round(struct manifest *manifest)
{
	struct manifest_pass *pass = &manifest->pass;
	int64_t now = clock_ms();

	pass->is_mixed = false;
	pass->error = look_at_dir(manifest, now);
	if (pass->error >= 0)
		look_at_files(manifest, now);
	if (pass->job.count) {
		keep_error(pass, manifest_collect_problems(manifest));
		return true;
	}
	return pass_take(manifest);
}

bool pass_begin(struct manifest *manifest)
{
	manifest->pass.rounds = 0;
	manifest->pass.again_ms = clock_ms() + POLL_MS;
	manifest->burst_ms = 0;
	return begin_round(manifest);
}

/*
 * An exchange of the directory, or of its `..data`, may fall between two files: what
 * was read is then of two versions, and is read again. The same if a file changed after
 * the look at all of them: one that was written before it may have been missed.
 */
bool pass_take(struct manifest *manifest)
{
	struct manifest_pass *pass = &manifest->pass;

	take_readings(manifest, clock_ms());
	if (pass->error < 0 || (!pass->is_mixed && manifest_dir_is_same(&manifest->dir)))
		return false;
	if (++pass->rounds < ROUNDS_MAX)
		return begin_round(manifest);
	pass->again_ms = 0;
	return false;
}

int pass_end(struct manifest *manifest)
{
	struct manifest_pass *pass = &manifest->pass;
	bool again = false;
	int r = pass->error;

	if (r >= 0)
		r = manifest_merge_run(&manifest->merge, manifest->dir.files, manifest->dir.count,
				       &again);
	keep_error(pass, r);
	keep_error(pass, manifest_collect_problems(manifest));
	if (pass->error < 0 || again)
		pass->again_ms = clock_ms() + MANIFEST_RETRY_MS;
	return pass->error;
}
