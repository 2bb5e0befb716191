/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the maps of services (include/weir/service.h) to what the model wants, one
 * Service at a time; the only writer of them. A packet sees a Service port as it was or as
 * it is, never half:
 *
 *  - What is new is written first: records of backends, a run of slots, service ports.
 *    Then one store a set turns to it, and frontends come last. New source ranges are
 *    written before frontends ask for them, and old ones go after that.
 *  - What goes is first made invisible, frontends and all. Its backends end: connections
 *    choose again. After a grace period their records are nobody's, after another one their
 *    numbers are free.
 *  - What does not fit is refused as a whole for that Service, and what it had stays. Only
 *    a Maglev table may be missing: then the set is its backends, and it is told all the same.
 *
 * A new agent finds what the former one left: a Service takes over the service port that
 * its frontends lead to, and with it the backends and their generations. What nobody
 * takes over goes in service_writer_synced(). Times are of clock_ms().
 */
#pragma once

#include "model/service.h"
#include "reconcile/service_maps.h"

/* RCU's grace period is over by then: no program runs as long. */
#define SERVICE_GRACE_MS 50

struct service_writer;

/* Reads back what the kernel holds. Takes over @maps, also when it fails. 0 or a negative errno. */
int service_writer_new(struct service_writer **ret, const struct service_maps *maps);

/* Ends what waits for a grace period at once; the maps stay. */
void service_writer_free(struct service_writer *writer);
void service_writer_freep(struct service_writer **writer);

/*
 * Put @images in force. On failure nothing has changed for packets, and it shall be tried
 * again: -EAGAIN when there may be room after service_writer_settle(), -ENOSPC for a full
 * table, or another negative errno. -ENOSPC as well when all is in force but a Maglev table.
 * service_writer_each_problem() tells of it, but for the first -EAGAIN.
 */
int service_writer_apply(struct service_writer *writer, const struct service_images *images,
			 int64_t now_ms);

/* All Services were applied once: remove what none of them has taken over. */
void service_writer_synced(struct service_writer *writer, int64_t now_ms);

/*
 * After a batch of the above. True when there are frontends that were not there before:
 * connections must then be judged once more (decisions/0006).
 */
bool service_writer_commit(struct service_writer *writer);

/*
 * Ends what has waited for its grace period. Returns when to call it again, in
 * milliseconds from now, or -1 when nothing waits.
 */
int64_t service_writer_settle(struct service_writer *writer, int64_t now_ms);

/* What could not be done; @text is borrowed. */
void service_writer_each_problem(const struct service_writer *writer,
				 void (*fn)(const char *text, void *arg), void *arg);

/* Of one Service, or NULL; borrowed until the next apply. */
const char *service_writer_problem(const struct service_writer *writer, const char *namespace,
				   const char *name);

/* The number of a service port in force, 0: it is not. */
uint32_t service_writer_port(const struct service_writer *writer, const char *namespace,
			     const char *name, const struct service_image *image);

/* 0 or a negative errno. */
int service_writer_hits(struct service_hit *ret, const struct service_writer *writer,
			uint32_t number);

/*
 * Entries in force, without what rests, of MAP_FRONTEND4, MAP_FRONTEND6, MAP_SERVICE_PORT,
 * MAP_BACKEND, MAP_BACKEND_SLOT, MAP_SERVICE_RANGE4 or MAP_SERVICE_RANGE6.
 */
uint32_t service_writer_used(const struct service_writer *writer, enum datapath_map map);
