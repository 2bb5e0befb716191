// SPDX-License-Identifier: Apache-2.0
#include "source/manifest_watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ENTRY_MASK (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define SELF_MASK (IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)
#define TARGET_MASK (SELF_MASK | IN_MODIFY | IN_CLOSE_WRITE)
#define DIR_MASK (ENTRY_MASK | TARGET_MASK | IN_ONLYDIR)
#define ABOVE_MASK (ENTRY_MASK | SELF_MASK | IN_ONLYDIR)
#define RACES_MAX 16
#define EVENTS_SIZE 16384

int watch_open(struct manifest_watch *watch, const char *dir)
{
	size_t length = strlen(dir);

	while (length > 1 && dir[length - 1] == '/')
		length--;
	*watch = (struct manifest_watch){ .dir_wd = -1, .above_wd = -1 };
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	watch->dir = strndup(dir, length);
	if (!watch->dir) {
		watch_close(watch);
		return -ENOMEM;
	}
	return 0;
}

void watch_close(struct manifest_watch *watch)
{
	closep(&watch->fd);
	watch->fd = -1;
	free(watch->dir);
	free(watch->above_name);
	watch->dir = watch->above_name = NULL;
}

void watch_drop(struct manifest_watch *watch, int wd)
{
	/* Fails when the kernel has dropped it already, with what it watched. */
	if (wd >= 0)
		inotify_rm_watch(watch->fd, wd);
}

int watch_target(struct manifest_watch *watch, const char *path)
{
	int wd = inotify_add_watch(watch->fd, path, TARGET_MASK | IN_MASK_ADD);

	/* A link to our own directory is not watched twice, and never dropped. */
	return wd == watch->dir_wd || wd == watch->above_wd ? -1 : wd;
}

static int path_split(char **parent, char **name, const char *path)
{
	const char *slash = strrchr(path, '/');

	*name = strdup(slash ? slash + 1 : path);
	while (slash && slash > path && slash[-1] == '/')
		slash--;
	if (!slash)
		*parent = strdup(".");
	else
		*parent = slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
	return *parent && *name ? 0 : -ENOMEM;
}

static bool is_top(const char *path)
{
	return !strcmp(path, "/") || !strcmp(path, ".");
}

/*
 * Find and watch the nearest directory above that exists; *@at becomes the path
 * of its entry that leads to ours. The watch, or a negative errno.
 */
static int watch_nearest(struct manifest_watch *watch, char **at, char **name)
{
	int r, wd;

	for (;;) {
		cleanup(freep) char *parent = NULL;

		freep(name);
		*name = NULL;
		r = path_split(&parent, name, *at);
		if (r < 0)
			return r;
		wd = inotify_add_watch(watch->fd, parent, ABOVE_MASK);
		if (wd >= 0)
			return wd;
		if ((errno != ENOENT && errno != ENOTDIR) || is_top(parent))
			return -errno;
		freep(at);
		*at = take_ptr(&parent);
	}
}

static void set_wd(struct manifest_watch *watch, int *wd, int now)
{
	if (*wd >= 0 && *wd != now)
		watch_drop(watch, *wd);
	*wd = now;
}

static bool refresh_above(struct manifest_watch *watch)
{
	int wd = -1;

	if (is_top(watch->dir))
		return true;
	/* What was missing may have appeared before the watch was there. */
	for (int races = 0; races < RACES_MAX; races++) {
		cleanup(freep) char *at = strdup(watch->dir);
		cleanup(freep) char *name = NULL;

		wd = at ? watch_nearest(watch, &at, &name) : -ENOMEM;
		set_wd(watch, &watch->above_wd, wd);
		if (wd < 0)
			return false;
		freep(&watch->above_name);
		watch->above_name = take_ptr(&name);
		if (!strcmp(at, watch->dir) || access(at, F_OK) < 0)
			return true;
	}
	return false;
}

bool watch_refresh(struct manifest_watch *watch)
{
	bool above;
	int wd;

	if (watch->fd < 0)
		return false;
	above = refresh_above(watch);
	wd = inotify_add_watch(watch->fd, watch->dir, DIR_MASK);
	if (wd < 0 && errno != ENOENT && errno != ENOTDIR)
		above = false;
	set_wd(watch, &watch->dir_wd, wd);
	return above;
}

/* Names with one dot in front are nobody's; `..data` leads to the files of a ConfigMap. */
static bool is_hidden(const char *name)
{
	return name[0] == '.' && name[1] != '.';
}

static enum watch_news news_of(uint32_t mask)
{
	if (mask & IN_Q_OVERFLOW)
		return WATCH_LOST;
	if (mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF))
		return WATCH_DONE;
	return mask & IN_MODIFY ? WATCH_WRITING : WATCH_LOOK;
}

static void deliver(const struct manifest_watch *watch, const struct watch_sink *sink,
		    const struct inotify_event *event)
{
	const char *name = event->len ? event->name : NULL;

	if (event->mask & IN_IGNORED)
		return;
	if (event->wd == watch->above_wd && event->wd != watch->dir_wd) {
		if (!name || !strcmp(name, watch->above_name))
			sink->news(sink->arg, WATCH_LOOK, NULL, event->wd);
		return;
	}
	if (!name || !is_hidden(name))
		sink->news(sink->arg, news_of(event->mask), name, event->wd);
}

void watch_drain(struct manifest_watch *watch, const struct watch_sink *sink)
{
	char events[EVENTS_SIZE] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	ssize_t size;

	while ((size = read(watch->fd, events, sizeof(events))) > 0)
		for (char *at = events; at < events + size; at += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)at;
			deliver(watch, sink, event);
		}
}
