/* SPDX-License-Identifier: Apache-2.0 */
/* A service writer over a kernel in memory (fake_services.h), and what packets see of it. */
#pragma once

#include "fake_services.h"
#include "reconcile/service.h"

#define SIZE 64 /* of tables, where a test does not say otherwise */

extern struct service_writer *writer;
extern int64_t now_ms;

void open_writer(const struct service_maps *maps);

/* A line of service_text.h. */
int apply(const char *line);

/* All that rests has rested. */
void settle(void);

/* All Services were applied, and everything has rested. */
void finish(void);

/* Entries that the writer counts, and that the kernel holds: of all tables together. */
unsigned int used(void);
unsigned int held(void);

/* What packets see everywhere that the tests speak of. */
#define PROBES 8
#define SOURCES 4
struct sights {
	char text[PROBES][SERVICE_SETS][FAKE_SIGHT_MAX];
	bool may[PROBES][SOURCES]; /* may that source use it? */
};

extern struct sights before, after;

void look(struct sights *ret);

/*
 * Each place is as it was or as it shall be; and who may use it before and after may do so,
 * who may neither before nor after may not.
 */
void is_whole(void);
/* Each is as it shall be. */
void is_done(void);
