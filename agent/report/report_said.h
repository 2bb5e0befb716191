/* SPDX-License-Identifier: Apache-2.0 */
/* What has been said to the API server, and when it is due again. Pure: it is told the time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"

#define SAID_NEVER INT64_MAX
#define SAID_MAX 2000 /* things that are kept in mind; there is a log for more */

/* Zero is the state of somebody who has said nothing. */
struct said {
	struct hash entries;
	uint32_t round;
};

struct said_entry {
	struct hash_node node;
	uint64_t key; /* which thing */
	uint64_t value; /* what of it */
	int64_t due_ms;
	unsigned int failures; /* in a row */
	uint32_t round; /* in which it was last wanted */
	bool is_fresh; /* the value is a new one: who wants it sets when it is due, and clears this */
};

/* All that is still to be said is wanted again from here on, until said_sweep(). */
void said_begin(struct said *said);

/* @value is to be said of @key. NULL: out of memory, or there is too much. */
struct said_entry *said_want(struct said *said, uint64_t key, uint64_t value);

/* As said_want(), however much is kept: for what pods wait for. NULL: out of memory. */
struct said_entry *said_need(struct said *said, uint64_t key, uint64_t value);

/* It was wanted in this round. */
bool said_wants(const struct said *said, uint64_t key);

/* Forget what nobody wanted since said_begin(). */
void said_sweep(struct said *said);

/* It was said, and is due again at @again_ms; or it failed, and is tried again. */
void said_done(struct said *said, uint64_t key, int64_t again_ms);
void said_failed(struct said *said, uint64_t key, int64_t now_ms);

void said_free(struct said *said);
