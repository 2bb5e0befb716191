/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inotify on one directory that may come, go and be replaced, and on the targets
 * of symbolic links in it. Says that something happened, never what there is:
 * who listens looks for himself.
 */
#pragma once

#include <stdbool.h>

struct manifest_watch {
	int fd; /* non-blocking; -1: the kernel gives none, one can only poll */
	char *dir;
	int dir_wd; /* -1: not there */
	int above_wd; /* the nearest directory above that exists */
	char *above_name; /* its entry that leads to the directory */
};

enum watch_news {
	WATCH_LOOK, /* something changed */
	WATCH_WRITING, /* a file is being written */
	WATCH_DONE, /* a writer has closed it, or the name means another file or none */
	WATCH_LOST, /* events were lost */
};

struct watch_sink {
	void *arg;
	/* @name is in the directory, or NULL: the target that @wd stands for, or the directory. */
	void (*news)(void *arg, enum watch_news news, const char *name, int wd);
};

/* 0 or -ENOMEM. */
int watch_open(struct manifest_watch *watch, const char *dir);
void watch_close(struct manifest_watch *watch);

/*
 * Watch what the path names now. Call it before looking into the directory, so
 * that nothing is missed. False: the directory, or what is above it, cannot be watched.
 */
bool watch_refresh(struct manifest_watch *watch);

/* Watch the target of a symbolic link; its number, the same for the same target, or -1. */
int watch_target(struct manifest_watch *watch, const char *path);
void watch_drop(struct manifest_watch *watch, int wd);

/* Deliver what has come since. */
void watch_drain(struct manifest_watch *watch, const struct watch_sink *sink);
