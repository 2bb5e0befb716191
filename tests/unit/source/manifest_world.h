/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A manifests directory in a place of its own, and what reads it. Names of files
 * are below the root of the test: "manifests/a.yaml".
 */
#pragma once

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/check_main.h"
#include "model/store.h"
#include "source/manifest.h"

#define PATIENCE_MS 5000
#define SETTLE_MS 300 /* longer than any debounce */

#define POLICY(name, port)                                                                     \
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"                              \
	"metadata: {namespace: shop, name: " name "}\n"                                        \
	"spec:\n  podSelector: {}\n  ingress:\n  - ports:\n    - port: " #port "\n"
#define NEXT "---\n"
#define BROKEN "kind: [unfinished\n"

struct world {
	char *root;
	char *dir;
	char *state; /* NULL: no copies are kept */
	struct event_base *base;
	struct store *store;
	struct manifest *manifest;
	unsigned int changes, looks;
	void (*on_change)(void); /* NULL: nothing more than to count */
};

extern struct world w;

void world_new(void);
void world_free(void);

/* Begin to read w.dir, as a new agent does, with an empty store. */
void start(void);
int try_start(void); /* 0 or a negative errno */

/* What happens to files; a file is written in place or renamed into it. */
char *path_of(const char *name); /* the caller frees it */
int open_file(const char *name, int flags);
void write_text(int fd, const char *text);
void in_place(const char *name, const char *text);
void by_rename(const char *name, const char *text);
void move(const char *from, const char *to);
void drop(const char *name);
void make_dir(const char *name);
void make_link(const char *target, const char *name);

/* And until no file is being read. */
void run_for(int ms);

/* Until files are being read, beside the loop. */
void await_reading(void);

/* Waits until @count changes were announced. */
void await_changes(unsigned int count);

/* And that no more come. */
void expect_changes(unsigned int count);

/* The port of the policy that the store has, 0: it has none. */
int port_of(const char *name);

size_t problem_count(void);
void expect_problem(const char *file, const char *object, const char *text);

int manifest_run(const char *title, const struct check_row *rows, int count);

/* As CHECK_MAIN, each test in a world of its own. */
#define MANIFEST_MAIN(title, ...)                                      \
	int main(void)                                                 \
	{                                                              \
		const struct check_row rows[] = { __VA_ARGS__ };       \
                                                                       \
		return manifest_run(title, rows, CHECK_COUNT(rows));   \
	}
