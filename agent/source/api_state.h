/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of one kind on the disk, for a start without an API server: a file
 * <state-dir>/api/PLURAL that every change is appended to. It is written whole from a
 * list, under another name, and takes its place when the list is complete; from then on
 * it says what the store says. Superseded lines are removed when there are many.
 *
 *	weir-api 1 networkpolicies
 *	FINGERPRINT +shop/front {"apiVersion": ...}
 *	FINGERPRINT -shop/front
 *
 * A line that is damaged, or was cut off by a crash, is left out.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/buf.h"
#include "source/api_kinds.h"

#define API_STATE_HEADER "weir-api 1 %s\n"

struct api_state {
	char *path; /* NULL: nothing is kept */
	const char *title; /* PLURAL */
	FILE *file; /* NULL: no complete one is there */
	FILE *fresh; /* in the making, PATH.new */
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

/* Failures of these are in state->error. 0 or -ENOMEM. */
void api_state_begin(struct api_state *state); /* all objects are about to be put */
int api_state_put(struct api_state *state, const struct api_kind *kind, const json_t *object,
		  bool changed);
int api_state_delete(struct api_state *state, const char *namespace, const char *name);
void api_state_complete(struct api_state *state); /* all have been put */

/* To the kernel; and shorter, if it has far more lines than the @live objects need. */
void api_state_flush(struct api_state *state, size_t live);

/* Everything of every kind. 0 or a negative errno. */
int api_state_remove_all(const char *state_dir);

/* The key of a line without its end, of *@length bytes; NULL: it is damaged. */
const char *api_state_key(const char *line, size_t *length);

/* Write @to anew without superseded lines. The lines that are left, or a negative errno. */
ssize_t api_state_compact(const char *from, const char *to, const char *title);
