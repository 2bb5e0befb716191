/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manifests directory: every *.yaml, *.yml and *.json in it, watched with
 * inotify (follows symlinks; a ConfigMap's `..data` swap is one change, of all
 * files at once). The store always holds what the readable files say. A file that
 * is broken or half written keeps what it said before, or says what can be read of
 * it if that is nothing, and is reported; a directory that goes keeps what it said
 * too. A deleted file takes its objects with it. The same object in two files: the
 * first file by name wins, the other is reported.
 */
#pragma once

#include <event2/event.h>

#include "model/store.h"

struct manifest;

/* A problem as `weir status` shows it. */
struct manifest_problem {
	char *file; /* path */
	unsigned int document;
	unsigned int line;
	char *object;
	char *field;
	char *text;
	bool warning;
};

struct manifest_listener {
	void *arg;
	void (*changed)(void *arg); /* the store changed; several files together: once */
	void (*looked)(void *arg); /* the directory was looked through: problems may differ */
};

/*
 * Start to watch @dir, which must exist, and read all of it before the return. What changes
 * later is read and decoded in a thread: the event loop goes on meanwhile.
 * Copies of what was read are kept in @state_dir (NULL: nowhere), for the next
 * start. @listener, which is copied, hears of everything later.
 * 0 or a negative errno; the store is borrowed and must live longer.
 */
int manifest_new(struct manifest **ret, struct event_base *base, struct store *store,
		 const char *dir, const char *state_dir, const struct manifest_listener *listener);

/* Leaves the store as it is. */
void manifest_free(struct manifest *manifest);
void manifest_freep(struct manifest **manifest);

/* Current problems, by file; borrowed until the event loop runs again. */
const struct manifest_problem *manifest_problems(const struct manifest *manifest, size_t *count);

/* Files are being read beside the event loop; the store says what it said before. */
bool manifest_is_reading(const struct manifest *manifest);

/* Files that were read. */
size_t manifest_files(const struct manifest *manifest);
