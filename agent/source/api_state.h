/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of one kind on the disk, for a start without an API server: a file
 * <state-dir>/api/PLURAL that every change is appended to. It is written whole from a
 * list, under another name, and takes its place when the list is complete; from then on
 * it says what the store says: also of an object that could not be read lately, and whose
 * former version is in force. Superseded lines are removed when there are many, a piece at a
 * time.
 *
 *	weir-api 1 networkpolicies
 *	FINGERPRINT +shop/front {"apiVersion": ...}
 *	FINGERPRINT -shop/front
 *
 * A line that is damaged, or was cut off by a crash, is left out.
 */
#pragma once

#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "source/api_kinds.h"

#define API_STATE_HEADER "weir-api 1 %s\n"
#define API_STATE_SEAL "%016" PRIx64 " " /* of what follows on the line */

struct api_state {
	char *path; /* NULL: nothing is kept */
	const char *title; /* PLURAL */
	FILE *file; /* NULL: no complete one is there */
	FILE *fresh; /* in the making, PATH.new */
	bool is_late; /* @fresh was begun when objects were known that it does not have yet */
	bool is_lacking; /* one of those is in force, and its text is not known any more */
	struct api_compact *compact; /* NULL: superseded lines are not being removed */
	FILE *retired; /* the file before that; it takes the disk a while to forget a large one */
	off_t retired_size; /* what is left of it */
	struct buf line;
	size_t lines; /* of @file, or of @fresh */
	size_t damaged; /* lines that could not be read back */
	int error; /* negative errno of the last failure; 0: the file is as it should be */
};

struct api_state_sink {
	void *arg;
	/* 0 or a negative errno, which ends the reading. */
	int (*object)(void *arg, const json_t *object);
	void (*deleted)(void *arg, const char *namespace, const char *name);
};

/* @title is borrowed; @state_dir NULL: nothing is kept. 0 or -ENOMEM. */
int api_state_init(struct api_state *state, const char *state_dir, const char *title);
void api_state_done(struct api_state *state);

/* 1: the file was read, 0: there is none of this version, or what the sink returned. */
int api_state_load(struct api_state *state, const struct api_state_sink *sink);

/*
 * All objects are about to be put, of which @known are known already. What was put before a
 * list that came to no end stays written. Failures of these are in state->error. 0 or -ENOMEM.
 */
void api_state_begin(struct api_state *state, size_t known);
int api_state_put(struct api_state *state, const struct api_kind *kind, const json_t *object,
		  bool changed);
int api_state_delete(struct api_state *state, const char *namespace, const char *name);
/* An object stays in force that cannot be put. */
void api_state_keep(struct api_state *state);
/* All have been put, or were kept. A file that lacks one of them takes nobody's place. */
void api_state_complete(struct api_state *state);

/*
 * To the kernel; it may have far more lines than the @live objects need. Then api_state_step()
 * is to be called as long as api_state_is_busy().
 */
void api_state_flush(struct api_state *state, size_t live);
bool api_state_is_busy(const struct api_state *state);
void api_state_step(struct api_state *state);

/* No file that was there before and is not in use may be read by the next agent. */
void api_state_clear(struct api_state *state);

/* The file is of no use: nothing of it may be read by the next agent. */
void api_state_discard(struct api_state *state);

/* Everything of every kind. 0 or a negative errno. */
int api_state_remove_all(const char *state_dir);

/* The key of a line without its end, of *@length bytes; NULL: it is damaged. */
const char *api_state_key(const char *line, size_t *length);
