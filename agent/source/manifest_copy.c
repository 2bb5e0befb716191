// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_copy.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "source/fingerprint.h"
#include "source/manifest_dir.h"
#include "source/yaml.h"

#define DIRECTORY "manifest-copies"
#define OWNER ".directory"
#define SUFFIX_NEW ".new" /* of a copy that was being written */

/* The last line of a copy: a comment, whatever stands before it. */
#define SEAL "\n# weir %016" PRIx64 "\n"
#define SEAL_LENGTH (sizeof("\n# weir 0123456789abcdef\n") - 1)

static int path_of(char path[static PATH_MAX], const struct manifest_copies *copies,
		   const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", copies->path, name);

	return n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* They are ours when they say so. */
static int check_owner(struct manifest_copies *copies)
{
	cleanup(freep) char *owner = NULL;
	char path[PATH_MAX];
	int r;

	r = path_of(path, copies, OWNER);
	r = r ?: file_read(&owner, NULL, path, PATH_MAX);
	copies->is_ready = !r && !strcmp(owner, copies->manifests);
	return r;
}

int copies_open(struct manifest_copies *copies, const char *state_dir, const char *manifests)
{
	*copies = (struct manifest_copies){ .manifests = manifests };
	if (!state_dir)
		return 0;
	if (asprintf(&copies->path, "%s/" DIRECTORY, state_dir) < 0) {
		copies->path = NULL;
		return -ENOMEM;
	}
	return check_owner(copies) == -ENOMEM ? -ENOMEM : 0;
}

void copies_done(struct manifest_copies *copies)
{
	free(copies->path);
	problem_list_done(&copies->problems);
	*copies = (struct manifest_copies){};
}

static const char *reason(int r)
{
	switch (r) {
	case -EMSGSIZE:
		return "with what stays in force of it, it is too large";
	case -EILSEQ:
		return "with what stays in force of it, it is no YAML";
	case -EEXIST:
		return "the directory of the manifests is at their place";
	default:
		return strerror(-r);
	}
}

int copies_report(struct manifest_copies *copies, int r)
{
	cleanup(freep) char *text = NULL;

	if (r == -ENOMEM)
		return r;
	if (asprintf(&text, "copies for the next start cannot be kept: %s", reason(r)) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	problem_list_done(&copies->problems);
	return problem_add_decoded(&copies->problems, copies->path,
				   &(struct decode_problem){
					   .object = "",
					   .field = "",
					   .text = text,
					   .warning = true,
				   });
}

static bool is_same_place(const char *a, const char *b)
{
	struct stat first, second;

	return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

static bool nothing(const void *arg, const char *name)
{
	return false;
}

int copies_prepare(struct manifest_copies *copies)
{
	char path[PATH_MAX];
	int r;

	r = path_of(path, copies, OWNER);
	r = r ?: file_make_dirs(copies->path, 0700);
	if (r < 0)
		return r;
	/* What is swept there would be the manifests. */
	if (is_same_place(copies->path, copies->manifests))
		return -EEXIST;
	r = check_owner(copies);
	if (copies->is_ready || (r < 0 && r != -ENOENT && r != -EFBIG))
		return r;
	r = copies_sweep(copies, nothing, NULL);
	r = r ?: file_replace(path, copies->manifests, strlen(copies->manifests), 0600);
	copies->is_ready = !r;
	return r;
}

int copy_read(char **ret, size_t *length, time_t *made, const struct manifest_copies *copies,
	      const char *name)
{
	cleanup(freep) char *text = NULL;
	char path[PATH_MAX], seal[SEAL_LENGTH + 1];
	struct stat st;
	size_t size;
	int r;

	if (!copies->is_ready)
		return -ENOENT;
	r = path_of(path, copies, name);
	r = r ?: file_read(&text, &size, path, YAML_TEXT_MAX + SEAL_LENGTH);
	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return -errno;
	if (size < SEAL_LENGTH)
		return -EBADMSG;
	size -= SEAL_LENGTH;
	snprintf(seal, sizeof(seal), SEAL, fingerprint_text(text, size));
	if (memcmp(text + size, seal, SEAL_LENGTH) != 0)
		return -EBADMSG;
	text[size] = '\0';
	*length = size;
	*made = st.st_mtime;
	*ret = take_ptr(&text);
	return 0;
}

int copy_write(const struct manifest_copies *copies, const char *name, const char *text,
	       size_t length)
{
	char path[PATH_MAX], seal[SEAL_LENGTH + 1];
	int r;

	r = path_of(path, copies, name);
	if (r < 0)
		return r;
	if (length > YAML_TEXT_MAX)
		return -EMSGSIZE;
	snprintf(seal, sizeof(seal), SEAL, fingerprint_text(text, length));
	return file_replace_ended(path, text, length, seal, 0600);
}

static bool is_unfinished(const char *name)
{
	size_t length = strlen(name), end = strlen(SUFFIX_NEW);

	return length > end && !strcmp(name + length - end, SUFFIX_NEW);
}

int copies_sweep(const struct manifest_copies *copies,
		 bool (*is_wanted)(const void *arg, const char *name), const void *arg)
{
	cleanup(closedirp) DIR *dir = opendir(copies->path);
	struct dirent *entry;
	int r = 0;

	if (!dir)
		return -errno;
	while ((errno = 0, entry = readdir(dir))) {
		bool is_old = manifest_name_counts(entry->d_name) && !is_wanted(arg, entry->d_name);

		if ((is_old || is_unfinished(entry->d_name)) &&
		    unlinkat(dirfd(dir), entry->d_name, 0) < 0 && errno != ENOENT)
			r = -errno;
	}
	return r ?: -errno;
}

int copies_remove_all(const char *state_dir)
{
	cleanup(copies_done) struct manifest_copies copies = {};
	char path[PATH_MAX];
	int r;

	r = copies_open(&copies, state_dir, "");
	r = r ?: path_of(path, &copies, OWNER);
	if (r < 0)
		return r;
	return access(path, F_OK) == 0 ? file_remove_tree(copies.path) : 0;
}
